/* SPDX-License-Identifier: Apache-2.0 */
/* System calls as C functions. The operations of `invoke` are generated beside these as <libsys/invoke.h>. */
#pragma once

#include <abi/syscall.h>
#include <abi/vcpu.h>

struct message {
	message_info_t info;
	uint64_t word[MESSAGE_WORDS];
	uint64_t badge; /* on receipt: of the sender's capability, or the bits with label LABEL_NOTIFICATION */
};

/* Sends *message to an endpoint and waits for the answer, which replaces it. ERR_DELETED: the server is gone. */
enum err sys_call(cptr_t endpoint, struct message *message) __attribute__((warn_unused_result));

/* Waits for a message or a signal of the bound notification; `reply` then holds the caller, if it waits for an answer. */
enum err sys_recv(cptr_t endpoint, cptr_t reply, struct message *message, uint64_t deadline)
	__attribute__((warn_unused_result));

/* Answers the caller held by `reply` with *message, then as sys_recv. A caller that is gone is no error. */
enum err sys_reply_recv(cptr_t endpoint, cptr_t reply, struct message *message, uint64_t deadline)
	__attribute__((warn_unused_result));

/* Sends and goes on once the message is received; no answer is possible. */
enum err sys_send(cptr_t endpoint, const struct message *message) __attribute__((warn_unused_result));

/* Sets the badge bits of the capability in the notification. */
enum err sys_signal(cptr_t notification);

/* Waits until the notification has bits, and takes them. deadline in timebase ticks: ERR_TIMED_OUT. Without ERR_OK, *bits is anything. */
enum err sys_wait(cptr_t notification, uint64_t deadline, uint64_t *bits) __attribute__((warn_unused_result));

/* Takes the bits that are there, or ERR_WOULD_BLOCK. Without ERR_OK, *bits is anything. */
enum err sys_poll(cptr_t notification, uint64_t *bits) __attribute__((warn_unused_result));

void sys_yield(void);

/* Why the guest stopped. */
struct vcpu_exit_info {
	uint64_t cause;       /* scause, or enum vcpu_exit */
	uint64_t value;       /* stval */
	uint64_t address;     /* guest physical address of a guest-page fault */
	uint64_t instruction; /* htinst */
	uint64_t bits;        /* notification bits, with VCPU_EXIT_NOTIFIED */
};

/* Runs the vCPU until it exits. ERR_INVALID_CAP: not configured, or deleted; ERR_BUSY: another thread runs it. */
enum err sys_vcpu_run(cptr_t vcpu, struct vcpu_exit_info *exit) __attribute__((warn_unused_result));

/*
 * Sets interrupts pending in a guest CPU wherever it is: VCPU_IRQ_*, other bits are ignored. With 0 its vcpu_run, the one
 * under way or the next, ends with VCPU_EXIT_KICKED.
 */
enum err sys_vcpu_kick(cptr_t vcpu, uint64_t interrupts);

/* `invoke` as it is; *result may be NULL. */
enum err sys_invoke(cptr_t cap, uint64_t operation, const uint64_t arguments[5], uint64_t *result)
	__attribute__((warn_unused_result));

/* The timebase counter (rdtime). */
uint64_t sys_time(void);
