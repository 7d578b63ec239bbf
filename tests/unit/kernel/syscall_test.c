/* SPDX-License-Identifier: Apache-2.0 */
/* System calls: dispatch, and every capability argument wrong in every way. */
#include "test.h"

static uint64_t raw(struct thread *thread, uint64_t number, uint64_t a0, uint64_t a1)
{
	uint64_t *words = arch_thread_words(thread);

	words[0] = a0;
	words[1] = a1;
	thread->arch.extra[0] = 0;
	thread->arch.extra[1] = 0;
	enter_kernel(thread, number);
	return words[0];
}

TEST(syscall, number_beyond_the_table_is_unknown)
{
	struct thread *thread = spawn(100);

	assert_err(UNKNOWN_OPERATION, raw(thread, SYS_DEBUG + 1, 0, 0));
	assert_err(UNKNOWN_OPERATION, raw(thread, 1000, 0, 0));
	assert_err(UNKNOWN_OPERATION, raw(thread, UINT64_MAX, 0, 0));
}

TEST(syscall, capability_must_exist)
{
	struct thread *thread = spawn(100);
	static const uint64_t bad[] = { 0, FREE_SLOT + 500, 1u << ROOT_CNODE_BITS, UINT64_C(1) << 32 | CNODE, UINT64_MAX };
	static const uint8_t calls[] = { SYS_CALL, SYS_REPLY_RECV, SYS_RECV, SYS_SEND, SYS_SIGNAL,
					 SYS_WAIT, SYS_POLL, SYS_VCPU_RUN, SYS_VCPU_KICK, SYS_INVOKE };

	for (unsigned i = 0; i < sizeof(calls); i++)
		for (unsigned j = 0; j < sizeof(bad) / sizeof(bad[0]); j++)
			assert_err(INVALID_CAP, raw(thread, calls[i], bad[j], 0));
}

TEST(syscall, capability_must_be_of_the_type)
{
	struct thread *thread = spawn(100);
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0), notification = make(OBJECT_NOTIFICATION, 0);
	static const uint8_t ipc[] = { SYS_CALL, SYS_REPLY_RECV, SYS_RECV, SYS_SEND };
	static const uint8_t others[] = { SYS_SIGNAL, SYS_WAIT, SYS_POLL, SYS_VCPU_RUN, SYS_VCPU_KICK };

	for (unsigned i = 0; i < sizeof(ipc); i++) {
		assert_err(WRONG_TYPE, raw(thread, ipc[i], notification, 0));
		assert_err(WRONG_TYPE, raw(thread, ipc[i], CNODE, 0));
	}
	for (unsigned i = 0; i < sizeof(others); i++)
		assert_err(WRONG_TYPE, raw(thread, others[i], endpoint, 0));
}

TEST(syscall, endpoint_rights_are_checked)
{
	struct thread *thread = spawn(100);
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0), reader = derive(endpoint, RIGHT_READ, 0), writer = derive(endpoint, RIGHT_WRITE, 0);

	assert_err(NO_RIGHT, raw(thread, SYS_CALL, reader, 0));
	assert_err(NO_RIGHT, raw(thread, SYS_SEND, reader, 0));
	assert_err(NO_RIGHT, raw(thread, SYS_RECV, writer, 0));
	assert_err(NO_RIGHT, raw(thread, SYS_REPLY_RECV, writer, 0));
}

TEST(syscall, message_info_is_checked_before_anything_happens)
{
	struct thread *thread = spawn(100), *server = spawn(100);
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0), reply = make(OBJECT_REPLY, 0);

	assert_err(INVALID_ARGUMENT, raw(thread, SYS_SEND, endpoint, 6));
	assert_err(INVALID_ARGUMENT, raw(thread, SYS_CALL, endpoint, message_info(LABEL_FAULT, 0)));
	assert_err(INVALID_ARGUMENT, raw(thread, SYS_CALL, endpoint, 0x100));
	assert_int_equal(thread->state, THREAD_READY);
	do_recv(server, endpoint, reply, 0, DEADLINE_NEVER);
	do_call(thread, endpoint, 0, 0);
	assert_err(INVALID_ARGUMENT, do_reply_recv(server, endpoint, reply, message_info(LABEL_NOTIFICATION, 0), 0, 0).err);
	assert_int_equal(thread->state, THREAD_AWAITS_REPLY);
	assert_err(INVALID_ARGUMENT, do_reply_recv(server, endpoint, 0, 0, 0, 0).err);
}

TEST(syscall, reply_argument_is_checked)
{
	struct thread *thread = spawn(100);
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0);

	assert_err(WRONG_TYPE, do_recv(thread, endpoint, endpoint, 0, DEADLINE_NEVER).err);
	assert_err(INVALID_CAP, do_recv(thread, endpoint, FREE_SLOT + 900, 0, DEADLINE_NEVER).err);
	assert_int_equal(thread->state, THREAD_READY);
}

TEST(syscall, everything_fails_without_cspace)
{
	struct thread *thread = spawn(100);

	cap_drop_copy(&thread->cspace);
	for (uint64_t number = 0; number < SYS_YIELD; number++)
		assert_err(INVALID_CAP, raw(thread, number, CNODE, 0));
	assert_err(INVALID_CAP, raw(thread, SYS_INVOKE, CNODE, 0));
}

TEST(syscall, debug_writes_and_checks)
{
	struct thread *thread = spawn(100);

	assert_ok(raw(thread, SYS_DEBUG, DEBUG_PUTCHAR, 'x'));
	assert_int_equal(host.console[0], 'x');
	assert_ok(raw(thread, SYS_DEBUG, DEBUG_CHECK, 7));
	assert_int_equal(arch_thread_words(thread)[1], 0);
	assert_ok(raw(thread, SYS_DEBUG, DEBUG_WRAPS, 7));
	assert_int_equal(arch_thread_words(thread)[1], 0);
	assert_int_equal(arch_thread_words(thread)[2], 0);
	assert_err(UNKNOWN_OPERATION, raw(thread, SYS_DEBUG, 99, 0));
}

TEST(syscall, debug_watch_panics_at_the_call_after_which_capabilities_are_damaged)
{
	struct thread *thread = spawn(100);
	cptr_t copy = derive(VSPACE, RIGHT_ALL, 0);
	jmp_buf stop;

	assert_ok(raw(thread, SYS_DEBUG, DEBUG_WATCH, 3)); /* and this is the first of three */
	for (unsigned i = 0; i < 3; i++)
		assert_ok(raw(thread, SYS_YIELD, 0, 0));
	host.stop = &stop;
	slot_at(copy)->cap.level += 2;
	if (setjmp(stop) == 0) {
		assert_ok(raw(thread, SYS_YIELD, 0, 0));
		assert_int_equal(host.console_length, 0);
		(void)raw(thread, SYS_YIELD, 0, 0);
		fail();
	}
	host.console[host.console_length] = 0;
	assert_non_null(strstr(host.console, "violations of the capability list"));
	assert_ok(raw(thread, SYS_DEBUG, DEBUG_WATCH, 0));
	for (unsigned i = 0; i < 4; i++)
		assert_ok(raw(thread, SYS_YIELD, 0, 0));
	slot_at(copy)->cap.level -= 2;
}
