/* SPDX-License-Identifier: Apache-2.0 */
/* sys_call and sys_reply_recv in line, for riscv64: a message that lives in registers stays there. */
#pragma once

#include <libsys/syscalls.h>

/* As sys_call (abi/syscall.h). */
static inline __attribute__((always_inline)) enum err ipc_call(cptr_t endpoint, struct message *message)
{
	register int err __asm__("a0");
	register uint64_t a1 __asm__("a1") = message->info;
	register uint64_t a2 __asm__("a2") = message->word[0];
	register uint64_t a3 __asm__("a3") = message->word[1];
	register uint64_t a4 __asm__("a4") = message->word[2];
	register uint64_t a5 __asm__("a5") = message->word[3];
	register uint64_t a6 __asm__("a6") = message->word[4];
	register uint64_t a7 __asm__("a7") = SYS_CALL;

	__asm__ volatile("ecall"
			 : "=r"(err), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(a7)
			 : "0"(endpoint)
			 : "memory", "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6");
	*message = (struct message){ .info = a1, .word = { a2, a3, a4, a5, a6 }, .badge = a7 };
	return (enum err)err;
}

/* As sys_reply_recv (abi/syscall.h). */
static inline __attribute__((always_inline)) enum err ipc_reply_recv(cptr_t endpoint, cptr_t reply, struct message *message,
								       uint64_t deadline)
{
	register int err __asm__("a0");
	register uint64_t a1 __asm__("a1") = message->info;
	register uint64_t a2 __asm__("a2") = message->word[0];
	register uint64_t a3 __asm__("a3") = message->word[1];
	register uint64_t a4 __asm__("a4") = message->word[2];
	register uint64_t a5 __asm__("a5") = message->word[3];
	register uint64_t a6 __asm__("a6") = message->word[4];
	register uint64_t a7 __asm__("a7") = SYS_REPLY_RECV;
	register uint64_t t0 __asm__("t0") = reply;
	register uint64_t t1 __asm__("t1") = deadline;

	__asm__ volatile("ecall"
			 : "=r"(err), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(a7), "+r"(t0), "+r"(t1)
			 : "0"(endpoint)
			 : "memory", "ra", "t2", "t3", "t4", "t5", "t6");
	*message = (struct message){ .info = a1, .word = { a2, a3, a4, a5, a6 }, .badge = a7 };
	return (enum err)err;
}
