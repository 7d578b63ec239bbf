/* SPDX-License-Identifier: Apache-2.0 */
/* What servers of devices (block, net) have in common: how they find what root gave them, and their loop (docs/disks.md). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BACKEND_DEVICES_MAX 16u
#define BACKEND_SESSIONS_MAX 64u

/*
 * Finds the interrupts "device.N.irq", the clients' notifications "session.N.signal", and the "accounts" of guests (account.h). More than there
 * may be end the task.
 */
void backend_find(unsigned devices, unsigned sessions);

/* Mapped memory of at least `least` bytes; without it the task ends. */
void *backend_memory(const char *name, size_t least);

/* Memory "device.N.what", or NULL; *size may be NULL. */
void *backend_device_memory(unsigned device, const char *what, size_t *size);

/* Signals the client of a session, if it is still there. */
void backend_signal(unsigned session);

/* Lets the device's interrupt come again. */
void backend_acknowledge(unsigned device);

/* Connects the log to the console, if root gave a channel. */
void backend_log(void);

/* Calls turn with the badge bits that came, again at once as long as it returns true, else at the next signal or at deadline (ticks). Between them account_begin and account_end. */
_Noreturn void backend_run(bool (*turn)(uint64_t bits), uint64_t (*deadline)(void));
