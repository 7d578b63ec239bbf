/* SPDX-License-Identifier: Apache-2.0 */
/* One guest CPU as the VMM keeps it: the page shared with the kernel, and what happened last. Its own thread alone uses it. */
#pragma once

#include <abi/vcpu.h>
#include <libsys/guest_memory.h>
#include "bus.h"
#include "decode.h"

#define VCPU_RECORDS 16u
#define VCPU_DECODED 16u /* power of two */

struct exit_record {
	uint64_t pc;
	uint64_t cause;
	uint64_t value;
	uint64_t address;
};

/* An instruction that reached a device before: its bits as they were read or as htinst had them, and what it does. */
struct decoded {
	_Alignas(16) uint32_t instruction;
	struct access access;
};

/* A doorbell. */
struct bell {
	uint64_t address; /* guest physical; 0: none */
	cptr_t signal;    /* what it signals */
};

/* An exception that was raised in the guest. */
struct injected {
	uint64_t pc;
	uint64_t cause;
	uint64_t value;
};

struct vcpu {
	_Alignas(64) struct vcpu_page *page; /* no cache line in common with the next one */
	struct harts *harts;   /* all of the guest */
	uint64_t *exits_shown; /* where the number of exits of all of them is shown to others */
	uint64_t exits;        /* so far; the last one is record[(exits - 1) % VCPU_RECORDS] */
	struct bus *bus;
	const struct guest_memory *memory;
	cptr_t cap;
	cptr_t wake;            /* notification on which its thread blocks, with the badge CONSOLE_SIGNAL_OWN */
	unsigned hart;          /* its number */
	uint64_t line;          /* VCPU_IRQ_EXTERNAL while the interrupt controller signals; under the lock */
	uint64_t sent;          /* interrupts that others sent since it last suspended itself; atomic */
	uint32_t state;         /* enum hart_state (hsm.h); atomic */
	uint64_t start_pc, start_argument; /* of the next start */
	uint64_t fetch_pc;      /* where the last fetch failed, and how often in a row */
	uint64_t fetch_failures;
	struct exit_record record[VCPU_RECORDS];
	struct injected injected;      /* the last one */
	uint64_t injected_exits;       /* `exits` then */
	uint64_t injected_repetitions; /* how often the same one was raised with no exit between, but the first time */
	struct decoded decoded[VCPU_DECODED]; /* by pc */
	struct bell bell[VCPU_BELLS]; /* as the kernel has them for this vCPU */
};

/* Registers of the general-purpose file by their role in calls. */
enum { REG_RA = 1, REG_SP = 2, REG_A0 = 10, REG_A1 = 11, REG_A6 = 16, REG_A7 = 17 };

/* Makes the guest start, or start again, at `pc` in VS-mode with translation, interrupts and timer off, a0 and a1 as given. */
void vcpu_reset(struct vcpu *vcpu, uint64_t pc, uint64_t a0, uint64_t a1);

/* A VS-mode CSR, 0 if it cannot be read. */
uint64_t vcpu_csr(const struct vcpu *vcpu, enum vcpu_register number);

/* Raises an exception in the guest at its pc, on the next run. */
static inline void vcpu_inject(struct vcpu *vcpu, uint64_t cause, uint64_t value)
{
	vcpu->page->trap_cause = cause;
	vcpu->page->trap_value = value;
	vcpu->page->requests |= VCPU_REQUEST_TRAP;
}
