/* SPDX-License-Identifier: Apache-2.0 */
/* `invoke`: dispatch by type, platform control, and an arbitrary walk over all types, operations and arguments. */
#include "test.h"

#include <boot.h>

TEST(invoke, types_without_operations_refuse_all)
{
	static const uint8_t types[] = { OBJECT_ENDPOINT, OBJECT_REPLY, OBJECT_NOTIFICATION, OBJECT_VSPACE, OBJECT_GSPACE };

	for (unsigned i = 0; i < sizeof(types); i++) {
		cptr_t made = make(types[i], 0);

		for (uint64_t operation = 0; operation < 10; operation++)
			assert_err(UNKNOWN_OPERATION, invoke(made, operation, 0, 0, 0, 0, 0));
	}
}

TEST(invoke, unknown_operations_are_refused_everywhere)
{
	static const uint8_t types[][2] = { { OBJECT_UNTYPED, 12 }, { OBJECT_CNODE, 2 }, { OBJECT_THREAD, 0 },	 { OBJECT_SCHED_CONTEXT, 0 },
					    { OBJECT_FRAME, 12 },   { OBJECT_VCPU, 0 },	 { OBJECT_PAGE_TABLE, 0 } };

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		cptr_t made = make(types[i][0], types[i][1]);

		assert_err(UNKNOWN_OPERATION, invoke(made, 20, 0, 0, 0, 0, 0));
		assert_err(UNKNOWN_OPERATION, invoke(made, UINT64_MAX, 0, 0, 0, 0, 0));
		assert_err(UNKNOWN_OPERATION, invoke(made, UINT64_C(1) << 32, 0, 0, 0, 0, 0));
	}
}

TEST(invoke, platform_control_tells_kernel_memory)
{
	assert_ok(invoke(ROOT_SLOT_PLATFORM_CONTROL, OP_PLATFORM_CONTROL_MEMORY, 0, 0, 0, 0, 0));
	assert_int_equal(invoke_result, kernel_bytes);
	assert_int_equal(kernel_bytes, 0x20000 + 0x30000 + ROOT_OBJECTS_SIZE);
	assert_err(UNKNOWN_OPERATION, invoke(ROOT_SLOT_PLATFORM_CONTROL, 2, 0, 0, 0, 0, 0));
}

static void power_off(uint64_t reason, enum host_stop expected)
{
	jmp_buf stop;
	int how;

	host.stop = &stop;
	how = setjmp(stop);
	if (how == 0) {
		(void)invoke(ROOT_SLOT_PLATFORM_CONTROL, OP_PLATFORM_CONTROL_SHUTDOWN, reason, 0, 0, 0, 0);
		fail();
	}
	assert_int_equal(how, expected);
	host.console[host.console_length] = 0;
	assert_int_equal(strstr(host.console, "shutdown after a failure") != NULL, reason != 0);
}

TEST(invoke, platform_control_powers_off)
{
	power_off(0, HOST_POWERED_OFF);
}

TEST(invoke, platform_control_powers_off_after_a_failure)
{
	power_off(1, HOST_POWERED_OFF_FAILURE);
}

/* A CNode of 64 slots with copies of a VSpace in all but the last; there is `last`, moved. */
static cptr_t fill_cnode(cptr_t last)
{
	cptr_t cnode = make(OBJECT_CNODE, 6);

	for (unsigned i = 1; i < 63; i++)
		assert_ok(invoke(cnode, OP_CNODE_MINT, i, CNODE, VSPACE, RIGHT_ALL, 0));
	assert_ok(invoke(cnode, OP_CNODE_MOVE, 63, CNODE, last, 0, 0));
	return cnode;
}

/* Begins to delete a capability as the root task, and gives up at the first interrupt. */
static void begin_delete(cptr_t index)
{
	struct thread *root = root_thread();
	uint64_t *words = arch_thread_words(root);

	host.interrupt_every = 1;
	words[0] = CNODE;
	words[1] = OP_CNODE_DELETE;
	words[2] = index;
	enter_kernel(root, SYS_INVOKE);
	assert_true(root->arch.restarted);
	host.interrupt_every = 0;
}

TEST(invoke, capability_that_dies_while_reaping_is_not_used)
{
	/* What is invoked derives from a capability in a CNode that is dying. */
	cptr_t victim = make(OBJECT_THREAD, 0), cnode = fill_cnode(victim);

	assert_ok(invoke(CNODE, OP_CNODE_MINT, victim, cnode, 63, RIGHT_ALL, 0));
	begin_delete(cnode);
	assert_false(slot_empty(slot_at(victim)));
	assert_err(INVALID_CAP, invoke(victim, OP_THREAD_SUSPEND, 0, 0, 0, 0, 0));
	assert_int_equal(invoke_restarts, 0);
}

