/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <libsys/log.h>
#include <stdio.h>
#include <string.h>

static struct {
	struct block_status *status;
	const struct block_command *shared;
	struct block_command command; /* the copy that is worked on */
	bool (*used)(const struct volume *volume);
	bool busy;
} state;

static const char *const past[] = {
	[BLOCK_SNAPSHOT] = "made",
	[BLOCK_ROLLBACK] = "back at",
	[BLOCK_DELETE_SNAPSHOT] = "deleted",
};

static void answer(const char *problem)
{
	struct block_status *status = state.status;

	if (problem)
		snprintf(status->answer, sizeof(status->answer), "%s", problem);
	else
		snprintf(status->answer, sizeof(status->answer), "%s: %s snapshot %s", state.command.volume,
			 past[state.command.operation], state.command.name);
	log_info("%s", status->answer);
	status->error = problem != NULL;
	__atomic_store_n(&status->command, state.command.sequence, __ATOMIC_RELEASE);
	state.busy = false;
}

static void done(struct volume *volume, const char *problem)
{
	(void)volume;
	answer(problem);
	/* The next one may have come meanwhile. */
	command_look();
}

void command_init(struct block_status *status, const struct block_command *command,
		  bool (*used)(const struct volume *volume))
{
	memset(&state, 0, sizeof(state));
	state.status = status;
	state.shared = command;
	state.used = used;
	state.command.sequence = __atomic_load_n(&command->sequence, __ATOMIC_RELAXED);
	if (state.command.sequence != status->command)
		answer("the block server was started again; look whether it is done");
}

void command_look(void)
{
	struct block_command *command = &state.command;
	struct volume *volume;
	uint32_t sequence = __atomic_load_n(&state.shared->sequence, __ATOMIC_ACQUIRE);

	if (state.busy || sequence == state.status->command)
		return;
	memcpy(command, state.shared, sizeof(*command));
	__asm__ volatile("" : : "r"(command) : "memory");
	command->sequence = sequence;
	command->volume[BLOCK_NAME_MAX] = '\0';
	command->name[BLOCK_NAME_MAX] = '\0';
	state.busy = true;
	volume = volume_find(command->volume);
	if (command->operation < BLOCK_SNAPSHOT || command->operation > BLOCK_DELETE_SNAPSHOT)
		answer("there is no such operation");
	else if (!volume)
		answer("there is no such volume");
	else if (command->operation == BLOCK_ROLLBACK && state.used(volume))
		answer("a running guest uses the volume: stop it first");
	else
		volume_snapshot(volume, (enum block_operation)command->operation, command->name, done);
}
