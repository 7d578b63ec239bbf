/* SPDX-License-Identifier: Apache-2.0 */
/* The block server without its system calls: what happens in a turn of its loop. */
#pragma once

#include "session.h"

/* What the server wants from its system. */
struct port {
	uint64_t (*now)(void);               /* ticks */
	void (*signal)(unsigned session);    /* the VMM's notification, with this session's bit */
	void (*acknowledge)(unsigned device); /* its interrupt may come again; nothing if it has no handler */
};

/* Memory is of the sizes in <proto/block.h>, and all of it stays with the server. */
struct server_resources {
	const struct port *port;
	uint64_t hz; /* ticks a second */
	const void *tree; /* the system description */
	size_t tree_size;
	struct disk *disk; /* by number of the device; those that could not be opened have failed */
	unsigned disks;
	struct volume_memory memory;
	uint8_t *sessions; /* BLOCK_PAGE each */
	uint8_t *recovery; /* BLOCK_RECOVERY_SIZE each */
	unsigned session_count;
	struct request *request; /* SESSION_REQUESTS for each session */
	const struct attach_table *table;
	struct block_status *status;
	const struct block_command *command;
};

/* Starts, with all disks reset. NULL, or what is wrong with what was given. */
const char *server_start(const struct server_resources *resources);

/* Deals with these bits of the notification, or none. true: more could be done right away. */
bool server_turn(uint64_t bits);

/* When a turn is due even without a signal, in ticks. */
uint64_t server_deadline(void);
