/* SPDX-License-Identifier: Apache-2.0 */
/* Crash report. Its level is a warning: errors are our own. */
#include <libsys/log.h>
#include "decode.h"
#include "disassemble.h"
#include "fetch.h"
#include "report.h"
#include "vmm.h"

typedef unsigned long long number_t; /* for printf */

const char *report_cause(uint64_t cause)
{
	static const char *const names[] = {
		"misaligned fetch", "fetch access fault", "illegal instruction", "breakpoint", "misaligned load",
		"load access fault", "misaligned store", "store access fault", "call from user mode",
		"call from hypervisor mode", "call from supervisor mode", "call from machine mode", "fetch page fault",
		"load page fault", "reserved", "store page fault", "double trap", "reserved", "software check",
		"hardware error", "guest fetch fault", "guest load fault", "virtual instruction", "guest store fault",
	};

	if (cause == VCPU_EXIT_NOTIFIED)
		return "notified";
	if (cause == VCPU_EXIT_KICKED)
		return "kicked";
	return cause < sizeof(names) / sizeof(names[0]) ? names[cause] : "unknown";
}

static void report_registers(const struct vcpu *vcpu)
{
	const struct vcpu_page *page = vcpu->page;

	for (unsigned i = 0; i < 32; i += 4)
		log_warn("  %-4s %016llx  %-4s %016llx  %-4s %016llx  %-4s %016llx",
			 i ? register_name(i) : "pc", (number_t)(i ? page->gpr[i] : page->pc),
			 register_name(i + 1), (number_t)page->gpr[i + 1],
			 register_name(i + 2), (number_t)page->gpr[i + 2],
			 register_name(i + 3), (number_t)page->gpr[i + 3]);
	log_warn("  vsstatus %llx  vstvec %llx  vsepc %llx  vscause %llx  vstval %llx  vsatp %llx  vsie %llx  hvip %llx",
		 (number_t)vcpu_csr(vcpu, VCPU_VSSTATUS), (number_t)vcpu_csr(vcpu, VCPU_VSTVEC),
		 (number_t)vcpu_csr(vcpu, VCPU_VSEPC), (number_t)vcpu_csr(vcpu, VCPU_VSCAUSE),
		 (number_t)vcpu_csr(vcpu, VCPU_VSTVAL), (number_t)vcpu_csr(vcpu, VCPU_VSATP),
		 (number_t)vcpu_csr(vcpu, VCPU_VSIE), (number_t)page->hvip);
}

static void report_exits(const struct vcpu *vcpu)
{
	uint64_t first = vcpu->exits > VCPU_RECORDS ? vcpu->exits - VCPU_RECORDS : 0;

	log_warn("last exits, oldest first (%llu in all):", (number_t)vcpu->exits);
	for (uint64_t i = first; i < vcpu->exits; i++) {
		const struct exit_record *record = &vcpu->record[i % VCPU_RECORDS];

		log_warn("  pc %016llx  %s  value %llx  address %llx", (number_t)record->pc, report_cause(record->cause),
			 (number_t)record->value, (number_t)record->address);
	}
}

void report_crash(struct vcpu *vcpu, const struct vcpu_exit_info *exit, const char *reason,
		  const uint32_t *instruction)
{
	uint32_t fetched = 0;
	char text[80] = "cannot be read";

	if (!instruction && fetch_instruction(vcpu->page->pc, &fetched) == 0)
		instruction = &fetched;
	if (instruction)
		disassemble(*instruction, text, sizeof(text));
	log_warn("guest stopped: %s", reason);
	log_warn("cause %llu (%s), value %llx, address %llx, htinst %llx, hart %u, mode %s", (number_t)exit->cause,
		 report_cause(exit->cause), (number_t)exit->value, (number_t)exit->address,
		 (number_t)exit->instruction, vcpu->hart, vcpu->page->mode ? "VS" : "VU");
	log_warn("pc %016llx, instruction %0*x: %s", (number_t)vcpu->page->pc,
		 instruction && decode_length(*instruction) == 2 ? 4 : 8, instruction ? *instruction : 0, text);
	report_registers(vcpu);
	report_exits(vcpu);
	vmm_crash(VMM_CRASH_UNSUPPORTED);
}
