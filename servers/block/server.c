/* SPDX-License-Identifier: Apache-2.0 */
/* The turns of the block server: what has ended, then what is new, then the disks and the VMMs are told. */
#include "server.h"

#include <libsys/account.h>
#include <libsys/log.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "status.h"

#define GUESTS_MAX 8u
#define REFRESHES 10u /* of the status in a second */

static struct {
	struct server_resources given;
	struct description description;
	struct volume volume[BLOCK_VOLUMES_MAX];
	struct session session[BLOCK_SESSIONS_MAX];
	unsigned sessions;
	struct schedule schedule[BLOCK_DEVICES_MAX];
	bool ready;
	uint32_t changing;         /* bit per guest: its epoch is not yet answered */
	uint32_t epoch[GUESTS_MAX]; /* answered */
	bool changed;              /* since the status was refreshed */
	uint64_t refreshed;        /* ticks, when */
} server;

/* The disk whose time a volume's users share: its own, or that of the store. */
static struct schedule *schedule_of(const struct volume *volume)
{
	for (unsigned depth = 0; volume && !volume->disk && depth < BLOCK_VOLUMES_MAX; depth++)
		volume = volume_find(volume->config.store);
	return &server.schedule[volume && volume->disk ? volume->disk - server.given.disk : 0];
}

static void open_session(unsigned number)
{
	struct session *session = &server.session[number];
	const struct server_resources *given = &server.given;
	const char *problem;
	struct volume *volume;

	*session = (struct session){
		.number = number,
		.config = server.description.session[number],
		.shared = (struct block_session *)(void *)(given->sessions + number * BLOCK_PAGE),
		.recovery = (struct block_recovery *)(void *)(given->recovery + number * BLOCK_RECOVERY_SIZE),
		.signal = given->port->signal,
		.now = given->port->now,
	};
	volume = volume_find(session->config.volume);
	if (volume && volume->state == BLOCK_READY && (volume->flags & BLOCK_FLAG_READ_ONLY))
		session->config.read_only = true;
	problem = volume ? volume_attach(volume, number, session->config.read_only) : "there is no such volume";
	if (problem) {
		snprintf(session->problem, sizeof(session->problem), "%s", problem);
		log_warn("%s: disk %u (%s): %s", session->config.guest_name, session->config.disk, session->config.volume, problem);
	} else {
		session->volume = volume;
	}
	session->schedule = schedule_of(session->volume);
	session_init(session, &given->request[number * SESSION_REQUESTS], given->hz);
}

/* Answers the epochs of guests whose sessions are quiet. */
static void settle_guests(void)
{
	for (unsigned guest = 0; guest < server.description.guests; guest++) {
		struct attachment attachment;
		bool quiet = true;

		if (!(server.changing & 1u << guest))
			continue;
		for (unsigned i = 0; i < server.sessions; i++)
			quiet &= server.session[i].config.guest != guest || session_detached(&server.session[i]);
		if (!quiet)
			continue;
		attachment = server.given.table->guest[guest];
		for (unsigned i = 0; i < server.sessions; i++) {
			struct session *session = &server.session[i];

			if (session->config.guest != guest)
				continue;
			session->attached = false;
			if (attachment.epoch & 1)
				session_attach(session, &attachment, server.given.table->starts);
		}
		account_open(guest, attachment.epoch & 1 ? attachment.vcpus : 0);
		server.epoch[guest] = attachment.epoch;
		server.changing &= ~(1u << guest);
		__atomic_store_n(&server.given.status->guest[guest], attachment.epoch, __ATOMIC_RELEASE);
	}
}

/* The table or the command has changed. */
static void control(void)
{
	for (unsigned guest = 0; guest < server.description.guests; guest++) {
		uint32_t epoch = __atomic_load_n(&server.given.table->guest[guest].epoch, __ATOMIC_ACQUIRE);

		if (epoch == server.epoch[guest])
			continue;
		server.changing |= 1u << guest;
		for (unsigned i = 0; i < server.sessions; i++) {
			if (server.session[i].config.guest == guest && server.session[i].attached)
				session_detach(&server.session[i]);
		}
	}
	command_look();
	server.changed = true;
}

