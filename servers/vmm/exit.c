/* SPDX-License-Identifier: Apache-2.0 */
/* Exit dispatch: calls to the firmware, MMIO, and traps that the guest has to see. */
#include <libsys/log.h>
#include "bells.h"
#include "decode.h"
#include "exit.h"
#include "fetch.h"
#include "harts.h"
#include "report.h"
#include "sbi.h"
#include "signals.h"

/* Exceptions that are raised in the guest (privileged specification, table of scause). */
enum {
	EXCEPTION_FETCH_ACCESS = 1,
	EXCEPTION_ILLEGAL = 2,
	EXCEPTION_LOAD_MISALIGNED = 4,
	EXCEPTION_LOAD_ACCESS = 5,
	EXCEPTION_STORE_MISALIGNED = 6,
	EXCEPTION_STORE_ACCESS = 7,
};

#define INSTRUCTION_WFI 0x10500073u
#define FETCH_FAILURES_MAX 64u
#define REPETITIONS_MAX 4096u
#define VSTVEC_MODE ((uint64_t)3)
#define WARNINGS_MAX 16u

static void record(struct vcpu *vcpu, const struct vcpu_exit_info *exit)
{
	struct exit_record *slot = &vcpu->record[vcpu->exits % VCPU_RECORDS];

	slot->pc = vcpu->page->pc;
	slot->cause = exit->cause;
	slot->value = exit->value;
	slot->address = exit->address;
	vcpu->exits++;
	__atomic_fetch_add(vcpu->exits_shown, 1, __ATOMIC_RELAXED);
}

/* A guest may hit holes as often as it likes; the log is for the first few. */
static __attribute__((cold, noinline)) void warn_hole(struct vcpu *vcpu, uint64_t address, bool write)
{
	struct harts *harts = vcpu->harts;

	if (harts->warnings >= WARNINGS_MAX)
		return;
	harts->warnings++;
	log_warn("guest: %s at %#llx, where nothing answers (pc %#llx)%s", write ? "write" : "read",
		 (unsigned long long)address, (unsigned long long)vcpu->page->pc,
		 harts->warnings == WARNINGS_MAX ? "; further ones are not logged" : "");
}

/*
 * The guest's instruction could not be read. Run it again: the hart meets the reason itself and the guest's own handler
 * gets it. Only where the hart can fetch and HLVX cannot (execute-only pages on QEMU 7.2) does that go on for ever.
 */
static __attribute__((cold, noinline)) void fetch_failed(struct vcpu *vcpu, const struct vcpu_exit_info *exit)
{
	if (vcpu->fetch_pc != vcpu->page->pc) {
		vcpu->fetch_pc = vcpu->page->pc;
		vcpu->fetch_failures = 0;
	}
	if (++vcpu->fetch_failures >= FETCH_FAILURES_MAX)
		report_crash(vcpu, exit, "the instruction at the guest's pc cannot be read", NULL);
}

/* Raises an exception in the guest, unless it is clear that its handler can never run. */
static __attribute__((cold, noinline)) void inject(struct vcpu *vcpu, const struct vcpu_exit_info *exit, uint64_t cause,
						   uint64_t value)
{
	struct injected *last = &vcpu->injected;
	uint64_t pc = vcpu->page->pc;
	bool system = vcpu->page->mode; /* what a process of the guest does for ever is no matter of ours */
	bool repeated = system && last->pc == pc && last->cause == cause && last->value == value &&
		vcpu->injected_exits + 1 == vcpu->exits;

	*last = (struct injected){ .pc = pc, .cause = cause, .value = value };
	vcpu->injected_exits = vcpu->exits;
	vcpu->injected_repetitions = repeated ? vcpu->injected_repetitions + 1 : 0;
	if (cause == EXCEPTION_FETCH_ACCESS && system && pc == (vcpu_csr(vcpu, VCPU_VSTVEC) & ~VSTVEC_MODE))
		report_crash(vcpu, exit, "the guest cannot fetch its trap handler", NULL);
	else if (vcpu->injected_repetitions >= REPETITIONS_MAX)
		report_crash(vcpu, exit, "the guest meets the same exception for ever", NULL);
	else
		vcpu_inject(vcpu, cause, value);
}

static inline uint64_t load_value(const struct access *access, uint64_t value)
{
	unsigned unused = 64 - 8u * access->size;

	value <<= unused;
	return access->sign ? (uint64_t)((int64_t)value >> unused) : value >> unused;
}

static __attribute__((cold, noinline)) void access_refused(struct vcpu *vcpu, const struct vcpu_exit_info *exit,
							   const struct access *access, uint32_t instruction)
{
	if (access->kind == ACCESS_UNKNOWN)
		report_crash(vcpu, exit, "a device was accessed by an unknown instruction", &instruction);
	else if (access->kind == ACCESS_FLOAT)
		report_crash(vcpu, exit, "a device was accessed by a floating-point or vector instruction", &instruction);
	else
		inject(vcpu, exit, access->write ? EXCEPTION_STORE_ACCESS : EXCEPTION_LOAD_ACCESS, exit->value);
}

