/* SPDX-License-Identifier: Apache-2.0 */
#include "syscall.h"

#include <abi/syscall.h>
#include <arch/arch.h>

#include "endpoint.h"
#include "kernel.h"
#include "notification.h"
#include "smp.h"
#include "tag.h"
#include "thread.h"
#include "vcpu.h"

static enum err send_message(struct thread *thread, const uint64_t *words, bool is_call)
{
	struct cap cap;
	enum err err = thread_capability(thread, words[0], OBJECT_ENDPOINT, RIGHT_WRITE, &cap);

	if (err)
		return err;
	if (!message_valid(words[1]))
		return ERR_INVALID_ARGUMENT;
	endpoint_send(cap_endpoint(&cap), &cap, thread, is_call);
	return ERR_DONE;
}

static enum err send(struct thread *thread, const uint64_t *words, bool is_call)
{
	bool grants = message_cap(words[1]) != 0;

	if (grants && !smp_lock())
		return ERR_RESTART;
	enum err err = send_message(thread, words, is_call);

	if (grants)
		smp_unlock();
	return err;
}

static enum err sys_call(struct thread *thread, uint64_t *words)
{
	return send(thread, words, true);
}

static enum err sys_send(struct thread *thread, uint64_t *words)
{
	return send(thread, words, false);
}

static enum err receive(struct thread *thread, const uint64_t *words, bool answer)
{
	uint64_t extra = arch_thread_extra(thread, 0);
	struct cap endpoint, reply = { 0 };
	enum err err = thread_capability(thread, words[0], OBJECT_ENDPOINT, RIGHT_READ, &endpoint);

	if (!err && (uint32_t)extra)
		err = thread_capability(thread, (uint32_t)extra, OBJECT_REPLY, 0, &reply);
	if (err)
		return err;
	if (answer && (!reply.object || !message_valid(words[1])))
		return ERR_INVALID_ARGUMENT;
	return endpoint_receive(cap_endpoint(&endpoint), thread,
				&(struct receive_arguments){ .reply = cap_reply(&reply),
							     .slot = (uint32_t)(extra >> 32),
							     .answer = answer,
							     .deadline = arch_thread_extra(thread, 1) });
}

static enum err sys_recv(struct thread *thread, uint64_t *words)
{
	return receive(thread, words, false);
}

static enum err sys_reply_recv(struct thread *thread, uint64_t *words)
{
	return receive(thread, words, true);
}

static enum err sys_signal(struct thread *thread, uint64_t *words)
{
	struct cap cap;
	enum err err = thread_capability(thread, words[0], OBJECT_NOTIFICATION, RIGHT_WRITE, &cap);

	if (!err)
		notification_signal(cap_notification(&cap), cap.word);
	return err;
}

static enum err sys_wait(struct thread *thread, uint64_t *words)
{
	struct cap cap;
	enum err err = thread_capability(thread, words[0], OBJECT_NOTIFICATION, RIGHT_READ, &cap);

	if (err)
		return err;
	notification_wait(cap_notification(&cap), thread, arch_thread_extra(thread, 1));
	return ERR_DONE;
}

static enum err sys_poll(struct thread *thread, uint64_t *words)
{
	struct cap cap;
	enum err err = thread_capability(thread, words[0], OBJECT_NOTIFICATION, RIGHT_READ, &cap);

	if (err)
		return err;
	return notification_poll(cap_notification(&cap), &words[7]) ? ERR_OK : ERR_WOULD_BLOCK;
}

static enum err sys_yield(struct thread *thread, uint64_t *words)
{
	(void)words;
	sched_yield(thread->hart);
	return ERR_OK;
}

static enum err sys_vcpu_run(struct thread *thread, uint64_t *words)
{
	struct cap cap;
	enum err err = thread_capability(thread, words[0], OBJECT_VCPU, RIGHT_WRITE, &cap);

	if (!err)
		err = vcpu_run(cap_vcpu(&cap), thread);
	return err ? err : ERR_DONE;
}

static enum err sys_vcpu_kick(struct thread *thread, uint64_t *words)
{
	struct cap cap;
	enum err err = thread_capability(thread, words[0], OBJECT_VCPU, RIGHT_WRITE, &cap);

	if (!err)
		vcpu_kick(cap_vcpu(&cap), words[1]);
	return err;
}

static enum err sys_invoke(struct thread *thread, uint64_t *words)
{
	return invoke_handle(thread, words);
}

#ifdef SERAI_DEBUG
/* System calls between two checks of all capabilities, 0: none; and those since the last one. */
static uint64_t watch_every, watch_count;

static void watch(void)
{
	if (!watch_every || __atomic_add_fetch(&watch_count, 1, __ATOMIC_RELAXED) % watch_every != 0)
		return;
	if (!smp_lock())
		return; /* its owner wants this hart: another time */
	unsigned violations = cap_check();

	smp_unlock();
	if (violations)
		panic("%u violations of the capability list", violations);
}
#else
static void watch(void)
{
}
#endif

static enum err sys_debug(struct thread *thread, uint64_t *words)
{
	(void)thread;
#ifdef SERAI_DEBUG
	if (words[0] == DEBUG_WATCH) {
		watch_every = words[1];
		watch_count = 0;
		return ERR_OK;
	}
	if (words[0] == DEBUG_WRAPS) {
		words[1] = tag_wraps(SPACE_TASK);
		words[2] = tag_wraps(SPACE_GUEST);
		return ERR_OK;
	}
	if (words[0] == DEBUG_PUTCHAR) {
		arch_putchar((char)words[1]);
		return ERR_OK;
	}
	if (words[0] == DEBUG_CHECK) {
		if (!smp_lock())
			return ERR_RESTART;
		words[1] = cap_check();
		smp_unlock();
		return ERR_OK;
	}
#else
	(void)words;
#endif
	return ERR_UNKNOWN_OPERATION;
}

void syscall_handle(struct thread *thread, uint64_t number)
{
	static enum err (*const handlers[])(struct thread * thread, uint64_t * words) = {
#define SYSCALL(NAME, name, number_, text) [number_] = sys_##name,
#include <abi/syscalls.def>
#undef SYSCALL
	};
	uint64_t *words = arch_thread_words(thread);
	enum err err = ERR_UNKNOWN_OPERATION;

	if (number < sizeof(handlers) / sizeof(handlers[0]))
		err = handlers[number](thread, words);
	if (err == ERR_RESTART)
		arch_thread_restart(thread);
	else if (err != ERR_DONE)
		words[0] = (uint64_t)err;
	watch();
}