/* All volumes are open, or have failed. */
static void volumes_ready(void)
{
	struct block_status *status = server.given.status;

	for (unsigned i = 0; i < server.sessions; i++)
		open_session(i);
	server.ready = true;
	control();
	settle_guests();
	status_refresh(status, server.volume, server.description.volumes, server.session, server.sessions);
	__atomic_store_n(&status->ready, server.given.table->starts, __ATOMIC_RELEASE);
	log_info("%u volumes, %u disks of guests", server.description.volumes, server.sessions);
}

/* Whether a guest that is there has the volume as a disk. */
static bool is_used(const struct volume *volume)
{
	for (unsigned i = 0; i < server.sessions; i++) {
		if (server.session[i].volume == volume && server.session[i].attached)
			return true;
	}
	return false;
}

static void kick_disks(void)
{
	for (unsigned i = 0; i < server.given.disks; i++)
		disk_kick(&server.given.disk[i]);
}

const char *server_start(const struct server_resources *resources)
{
	const char *problem;

	memset(&server, 0, sizeof(server));
	server.given = *resources;
	problem = description_read(resources->tree, resources->tree_size, &server.description);
	if (problem)
		return problem;
	if (resources->session_count < server.description.sessions)
		return "there are too few pages for sessions";
	if (resources->disks > BLOCK_DEVICES_MAX)
		return "there are too many devices";
	server.sessions = server.description.sessions;
	for (unsigned i = 0; i < BLOCK_DEVICES_MAX; i++)
		schedule_init(&server.schedule[i], session_take);
	command_init(resources->status, resources->command, is_used);
	for (unsigned i = 0; i < server.description.volumes; i++)
		server.volume[i].config = server.description.volume[i];
	volumes_open(server.volume, server.description.volumes, resources->disk, resources->disks, &resources->memory, volumes_ready);
	kick_disks();
	return NULL;
}

/* Interrupts of one line are acknowledged when all its devices were looked at. */
static __attribute__((hot)) void interrupts(uint64_t bits)
{
	for (unsigned i = 0; i < server.given.disks; i++) {
		if (bits & BLOCK_SIGNAL_DEVICE(i))
			disk_interrupt(&server.given.disk[i]);
	}
	for (unsigned i = 0; i < server.given.disks; i++) {
		if (bits & BLOCK_SIGNAL_DEVICE(i))
			server.given.port->acknowledge(i);
	}
}

static void refresh(uint64_t now)
{
	if (now - server.refreshed < server.given.hz / REFRESHES)
		return;
	server.refreshed = now;
	server.changed = false;
	status_refresh(server.given.status, server.volume, server.description.volumes, server.session, server.sessions);
}

__attribute__((hot)) bool server_turn(uint64_t bits)
{
	uint64_t now = server.given.port->now();
	bool more = false;

	if (bits >= BLOCK_SIGNAL_DEVICE(0))
		interrupts(bits);
	if (!server.ready) {
		kick_disks();
		return false;
	}
	if (bits & BLOCK_SIGNAL_CONTROL)
		control();
	if (server.changing)
		settle_guests();
	for (unsigned i = 0; i < server.sessions; i++) {
		struct session *session = &server.session[i];

		if (bits & BLOCK_SIGNAL_SESSION(i))
			session_look(session);
		session_unhold(session, now);
	}
	for (unsigned i = 0; i < server.given.disks; i++) {
		if (server.schedule[i].first)
			more |= schedule_run(&server.schedule[i]);
	}
	kick_disks();
	for (unsigned i = 0; i < server.sessions; i++)
		session_tell(&server.session[i]);
	if (bits)
		server.changed = true;
	if (server.changed)
		refresh(now);
	return more;
}

uint64_t server_deadline(void)
{
	uint64_t deadline = DEADLINE_NEVER;

	if (!server.ready)
		return deadline;
	if (server.changed)
		deadline = server.refreshed + server.given.hz / REFRESHES;
	for (unsigned i = 0; i < server.sessions; i++) {
		uint64_t session = session_deadline(&server.session[i]);

		deadline = session < deadline ? session : deadline;
	}
	return deadline;
}