static __attribute__((cold, noinline)) void walk_failed(struct vcpu *vcpu, const struct vcpu_exit_info *exit)
{
	bool write = exit->cause == CAUSE_GUEST_STORE_FAULT;

	inject(vcpu, exit, write ? EXCEPTION_STORE_ACCESS : EXCEPTION_LOAD_ACCESS, exit->value);
}

static __attribute__((cold, noinline)) void misaligned(struct vcpu *vcpu, const struct vcpu_exit_info *exit, bool write,
						       unsigned offset)
{
	inject(vcpu, exit, write ? EXCEPTION_STORE_MISALIGNED : EXCEPTION_LOAD_MISALIGNED, exit->value - offset);
}

static __attribute__((cold, noinline)) void hole(struct vcpu *vcpu, const struct vcpu_exit_info *exit, bool write)
{
	warn_hole(vcpu, exit->address, write);
	inject(vcpu, exit, write ? EXCEPTION_STORE_ACCESS : EXCEPTION_LOAD_ACCESS, exit->value);
}

static __attribute__((noinline)) void decode(struct decoded *slot, uint32_t instruction, bool transformed)
{
	unsigned offset;

	slot->instruction = instruction;
	slot->access = transformed ? decode_transformed(instruction, &offset) : decode_instruction(instruction);
}

static __attribute__((hot, noinline)) void handle_mmio(struct vcpu *vcpu, const struct vcpu_exit_info *exit)
{
	struct vcpu_page *page = vcpu->page;
	struct decoded *decoded = &vcpu->decoded[page->pc / 2 % VCPU_DECODED];
	const struct access *access = &decoded->access;
	uint32_t instruction = (uint32_t)exit->instruction;
	const struct bus_device *device;
	struct bus_access bus_access;
	bool transformed = instruction & 1;
	unsigned offset = 0, size;

	if (transformed) {
		offset = decode_offset(instruction);
	} else if (instruction) {
		/* A walk of the guest's page tables led outside its memory. */
		walk_failed(vcpu, exit);
		return;
	} else if (fetch_instruction(page->pc, &instruction)) {
		fetch_failed(vcpu, exit);
		return;
	}
	if (decoded->instruction != instruction)
		decode(decoded, instruction, transformed);
	if (access->kind != ACCESS_PLAIN) {
		access_refused(vcpu, exit, access, instruction);
		return;
	}
	size = access->size;
	bus_access.write = access->write;
	if ((exit->address & (size - 1u)) || offset) {
		misaligned(vcpu, exit, access->write, offset);
		return;
	}
	device = bus_find(vcpu->bus, exit->address, size);
	bus_access.size = (uint8_t)size;
	bus_access.value = access->write && access->reg ? page->gpr[access->reg & 31] : 0;
	if (device)
		bus_access.offset = exit->address - device->base;
	if (!device || !device->handler(device->device, &bus_access)) {
		hole(vcpu, exit, access->write);
		return;
	}
	if (!access->write && access->reg)
		page->gpr[access->reg & 31] = load_value(access, bus_access.value);
	page->pc += access->length;
}

/* stval can be that of the instruction before (QEMU 7.2), so the instruction is read again. */
static void handle_virtual_instruction(struct vcpu *vcpu, const struct vcpu_exit_info *exit)
{
	struct vcpu_page *page = vcpu->page;
	uint32_t instruction;

	if (fetch_instruction(page->pc, &instruction))
		instruction = (uint32_t)exit->value;
	if (instruction == INSTRUCTION_WFI && page->mode) {
		page->pc += 4;
		page->requests |= VCPU_REQUEST_WAIT;
		return;
	}
	inject(vcpu, exit, EXCEPTION_ILLEGAL, instruction);
}

static __attribute__((noinline)) void handle_other(struct vcpu *vcpu, const struct vcpu_exit_info *exit)
{
	switch (exit->cause) {
	case VCPU_EXIT_NOTIFIED:
		signals_take(exit->bits);
		break;
	case VCPU_EXIT_KICKED:
		bells_apply(vcpu);
		break;
	case CAUSE_VIRTUAL_INSTRUCTION:
		handle_virtual_instruction(vcpu, exit);
		break;
	case CAUSE_GUEST_FETCH_FAULT:
		inject(vcpu, exit, EXCEPTION_FETCH_ACCESS, exit->value);
		break;
	default:
		report_crash(vcpu, exit, "an exit that this VMM does not know", NULL);
		break;
	}
}

static inline __attribute__((always_inline)) void handle(struct vcpu *vcpu, const struct vcpu_exit_info *exit)
{
	if (exit->cause == CAUSE_GUEST_LOAD_FAULT || exit->cause == CAUSE_GUEST_STORE_FAULT)
		handle_mmio(vcpu, exit);
	else
		handle_other(vcpu, exit);
}

static __attribute__((noinline)) void handle_locked(struct vcpu *vcpu, const struct vcpu_exit_info *exit)
{
	harts_lock(vcpu);
	handle(vcpu, exit);
	harts_unlock(vcpu);
}

__attribute__((hot)) void exit_handle(struct vcpu *vcpu, const struct vcpu_exit_info *exit)
{
	record(vcpu, exit);
	if (exit->cause == CAUSE_VS_ECALL) {
		sbi_handle(vcpu);
		return;
	}
	if (vcpu->harts->lock)
		handle_locked(vcpu, exit);
	else
		handle(vcpu, exit);
}
