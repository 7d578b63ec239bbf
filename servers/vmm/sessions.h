/* SPDX-License-Identifier: Apache-2.0 */
/* Opening of this VMM's sessions with the servers behind its devices (<proto/block.h>, <proto/net.h>), all of a kind in turn. */
#pragma once

#include <abi/types.h>

/* Disks, or NICs. */
struct session_kind {
	const char *resource; /* "disk": of number n, "disk.n.session" and "disk.n.signal" */
	const char *count;    /* "disks": the resource that says how many there are */
	const char *shown;    /* "disk": in messages */
	const char *server;   /* "block": in messages */
	unsigned most;
	size_t size;          /* bytes of a session */
};

/* As enum block_state and enum net_state. */
#define SESSION_WAITING 0u
#define SESSION_READY 1u
#define SESSION_FAILED 2u

/* How many there are; the task fails if that is too many. */
unsigned sessions_count(const struct session_kind *kind);

/* The page of a session and the capability that signals its server; the task fails if they are missing. */
void *sessions_find(const struct session_kind *kind, unsigned number, cptr_t *signal);

/* Until when to wait for all answers together: 10 s from now, ticks. */
uint64_t sessions_deadline(void);

/*
 * Waits until the server has answered in `state`, at most until the deadline, and gives the state then. Signals for others are kept for
 * later.
 */
uint32_t sessions_wait(const struct session_kind *kind, const uint32_t *state, uint64_t deadline);

/*
 * Writes to the log why the guest cannot start: the server's own `problem` of `length` bytes for SESSION_FAILED, that it is silent for
 * SESSION_WAITING, that it describes nothing that can be for SESSION_READY. name: of the disk or NIC, at most 31 characters.
 */
void sessions_refuse(const struct session_kind *kind, uint32_t state, const char *problem, size_t length, const char *guest,
		     const char *name);

/* Copies what can be printed from the start of `from`, at most length bytes; `size` bytes at `to`, NUL-terminated. */
void sessions_text(char *to, size_t size, const char *from, size_t length);