TEST(invoke, argument_is_not_found_when_the_cspace_dies_while_reaping)
{
	/* The thread's CSpace derives from a capability in a CNode that is dying; what it invokes does not. */
	static const uint8_t types[][3] = { { OBJECT_FRAME, 12, OP_FRAME_MAP }, { OBJECT_PAGE_TABLE, 0, OP_PAGE_TABLE_MAP } };

	for (unsigned i = 0; i < 2; i++) {
		cptr_t copy = derive(CNODE, RIGHT_ALL, 0), mapped = make(types[i][0], types[i][1]);
		struct made_thread made = make_passive(100);
		uint64_t *words = arch_thread_words(made.thread);

		assert_ok(invoke(made.cap, OP_THREAD_BIND_SCHED_CONTEXT, make(OBJECT_SCHED_CONTEXT, 0), 0, 0, 0, 0));
		assert_ok(invoke(made.cap, OP_THREAD_CONFIGURE, copy, VSPACE, 0, 0, 0));
		assert_ok(invoke(made.cap, OP_THREAD_RESUME, 0, 0, 0, 0, 0));
		begin_delete(fill_cnode(copy));
		assert_false(slot_empty(&made.thread->cspace));
		words[0] = mapped;
		words[1] = types[i][2];
		words[2] = VSPACE;
		words[3] = 0;
		words[4] = RIGHT_READ;
		enter_kernel(made.thread, SYS_INVOKE);
		assert_err(INVALID_CAP, words[0]);
		assert_true(slot_empty(&made.thread->cspace));
	}
}

/* A small generator with a fixed seed: the same walk on every machine. */
static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t argument(uint64_t *state)
{
	static const uint64_t values[] = { 0, 1, 2, 3, 12, 21, CNODE, VSPACE, RAM, SMALL_RAM, ROOT_SLOT_SCHED_CONTROL,
					   UINT64_MAX, UINT64_C(1) << 32, UINT64_C(1) << 63, 4096, 0x40000000 };
	uint64_t value = next(state);

	if (value % 3 == 0)
		return values[value / 3 % (sizeof(values) / sizeof(values[0]))];
	return value % 3 == 1 ? FREE_SLOT + value / 3 % 60 : value / 3 % 64;
}

TEST(invoke, arbitrary_invocations_break_nothing)
{
	uint64_t seed = 0x123456789abcdef;

	host.interrupt_every = 7;
	for (unsigned i = 0; i < 60000; i++) {
		uint64_t cap = next(&seed) % 4 ? FREE_SLOT + next(&seed) % 60 : 1 + next(&seed) % 19, operation = next(&seed) % 9;
		uint64_t a[5];

		for (unsigned j = 0; j < 5; j++)
			a[j] = argument(&seed);
		if (cap == RAM || cap == SMALL_RAM) {
			static const uint8_t sizes[] = { 0, 12, 6, 4 };

			operation = OP_UNTYPED_RETYPE;
			a[0] = next(&seed) % OBJECT_TYPES;
			a[1] = sizes[next(&seed) % 4];
			a[2] = CNODE;
			a[3] = FREE_SLOT + next(&seed) % 60;
			a[4] = 1;
		}
		/* The root task keeps itself, its CNode and its untypeds; powering off is tested above. */
		if (cap == ROOT_SLOT_THREAD || cap == ROOT_SLOT_PLATFORM_CONTROL || cap == ROOT_SLOT_SCHED_CONTEXT ||
		    (cap == CNODE && operation != OP_CNODE_MINT && (a[0] < FREE_SLOT || (operation == OP_CNODE_MOVE && a[2] < FREE_SLOT))))
			continue;
		if (cap == CNODE && operation == OP_CNODE_MINT && (a[2] == ROOT_SLOT_THREAD || a[2] == ROOT_SLOT_PLATFORM_CONTROL))
			continue;
		if (slot_at((cptr_t)cap)->cap.type == OBJECT_CNODE && cap != CNODE && operation == OP_CNODE_MOVE)
			a[2] = FREE_SLOT + a[2] % 60;
		if (root_thread()->state != THREAD_READY || slot_empty(slot_at(CNODE)) || slot_empty(&root_thread()->cspace))
			break;
		(void)invoke((cptr_t)cap, operation, a[0], a[1], a[2], a[3], a[4]);
		if (i % 50 == 0)
			assert_null(invariants_broken());
	}
}
