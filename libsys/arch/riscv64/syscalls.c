/* SPDX-License-Identifier: Apache-2.0 */
#include <libsys/debug.h>
#include <libsys/ipc.h>
#include <libsys/syscalls.h>
#include <libsys/vcpu_run.h>

/* The registers of the calling convention, in and out. */
struct registers {
	uint64_t a[8];
	uint64_t t0, t1;
};

static inline __attribute__((always_inline)) void trap(uint64_t number, struct registers *registers)
{
	register uint64_t a0 __asm__("a0") = registers->a[0];
	register uint64_t a1 __asm__("a1") = registers->a[1];
	register uint64_t a2 __asm__("a2") = registers->a[2];
	register uint64_t a3 __asm__("a3") = registers->a[3];
	register uint64_t a4 __asm__("a4") = registers->a[4];
	register uint64_t a5 __asm__("a5") = registers->a[5];
	register uint64_t a6 __asm__("a6") = registers->a[6];
	register uint64_t a7 __asm__("a7") = number;
	register uint64_t t0 __asm__("t0") = registers->t0;
	register uint64_t t1 __asm__("t1") = registers->t1;

	__asm__ volatile("ecall"
			 : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(a7), "+r"(t0), "+r"(t1)
			 :
			 : "memory", "ra", "t2", "t3", "t4", "t5", "t6");
	registers->a[0] = a0;
	registers->a[1] = a1;
	registers->a[2] = a2;
	registers->a[3] = a3;
	registers->a[4] = a4;
	registers->a[5] = a5;
	registers->a[6] = a6;
	registers->a[7] = a7;
}

static inline void put_message(struct registers *registers, const struct message *message)
{
	registers->a[1] = message->info;
	for (unsigned i = 0; i < MESSAGE_WORDS; i++)
		registers->a[2 + i] = message->word[i];
}

static inline void get_message(const struct registers *registers, struct message *message)
{
	message->info = registers->a[1];
	for (unsigned i = 0; i < MESSAGE_WORDS; i++)
		message->word[i] = registers->a[2 + i];
	message->badge = registers->a[7];
}

enum err sys_call(cptr_t endpoint, struct message *message)
{
	return ipc_call(endpoint, message);
}

enum err sys_recv(cptr_t endpoint, cptr_t reply, struct message *message, uint64_t deadline)
{
	struct registers registers = { .a = { endpoint }, .t0 = reply, .t1 = deadline };

	trap(SYS_RECV, &registers);
	get_message(&registers, message);
	return (enum err)registers.a[0];
}

enum err sys_reply_recv(cptr_t endpoint, cptr_t reply, struct message *message, uint64_t deadline)
{
	return ipc_reply_recv(endpoint, reply, message, deadline);
}

enum err sys_send(cptr_t endpoint, const struct message *message)
{
	struct registers registers = { .a = { endpoint } };

	put_message(&registers, message);
	trap(SYS_SEND, &registers);
	return (enum err)registers.a[0];
}

enum err sys_signal(cptr_t notification)
{
	register uint64_t a0 __asm__("a0") = notification;
	register uint64_t a7 __asm__("a7") = SYS_SIGNAL;

	__asm__ volatile("ecall"
			 : "+r"(a0), "+r"(a7)
			 :
			 : "memory", "ra", "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "t2", "t3", "t4", "t5", "t6");
	return (enum err)a0;
}

enum err sys_wait(cptr_t notification, uint64_t deadline, uint64_t *bits)
{
	struct registers registers = { .a = { notification }, .t1 = deadline };

	trap(SYS_WAIT, &registers);
	*bits = registers.a[7];
	return (enum err)registers.a[0];
}

enum err sys_poll(cptr_t notification, uint64_t *bits)
{
	struct registers registers = { .a = { notification } };

	trap(SYS_POLL, &registers);
	*bits = registers.a[7];
	return (enum err)registers.a[0];
}

void sys_yield(void)
{
	struct registers registers = { .a = { 0 } };

	trap(SYS_YIELD, &registers);
}

enum err sys_vcpu_run(cptr_t vcpu, struct vcpu_exit_info *exit)
{
	return run_vcpu(vcpu, exit);
}

enum err sys_vcpu_kick(cptr_t vcpu, uint64_t interrupts)
{
	struct registers registers = { .a = { vcpu, interrupts } };

	trap(SYS_VCPU_KICK, &registers);
	return (enum err)registers.a[0];
}

enum err sys_invoke(cptr_t cap, uint64_t operation, const uint64_t arguments[5], uint64_t *result)
{
	struct registers registers = { .a = { cap, operation, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4] } };

	trap(SYS_INVOKE, &registers);
	if (result)
		*result = registers.a[1];
	return (enum err)registers.a[0];
}

uint64_t sys_time(void)
{
	uint64_t value;

	__asm__ volatile("rdtime %0" : "=r"(value));
	return value;
}

void debug_putchar(char c)
{
	struct registers registers = { .a = { DEBUG_PUTCHAR, (uint8_t)c } };

	trap(SYS_DEBUG, &registers);
}

void debug_watch(uint64_t calls)
{
	struct registers registers = { .a = { DEBUG_WATCH, calls } };

	trap(SYS_DEBUG, &registers);
}

bool debug_check(uint64_t *violations)
{
	struct registers registers = { .a = { DEBUG_CHECK } };

	trap(SYS_DEBUG, &registers);
	*violations = registers.a[1];
	return registers.a[0] == ERR_OK;
}
