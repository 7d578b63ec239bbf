/* SPDX-License-Identifier: Apache-2.0 */
/* The block server's page may change while it is read: what is used twice is copied first, and each text is cut to its field. */
#include "volumes.h"

#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "command.h"
#include "screen.h"

#define SECTOR 512u

static void take_name(char out[BLOCK_NAME_MAX + 1], const char *name)
{
	memcpy(out, name, BLOCK_NAME_MAX + 1);
	out[BLOCK_NAME_MAX] = '\0';
}

static bool have_server(struct mux *mux)
{
	if (!mux->port->block_status)
		screen_print(mux, "this system has no disks");
	return mux->port->block_status != NULL;
}

static const char *state_name(const struct block_volume_status *volume)
{
	switch (volume->state) {
	case BLOCK_READY:
		return volume->flags & BLOCK_FLAG_READ_ONLY ? "read-only" : "ready";
	case BLOCK_FAILED:
		return "failed";
	default:
		return "waiting";
	}
}

static unsigned users(const struct block_volume_status *volume)
{
	return (unsigned)__builtin_popcount(volume->sessions);
}

static unsigned count_volumes(const struct block_status *status)
{
	uint32_t count = __atomic_load_n(&status->volumes, __ATOMIC_ACQUIRE);

	return count < BLOCK_VOLUMES_MAX ? count : BLOCK_VOLUMES_MAX;
}

static void show_line(struct mux *mux, const struct block_volume_status *volume)
{
	char name[BLOCK_NAME_MAX + 1], base[BLOCK_NAME_MAX + 1], size[24], used[24] = "";

	take_name(name, volume->name);
	take_name(base, volume->base);
	command_bytes(volume->capacity * SECTOR, size);
	if (volume->overlay)
		command_bytes(volume->store_used, used);
	screen_print(mux, "  %-15s %-9s %9s %5u %-15s %9s %10lu %10lu %6lu", name, state_name(volume), size, users(volume), base, used,
		     (unsigned long)volume->reads, (unsigned long)volume->writes, (unsigned long)volume->errors);
}

static void show_users(struct mux *mux, const struct block_status *status, uint32_t sessions)
{
	for (unsigned i = 0; i < BLOCK_SESSIONS_MAX; i++) {
		struct block_session_status session = status->session[i];

		if (!(sessions & 1u << i))
			continue;
		screen_print(mux, "  session %u: %s, %lu requests, %lu KiB, %lu errors, %u in flight, held up by its limit %lu times", i,
			     session.serving ? "in use" : "not in use", (unsigned long)session.requests,
			     (unsigned long)(session.bytes / 1024), (unsigned long)session.errors, session.in_flight,
			     (unsigned long)session.throttled);
	}
}

static void show_all_of(struct mux *mux, const struct block_status *status, const struct block_volume_status *volume)
{
	char name[BLOCK_NAME_MAX + 1], size[24], used[24];
	uint32_t snapshots = volume->snapshots < BLOCK_SNAPSHOTS_MAX ? volume->snapshots : BLOCK_SNAPSHOTS_MAX;

	show_line(mux, volume);
	screen_print(mux, "  read %lu KiB, wrote %lu KiB, %lu flushes, %lu discards", (unsigned long)(volume->read_bytes / 1024),
		     (unsigned long)(volume->written_bytes / 1024), (unsigned long)volume->flushes,
		     (unsigned long)volume->discards);
	if (volume->overlay) {
		command_bytes(volume->store_used, used);
		command_bytes(volume->store_bytes, size);
		screen_print(mux, "  its store holds %s of %s", used, size);
	}
	for (unsigned i = 0; i < snapshots; i++) {
		take_name(name, volume->snapshot[i]);
		screen_print(mux, "  snapshot %s", name);
	}
	show_users(mux, status, volume->sessions);
	if (volume->state == BLOCK_FAILED)
		screen_print(mux, "  %.*s", (int)sizeof(volume->problem) - 1, volume->problem);
}

void volumes_show(struct mux *mux, const char *name)
{
	const struct block_status *status = mux->port->block_status;
	struct block_volume_status volume;
	bool found = false;

	if (!have_server(mux))
		return;
	screen_print(mux, "  %-15s %-9s %9s %5s %-15s %9s %10s %10s %6s", "VOLUME", "STATE", "SIZE", "USERS", "BASE", "STORED", "READS",
		     "WRITES", "ERRORS");
	for (unsigned i = 0; i < count_volumes(status); i++) {
		volume = status->volume[i];
		volume.name[BLOCK_NAME_MAX] = '\0';
		if (!name)
			show_line(mux, &volume);
		else if (!strcmp(volume.name, name))
			show_all_of(mux, status, &volume);
		else
			continue;
		found = true;
	}
	if (name && !found)
		screen_print(mux, "no volume is named '%s'; `volumes` lists them", name);
}

void volumes_ask(struct mux *mux, enum block_operation operation, const char *volume, const char *name)
{
	struct block_command *command = mux->port->block_command;
	uint32_t sequence;

	if (!have_server(mux))
		return;
	if (mux->asked) {
		screen_print(mux, "the block server is still busy with the last command");
		return;
	}
	if (strlen(volume) > BLOCK_NAME_MAX || strlen(name) > BLOCK_NAME_MAX) {
		screen_print(mux, "names of volumes and snapshots have at most %u characters", BLOCK_NAME_MAX);
		return;
	}
	sequence = ask_sequence(&mux->port->block_status->command, command->sequence);
	command->operation = operation;
	strcpy(command->volume, volume);
	strcpy(command->name, name);
	__atomic_store_n(&command->sequence, sequence, __ATOMIC_RELEASE);
	mux->asked = sequence;
	mux->port->block_signal(mux->port->context);
}

bool volumes_turn(struct mux *mux)
{
	const struct block_status *status = mux->port->block_status;

	return status && ask_turn(mux, &mux->asked, &status->command, &status->error, status->answer, sizeof(status->answer));
}
