/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls to the root task, on TASK_SLOT_ROOT. The badge tells who calls; a server may only make the calls of its kind.
 * Answers: label = enum root_error; words as said. Guests are numbered in the order of the system description.
 */
#pragma once

#include <abi/types.h>

enum root_error {
	ROOT_OK = 0,
	ROOT_UNKNOWN = 1,     /* no such request or guest, or not for this caller */
	ROOT_WRONG_STATE = 2, /* e.g. start of a running guest */
	ROOT_NO_MEMORY = 3,
	ROOT_FAILED = 4,      /* could not be built; the reason is in the log */
};

/* Life of a guest. */
enum guest_state {
	GUEST_OFF = 0,       /* never started, stopped by the user, or powered off by itself */
	GUEST_STARTING = 1,  /* its VMM is loading it */
	GUEST_RUNNING = 2,
	GUEST_CRASHED = 3,   /* stopped for an unsupported action or a fault of its VMM; its memory is returned */
};

/* Label of a call from the console. Words in and out. */
enum root_request {
	ROOT_GUEST_STATUS = 1, /* in: guest. out: enum guest_state, RAM bytes, uptime in ms, bytes beyond RAM, starts so far */
	ROOT_GUEST_START = 2,  /* in: guest */
	ROOT_GUEST_STOP = 3,   /* in: guest */
	ROOT_GUEST_REBOOT = 4, /* in: guest; stop if running, then start */
	ROOT_MEMORY = 5,       /* out: bytes in all, free, kernel and root, servers, guests */
	ROOT_SHUTDOWN = 6,     /* stop all and power off; no answer */
	ROOT_GUEST_CPU = 7,    /* in: guest. out: share, cap in percent of a hart (0: none), ms used, times out of budget, vCPUs */
	/* calls from a VMM */
	ROOT_VMM_RUNNING = 16, /* the guest enters its kernel now */
	ROOT_VMM_POWEROFF = 17, /* no answer: the caller is deleted */
	ROOT_VMM_REBOOT = 18,   /* no answer */
	ROOT_VMM_CRASHED = 19,  /* in: enum vmm_crash. no answer. The report is in the channel's log */
	ROOT_VMM_KILL = 20,     /* from the console, for tests: in: guest; makes its VMM fault (write to address 0) */
	ROOT_BLOCK_KILL = 21,   /* likewise: makes the block server fault */
	ROOT_NET_KILL = 22,     /* likewise, the net server */
	ROOT_GATEWAY_KILL = 23, /* likewise, the gateway */
};

/*
 * Where a guest sees the page of its interrupt controller with the enable bits, which it only reads: the VMM writes it as its memory
 * "plic.enables", so that reading it is no exit. Linux reads it at each interrupt.
 */
#define GUEST_PLIC_ENABLES UINT64_C(0x0c002000)

/*
 * Memory "isr" of a VMM has a page for each of the guest's virtio devices, whose frames are its capabilities "isr.0", "isr.1" and so on. It may
 * map them for the guest, "gspace", read-only, anywhere in the 2 MiB from here: the first of the window for PCI registers.
 */
#define GUEST_ISR_RANGE UINT64_C(0x40000000)

enum vmm_crash {
	VMM_CRASH_UNSUPPORTED = 1, /* the guest did what the VMM cannot do */
	VMM_CRASH_CONFIG = 2,      /* bad kernel image, no room */
	VMM_CRASH_GUEST = 3,       /* the guest asked for a reset with the reason "system failure" */
};

/* The root task signals this bit to the console when the state of any guest changed. */
enum { CONSOLE_SIGNAL_STATE = 1u << 31 };
