/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block server (<proto/block.h>), as the root task sees it: started if the system has disks, given the devices, and the RAM of each
 * guest that has disks for as long as the guest lives. What must survive its restart is the root task's. docs/disks.md.
 */
#pragma once

#include <abi/types.h>

struct guest;
struct task;

/* Makes the pages and notifications that all block servers use one after the other. Once, after channels and devices. */
void block_init(void);

/* Starts the server if the system has disks; guests cannot have theirs after a failure. */
void block_start(void);

/* Ends a server that faulted; block_tick starts it again. */
void block_fault(void);

/* Starts the server again if it is due. False: it cannot be, and all guests with disks have to end. */
bool block_tick(void) __attribute__((warn_unused_result));

/* Makes it fault, for tests. ERR_INVALID_CAP: it does not run. */
enum err block_kill(void) __attribute__((warn_unused_result));

/*
 * Before a guest starts, when its RAM is kept (block_guest.h): lets the server have that, and gives the VMM the resources of its disks.
 * Nothing happens for a guest without disks.
 */
enum err block_attach(struct guest *guest) __attribute__((warn_unused_result));

/*
 * Takes the RAM away from the server, after the VMM's threads stopped; waits up to 2 s for the server, and ends it if it does not answer.
 * False: a disk may still write to the guest's RAM, so that must not be used again.
 */
bool block_detach(struct guest *guest) __attribute__((warn_unused_result));

/* The console's resources. */
enum err block_give_console(struct task *console) __attribute__((warn_unused_result));

/* Bytes that the server takes. */
uint64_t block_bytes(void);
