/* SPDX-License-Identifier: Apache-2.0 */
/* What stands for the kernel, the root task and the guest's hart when the VMM's code runs on the build machine. */
#pragma once

#include <proto/block.h>
#include <proto/console.h>
#include <proto/net.h>
#include <proto/root.h>
#include <harts.h>

#define FAKE_RAM_BASE 0x80000000u
#define FAKE_RAM_SIZE (1u << 20)

#define FAKE_ISR_PAGES (1 + BLOCK_DISKS_MAX + NET_NICS_MAX)

/* What the code under test did, and what it is answered. */
struct fake {
	unsigned signals;        /* of the console */
	uint64_t time;           /* ticks; a wait in vain lasts until its deadline */
	unsigned woken[HARTS_MAX];  /* signals of a vCPU's notification */
	uint64_t kicked[HARTS_MAX]; /* interrupts sent to a vCPU */
	unsigned kicks[HARTS_MAX];  /* and kicks with none */
	void (*on_wait)(cptr_t notification); /* what happens while somebody waits */
	uint64_t csr[VCPU_REGISTERS]; /* of any vCPU; at start each reads as its number */
	unsigned waits;
	enum err wait_answer;
	uint64_t wait_bits;
	bool wait_drains;        /* a wait empties the output ring, as a console would */
	unsigned poweroffs, reboots, crashes;
	enum vmm_crash crash;
	unsigned resets;
	uint64_t fetch_cause;
	uint32_t instruction;    /* what a fetch gives */
	unsigned log_lines, log_errors;
	char log_text[65536];
	unsigned delivered;
	struct bell bell[HARTS_MAX][VCPU_BELLS]; /* as the kernel has them */
	enum err bell_answer;    /* of setting one */
	uint64_t disks;          /* given to the VMM, with fake_session */
	unsigned served[BLOCK_DISKS_MAX]; /* signals to the block server, by disk */
	void (*on_serve)(unsigned disk);  /* what it does then */
	uint64_t nics;           /* given to the VMM, with fake_nic_session */
	unsigned nics_served[NET_NICS_MAX]; /* signals to the net server, by NIC */
	void (*on_nic_serve)(unsigned nic); /* what it does then */
	unsigned isr_pages;      /* given to the VMM, with fake_isr */
	uint64_t isr_at[FAKE_ISR_PAGES]; /* where they are mapped for the guest; 0: nowhere */
	unsigned isr_maps;       /* how often one was */
	enum err isr_answer;     /* of mapping one */
};

extern struct fake fake;
extern struct console_channel fake_channel;

/*
 * vCPU i has the capability FAKE_VCPU + i, and the notification FAKE_WAKE + i; the server of disk i has FAKE_SERVER + i, that of
 * NIC i FAKE_NET_SERVER + i; page i of an ISR status is the frame FAKE_FRAME + i.
 */
enum { FAKE_VCPU = 100, FAKE_WAKE = 200, FAKE_SERVER = 300, FAKE_NET_SERVER = 400, FAKE_FRAME = 500, FAKE_GSPACE = 600 };
extern struct block_session fake_session[BLOCK_DISKS_MAX];
extern struct net_session fake_nic_session[NET_NICS_MAX];
extern uint32_t fake_isr[FAKE_ISR_PAGES][1024];
extern struct harts fake_harts;

/* `count` vCPUs, of which the first is started, with pages of zeroes. Each in VS-mode. */
void fake_make_harts(uint32_t count, const struct guest_memory *memory, struct bus *bus, uint64_t *exits);

/* An output of the interrupt controller: a bool. */
void fake_line(void *line, bool level);

/* Everything as at start; the console is open on fake_channel. deliver may be NULL. */
void fake_reset(void (*deliver)(void));

/* RAM of FAKE_RAM_SIZE bytes, filled with zeroes. */
struct guest_memory fake_memory(void);

/* What the guest has sent since the last call: at most size - 1 bytes, NUL-terminated. Returns their number. */
size_t fake_output(char *text, size_t size);

/* Lets the console type. */
void fake_type(const char *text);
