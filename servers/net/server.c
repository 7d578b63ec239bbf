/* SPDX-License-Identifier: Apache-2.0 */
/* The turns of the net server: what came from outside, then what guests send, then NICs and VMMs are told. */
#include "server.h"

#include <libsys/account.h>
#include <libsys/bits.h>
#include <libsys/log.h>
#include <stdio.h>
#include <string.h>

#include "capture.h"
#include "command.h"
#include "forward.h"
#include "uplink.h"

#define REFRESHES 10u /* of the status in a second */
#define MTU_DEFAULT 1500u
#define CAPTURE_LOOKS 2000u /* in a second, at a device that is slow to read what was captured */

static struct {
	struct server_resources given;
	struct description description;
	struct net_switch net[NET_SWITCHES_MAX];
	struct switch_port link[SWITCH_PORTS];
	struct port port[NET_SESSIONS_MAX];
	unsigned ports;
	struct schedule schedule;
	uint32_t more;             /* bit per NIC that has more frames */
	uint32_t changing;         /* bit per guest: its epoch is not yet answered */
	uint32_t epoch[ATTACH_MAX]; /* answered */
	bool changed;              /* since the status was refreshed */
	bool ending;               /* the machine goes down: captures are to be at their end */
	bool captured;             /* something waits for a device of a capture */
	uint64_t refreshed;        /* ticks, when */
} server;

static void open_port(unsigned number)
{
	const struct server_resources *given = &server.given;
	struct port *port = &server.port[number];

	*port = (struct port){
		.number = number,
		.config = server.description.session[number],
		.link = &server.link[number],
		.shared = (struct net_session *)(void *)(given->sessions + (size_t)number * NET_PAGE),
		.schedule = &server.schedule,
		.signal = given->system->signal,
		.now = given->system->now,
	};
	port->net = &server.net[port->config.net];
	port->net->ports |= (port_set)1 << number;
	port_init(port, given->hold + (size_t)number * SERVER_HOLDS, given->hz);
}

/* The longest frames of a network with an uplink. */
static uint32_t longest(void)
{
	uint32_t mtu = MTU_DEFAULT;

	for (unsigned i = 0; i < server.description.nets; i++) {
		if (server.description.net[i].uplink && server.description.net[i].mtu > mtu)
			mtu = server.description.net[i].mtu;
	}
	return mtu;
}

static void open_nics(void)
{
	const struct server_resources *given = &server.given;

	for (unsigned i = 0; i < given->nics; i++) {
		struct nic *nic = &given->nic[i];

		memset(nic, 0, sizeof(*nic));
		nic->number = i;
		nic->received = uplink_received;
		nic->sent = uplink_sent;
		given->system->open(nic, longest());
	}
}

/* Whether no NIC reads memory of the guest. */
static bool is_quiet(unsigned guest)
{
	for (unsigned i = 0; i < server.ports; i++) {
		if (server.port[i].config.guest == guest && !port_detached(&server.port[i]))
			return false;
	}
	return true;
}

