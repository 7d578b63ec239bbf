/* SPDX-License-Identifier: Apache-2.0 */
/* sys_vcpu_run in line, for riscv64: the way back into the guest is what every exit pays for. It loses all registers. */
#pragma once

#include <libsys/syscalls.h>

/* As sys_vcpu_run (abi/syscall.h, abi/vcpu.h). */
static inline __attribute__((always_inline)) enum err run_vcpu(cptr_t vcpu, struct vcpu_exit_info *exit)
{
	register uint64_t a0 __asm__("a0") = vcpu;
	register uint64_t a1 __asm__("a1");
	register uint64_t a2 __asm__("a2");
	register uint64_t a3 __asm__("a3");
	register uint64_t a4 __asm__("a4");
	register uint64_t a7 __asm__("a7") = SYS_VCPU_RUN;

	__asm__ volatile("ecall"
			 : "+r"(a0), "=r"(a1), "=r"(a2), "=r"(a3), "=r"(a4), "+r"(a7)
			 :
			 : "memory", "ra", "a5", "a6", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "s0", "s1", "s2", "s3", "s4", "s5",
			   "s6", "s7", "s8", "s9", "s10", "s11");
	exit->cause = a1;
	exit->value = a2;
	exit->address = a3;
	exit->instruction = a4;
	exit->bits = a7;
	return (enum err)a0;
}
