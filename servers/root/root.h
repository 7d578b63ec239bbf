/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the root task that know each other. */
#pragma once

#include <abi/root_info.h>
#include <proto/console.h>
#include <proto/root.h>

#include "devices.h"
#include "lifecycle.h"
#include "machine.h"
#include "system.h"
#include "task.h"

#define CHANNELS_MAX (1u + SYSTEM_GUESTS_MAX + BACKENDS + 1u)
/* Who goes first: the root task (set by the kernel at boot), then what answers keys, then what guests wait for, then guests. */
#define ROOT_PRIORITY 220u
#define CONSOLE_PRIORITY 200u
#define BACKEND_PRIORITY 150u
#define GATEWAY_PRIORITY 140u
#define GUEST_PRIORITY 100u
#define CHANNEL_FRAMES (CONSOLE_CHANNEL_SIZE / 4096u)

/* Badges of calls. */
enum { CALLER_CONSOLE = 1, CALLER_BLOCK = 2, CALLER_NET = 3, CALLER_GATEWAY = 4, CALLER_GUEST = 16 };

/*
 * Channel i + 1 belongs to guest i; channel 0 carries the log of the root task, the last ones those of block and net server and the gateway if they exist.
 * They stay when either end restarts.
 */
struct channel {
	cptr_t frames;       /* CHANNEL_FRAMES slots, mapped in the root task */
	cptr_t notification; /* of the client */
	cptr_t signal;       /* the same, badged for the console */
	cptr_t console;      /* notification of the console, badged for the client */
	struct console_channel *memory;
};

#define GUEST_RAM_BASE UINT64_C(0x80000000)

/* Slots of a VMM's task that are for the guest; the last four for each vCPU. */
enum {
	GUEST_GSPACE = TASK_FIRST_OWN,
	GUEST_LOCK,
	GUEST_FRAMES, /* a CNode for each kind of server that maps its RAM */
	GUEST_VCPU = GUEST_FRAMES + BACKENDS,
	GUEST_VCPU_SLOTS = 4,
};
_Static_assert(GUEST_VCPU + GUEST_VCPU_SLOTS * SYSTEM_VCPUS_MAX <= TASK_OBJECTS, "slots of a VMM");

struct guest {
	const struct system_guest *config;
	unsigned number;
	struct task vmm;
	struct arena ram;
	struct lifecycle life;
	uint64_t frames;         /* of its RAM */
	uint64_t kept[BACKENDS]; /* of them, copied so far for each server */
	uint64_t timeouts; /* how often a vCPU used up its cap, since the guest's start */
};

struct root {
	const struct root_info *info;
	struct machine machine;
	struct devices devices;
	struct system system;
	struct arena arena; /* what stays for ever */
	struct space space; /* of the root task */
	struct hold hold;
	cptr_t endpoint, reply, notification;
	unsigned channels;
	struct channel channel[CHANNELS_MAX];
	struct guest guest[SYSTEM_GUESTS_MAX];
};
extern struct root root;

/* log2 of bytes of the frames that a block of RAM is mapped by. */
static inline unsigned guest_frame_bits(unsigned block_bits)
{
	return block_bits >= 30 ? 30 : 21;
}

/* channels.c: makes the console's notification and all channels, and logs through channel 0 from then on. */
void channels_init(void);
/* Maps a channel in a server. */
enum err channel_map(const struct channel *channel, struct space *space, uint64_t address) __attribute__((warn_unused_result));
/* The console was told everything and has taken it. */
bool channels_drained(void);

/* console.c: the console server. */
void console_init(void);
enum err console_start(void) __attribute__((warn_unused_result));
void console_destroy(void);
/* The state of a guest changed. */
void console_tell(void);
uint64_t console_bytes(void);

/* guest.c */
void guest_init(struct guest *guest, unsigned number);
/* Memory, address spaces, VMM: ERR_NO_MEMORY and others leave nothing behind. */
enum err guest_create(struct guest *guest) __attribute__((warn_unused_result));
void guest_destroy(struct guest *guest);
/* Bytes that a guest takes beyond its RAM. */
uint64_t guest_overhead(const struct guest *guest);

/* supervisor.c: what happens to guests and servers. */
enum root_error supervisor_start(struct guest *guest);
enum root_error supervisor_stop(struct guest *guest);
void supervisor_off(struct guest *guest);
void supervisor_reboot(struct guest *guest);
void supervisor_crashed(struct guest *guest);
void supervisor_fault(uint32_t number, const uint64_t *words);
/* A vCPU of a guest used up its cap for now. */
void supervisor_timeout(uint32_t number);
/* Ends the machine as soon as the console has shown all; never returns to normal. */
void supervisor_end(void);
bool supervisor_ending(void);
/* While ending: when to look again; powers off when it is time. */
uint64_t supervisor_deadline(void);
void supervisor_tick(void);

/* requests.c: false for no answer. */
struct message;
bool request_handle(struct message *message);
