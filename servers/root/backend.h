/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backends, as the root task sees them: the servers behind guests' devices, which work in the guests' memory (block and net server:
 * <proto/attach.h>). Each is started if the system has what it serves, and is given the devices of its kind, and the RAM of each guest that
 * has such devices for as long as the guest lives. What must survive its restart is the root task's. docs/disks.md, docs/network.md.
 */
#pragma once

#include <abi/types.h>

#include "system.h"

struct guest;
struct task;

/* Makes the pages and notifications that all servers of a kind use one after the other. Once, after channels and devices. */
void backends_init(void);

/* Starts the servers that the system needs; guests cannot have what such a server would do after its failure. */
void backends_start(void);

/* The kind of server whose calls have a badge. False: none. */
bool backend_of(uint32_t caller, enum backend_kind *kind);

/* What people call it: "block", and "disks". */
const char *backend_name(enum backend_kind kind);
const char *backend_devices(enum backend_kind kind);

/* Number of its channel in root.channel, if the system has such a server. */
unsigned backend_channel(enum backend_kind kind);

/* The kind of server that a channel belongs to. False: none. */
bool backend_of_channel(unsigned channel, enum backend_kind *kind);

/* Ends a server that faulted; backend_tick starts it again. */
void backend_fault(enum backend_kind kind);

/* Starts the server again if it is due. False: it cannot be, and all guests with such devices have to end. */
bool backend_tick(enum backend_kind kind) __attribute__((warn_unused_result));

/* Makes it fault, for tests. ERR_INVALID_CAP: it does not run. */
enum err backend_kill(enum backend_kind kind) __attribute__((warn_unused_result));

/*
 * Before a guest starts, when its RAM is kept (backend_guest.h): lets the servers have that, and gives the VMM the resources of its devices.
 * Nothing happens for a guest without any.
 */
enum err backends_attach(struct guest *guest) __attribute__((warn_unused_result));

/*
 * Takes the RAM away from the servers, after the VMM's threads stopped; waits up to 2 s for each, and ends it if it does not answer.
 * False: a device may still write to the guest's RAM, so that must not be used again.
 */
bool backends_detach(struct guest *guest) __attribute__((warn_unused_result));

/* Tells the servers that the machine is about to go down; and whether all have written what they had to. */
void backends_end(void);
bool backends_ended(void);

/* The console's resources, and the most pages that they are. */
#define BACKENDS_CONSOLE_PAGES (4u * BACKENDS)
enum err backends_give_console(struct task *console) __attribute__((warn_unused_result));

/* Bytes that the servers take. */
uint64_t backends_bytes(void);
