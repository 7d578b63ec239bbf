/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A booted machine for tests: the root task with its CNode, a few regions of memory, and short ways to make objects and
 * to carry out system calls as a given thread. All threads made here share the root task's CNode and VSpace.
 */
#pragma once

#include <abi/root_info.h>
#include <abi/syscall.h>
#include <arch/arch.h>
#include <arch/host.h>
#include <cap.h>
#include <cnode.h>
#include <endpoint.h>
#include <notification.h>
#include <object.h>
#include <sched.h>
#include <space.h>
#include <syscall.h>
#include <thread.h>
#include <untyped.h>
#include <vcpu.h>

enum {
	CNODE = ROOT_SLOT_CNODE,
	VSPACE = ROOT_SLOT_VSPACE,
	RAM = ROOT_SLOT_UNTYPED,          /* 16 MiB */
	SMALL_RAM = ROOT_SLOT_UNTYPED + 1, /* 64 KiB */
	DEVICE = ROOT_SLOT_UNTYPED + 2,   /* 64 KiB, outside RAM */
	ARCHIVE = ROOT_SLOT_UNTYPED + 3,  /* 2 MiB */
	FREE_SLOT = 100,                  /* from here on objects are made */
};

#define RAM_BASE (HOST_MEMORY_BASE + (UINT64_C(16) << 20))
#define SMALL_RAM_BASE (HOST_MEMORY_BASE + (UINT64_C(8) << 20))
#define DEVICE_BASE UINT64_C(0x10000000)
#define ARCHIVE_BASE (HOST_MEMORY_BASE + (UINT64_C(32) << 20))

/* What a system call left in the registers. */
struct answer {
	enum err err;
	uint64_t info, word[MESSAGE_WORDS], badge;
};

void fixture_boot(void);

/* The root task. */
struct thread *root_thread(void);
struct slot *slot_at(cptr_t index);
const struct root_info *root_info(void);

/* Makes an object from RAM in the next free slot. */
cptr_t make(unsigned type, unsigned size_bits);
cptr_t make_from(cptr_t untyped, unsigned type, unsigned size_bits);
cptr_t free_slot(void);

/* Derives a capability into the next free slot. */
cptr_t derive(cptr_t source, unsigned rights, uint32_t badge);
enum err delete_cap(cptr_t index);
enum err revoke_cap(cptr_t index);

/* `invoke` as the root task, again and again until it is not interrupted. */
enum err invoke(cptr_t cap, uint64_t operation, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e);
extern uint64_t invoke_result; /* of the last invoke */
extern unsigned invoke_restarts; /* of the last invoke */

#define retype(untyped, type, size_bits, index, count) \
	invoke(untyped, OP_UNTYPED_RETYPE, type, size_bits, CNODE, index, count)

/* A thread with a scheduling context of its own, configured, not resumed. */
struct made_thread {
	cptr_t cap, context;
	struct thread *thread;
};
struct made_thread make_thread(uint8_t priority);
struct made_thread make_passive(uint8_t priority); /* without scheduling context */
/* Made and resumed. */
struct thread *spawn(uint8_t priority);

/* Makes a ready thread the current one of the hart. */
void become(struct thread *thread);

/* One system call as the current thread; it may not be over when this returns: see answer_of. */
void enter_kernel(struct thread *thread, uint64_t number);
struct answer answer_of(struct thread *thread);

/* The system calls, as the given thread. Registers are set, the call is made, the registers are returned. */
struct answer do_call(struct thread *thread, cptr_t endpoint, uint64_t info, uint64_t word);
struct answer do_send(struct thread *thread, cptr_t endpoint, uint64_t info, uint64_t word);
struct answer do_recv(struct thread *thread, cptr_t endpoint, cptr_t reply, cptr_t slot, uint64_t deadline);
struct answer do_reply_recv(struct thread *thread, cptr_t endpoint, cptr_t reply, uint64_t info, uint64_t word,
			    uint64_t deadline);
struct answer do_signal(struct thread *thread, cptr_t notification);
struct answer do_wait(struct thread *thread, cptr_t notification, uint64_t deadline);
struct answer do_poll(struct thread *thread, cptr_t notification);
struct answer do_vcpu_run(struct thread *thread, cptr_t vcpu);

/* Lets time pass, with a timer interrupt whenever one is due, and leaves the kernel. */
struct thread *pass_time(uint64_t ticks);

/* Objects by slot. */
#define OBJECT_AT(name)                                                                    \
	static inline struct name *name##_at(cptr_t index)                                 \
	{                                                                                  \
		return cap_##name(&slot_at(index)->cap);                                   \
	}
OBJECT_AT(thread)
OBJECT_AT(sched_context)
OBJECT_AT(endpoint)
OBJECT_AT(reply)
OBJECT_AT(notification)
OBJECT_AT(vcpu)
#undef OBJECT_AT

/*
 * Checks what must hold between any two system calls: derivation, queues, deadlines, contexts, replies, bindings.
 * Returns NULL, or what is broken.
 */
const char *invariants_broken(void);