/* Answers the epochs of guests whose ports are quiet. */
static void settle_guests(void)
{
	for (unsigned guest = 0; guest < ATTACH_MAX; guest++) {
		struct attachment attachment;

		if (!(server.changing & 1u << guest) || !is_quiet(guest))
			continue;
		attachment = server.given.table->guest[guest];
		for (unsigned i = 0; i < server.ports; i++) {
			struct port *port = &server.port[i];

			if (port->config.guest != guest)
				continue;
			port->attached = false;
			if (attachment.epoch & 1)
				port_attach(port, &attachment, server.given.table->starts);
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
	for (unsigned guest = 0; guest < ATTACH_MAX; guest++) {
		uint32_t epoch = __atomic_load_n(&server.given.table->guest[guest].epoch, __ATOMIC_ACQUIRE);

		if (epoch == server.epoch[guest])
			continue;
		server.changing |= 1u << guest;
		for (unsigned i = 0; i < server.ports; i++) {
			if (server.port[i].config.guest == guest && server.port[i].attached)
				port_detach(&server.port[i]);
		}
	}
	command_look();
	if (__atomic_load_n(&server.given.table->ending, __ATOMIC_ACQUIRE) && !server.ending) {
		server.ending = true;
		capture_finish();
	}
	/* What the user has changed outlives this server on its page: it is there at the end of the turn. */
	server.changed = true;
	server.refreshed = server.given.system->now() - server.given.hz;
}

static void refresh(uint64_t now)
{
	struct net_status *status = server.given.status;

	server.refreshed = now;
	server.changed = false;
	for (unsigned i = 0; i < server.ports; i++) {
		struct port *port = &server.port[i];

		port->counters.link = port->up;
		port->counters.serving = port->serves != 0;
		status->port[i] = port->counters;
		status->port[i].drops[NET_DROP_LINK] += port->link->missed;
	}
	for (unsigned i = 0; i < server.given.nics; i++) {
		status->port[server.ports + i] = forward.uplink[i];
		status->port[server.ports + i].drops[NET_DROP_LINK] += server.link[NET_SESSIONS_MAX + i].missed;
	}
	for (unsigned i = 0; i < server.given.captures; i++)
		status->capture_bytes[i] = capture_written(i);
	__atomic_store_n(&status->ports, server.ports + server.given.nics, __ATOMIC_RELEASE);
}

/* Begins what the description says; or what was captured `before`, at a restart, unless NULL: the user may have changed it. */
static void begin_capture(unsigned port, const char *name, const struct net_switch *net, struct net_port_status *counters, unsigned file,
			  const uint8_t *before)
{
	const char *problem = NULL;

	capture_name(port, name, net, counters, file ? file - 1 : 0);
	if (before)
		file = *before;
	if (file)
		problem = capture_begin(port, file - 1);
	if (problem)
		log_warn("%s: not captured: %s", name, problem);
}

static void begin_captures(const uint8_t *before)
{
	for (unsigned i = 0; i < server.ports; i++) {
		struct port *port = &server.port[i];

		begin_capture(i, port->name, port->net, &port->counters, port->config.capture, before ? &before[i] : NULL);
	}
	for (unsigned i = 0; i < server.given.nics; i++) {
		const struct net_switch *net = uplink_net(i);

		if (net)
			begin_capture(NET_SESSIONS_MAX + i, "uplink", net, &forward.uplink[i],
				      server.description.net[net - server.net].capture, before ? &before[server.ports + i] : NULL);
	}
}

static void start_captures(void)
{
	const struct server_resources *given = &server.given;
	struct capture_setup setup = {
		.files = given->captures,
		.snaplen = server.description.snaplen ? server.description.snaplen : PCAPNG_SNAPLEN,
		.hz = given->hz, .epoch = given->epoch, .now = given->system->now, .open = given->system->open_stream,
	};
	struct net_status *status = given->status;
	uint8_t before[SWITCH_PORTS];

	for (unsigned i = 0; i < SWITCH_PORTS; i++)
		before[i] = status->port[i].capturing;
	for (unsigned i = 0; i < given->captures; i++) {
		const char *file = server.description.capture_file[i];

		setup.limit[i] = status->capture_limit[i] = server.description.capture_limit[i];
		if (given->table->starts > 1)
			setup.written[i] = status->capture_bytes[i];
		snprintf(status->capture_file[i], sizeof(status->capture_file[i]), "%s", file ? file : "a file of the host");
		setup.name[i] = status->capture_file[i];
	}
	status->captures = given->captures;
	capture_init(&setup);
	begin_captures(given->table->starts > 1 && status->ports ? before : NULL);
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
	if (resources->nics > NET_DEVICES_MAX)
		return "there are too many devices";
	if (resources->captures > NET_CAPTURES_MAX)
		return "there are too many devices to capture to";
	schedule_init(&server.schedule, port_take);
	for (unsigned i = 0; i < server.description.nets; i++) {
		struct net_switch *net = &server.net[i];

		strcpy(net->name, server.description.net[i].name);
		net->mtu = server.description.net[i].mtu;
		net->port = server.link;
		net->ticks_per_second = resources->hz;
	}
	server.ports = server.description.sessions;
	for (unsigned i = 0; i < server.ports; i++)
		open_port(i);
	forward = (struct forward){ .port = server.port, .ports = server.ports, .nic = resources->nic, .link = server.link };
	open_nics();
	uplinks_init(&server.description, server.net, resources->nics, resources->hz, resources->system->now);
	start_captures();
	command_init(resources->status, resources->command, server.port, server.ports);
	server.more = (1u << resources->nics) - 1;
	control();
	settle_guests();
	refresh(resources->system->now());
	__atomic_store_n(&resources->status->ready, resources->table->starts, __ATOMIC_RELEASE);
	log_info("%u networks, %u NICs of guests", server.description.nets, server.ports);
	return NULL;
}

/* Interrupts of one line are acknowledged when all its devices were looked at. */
static void interrupts(uint64_t bits)
{
	uint32_t came = (uint32_t)(bits / NET_SIGNAL_DEVICE(0)) & ((1u << NET_DEVICES_MAX) - 1);

	server.more = uplinks_work(server.more | came);
	for (unsigned i = 0; came && i < server.given.nics; i++) {
		if (came & 1u << i)
			server.given.system->acknowledge(i);
	}
	/* Nobody here asked for what comes from outside. */
	account_skip(server.given.system->now());
}

static void tell(void)
{
	for (; forward.touched; forward.touched &= forward.touched - 1)
		port_tell(&server.port[lowest_bit(forward.touched)]);
}

static void look(uint64_t bits, uint64_t now)
{
	for (unsigned i = 0; i < server.ports; i++) {
		struct port *port = &server.port[i];

		if (bits & NET_SIGNAL_SESSION(i))
			port_look(port);
		port_unhold(port, now);
		port_settle(port, now);
	}
}

__attribute__((hot)) bool server_turn(uint64_t bits)
{
	uint64_t now = server.given.system->now();
	bool more = false;

	if (bits >= NET_SIGNAL_DEVICE(0) || server.more)
		interrupts(bits);
	if (bits & NET_SIGNAL_CONTROL)
		control();
	if (server.changing)
		settle_guests();
	look(bits, now);
	if (server.schedule.first)
		more = schedule_run(&server.schedule);
	if (uplinks_kick()) {
		for (unsigned i = 0; i < server.ports; i++)
			port_unfill(&server.port[i]);
		more |= server.schedule.first != NULL;
	}
	tell();
	server.captured = capture_kick();
	if (server.ending && !server.given.status->ended) {
		server.captured = !capture_is_done();
		__atomic_store_n(&server.given.status->ended, !server.captured, __ATOMIC_RELEASE);
	}
	if (bits)
		server.changed = true;
	if (server.changed && now - server.refreshed >= server.given.hz / REFRESHES)
		refresh(now);
	return more || server.more;
}

uint64_t server_deadline(void)
{
	uint64_t deadline = DEADLINE_NEVER;

	if (server.changed)
		deadline = server.refreshed + server.given.hz / REFRESHES;
	if (server.captured && server.given.system->now() + server.given.hz / CAPTURE_LOOKS < deadline)
		deadline = server.given.system->now() + server.given.hz / CAPTURE_LOOKS;
	for (unsigned i = 0; i < server.ports; i++) {
		uint64_t other = port_deadline(&server.port[i]);

		if (other < deadline)
			deadline = other;
	}
	return deadline;
}
