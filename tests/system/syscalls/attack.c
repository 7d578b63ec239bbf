/* SPDX-License-Identifier: Apache-2.0 */
/* Choice of calls: mostly an operation with arguments of the right kinds, on an object of the right type. */
#include <string.h>

#include "syscalls.h"

/* What children may do to CPU time, so that the root thread always gets some. */
#define PRIORITY_LIMIT 128u
#define BUDGET_LIMIT 4000u /* ticks */

struct operation_info {
	uint8_t object, number;
	const char *arguments; /* names, as in objects.def */
};

static const struct operation_info operations[] = {
#define OBJECT(NAME, name, number, text)
#define OPERATION(object, name, number, arguments, text) { OBJECT_##object, number, arguments },
#include <abi/objects.def>
#undef OBJECT
#undef OPERATION
};

static uint64_t pick(struct child *child, uint64_t below)
{
	return random_next(&child->random) % below;
}

/* A slot that holds such an object, if there is one. */
static uint64_t slot_of(struct child *child, unsigned type)
{
	uint64_t start = pick(child, CHILD_SLOTS);

	for (uint64_t i = 0; i < CHILD_SLOTS; i++) {
		uint64_t slot = (start + i) % CHILD_SLOTS;

		if (child->type[slot] == type)
			return slot;
	}
	return start;
}

static uint64_t wild(struct child *child)
{
	uint64_t value = random_next(&child->random);

	switch (value >> 61) {
	case 0:
		return UINT64_MAX - (value & 7);
	case 1:
		return UINT64_C(1) << (value & 63);
	case 2:
		return value & 255;
	case 3:
		return (uint64_t)INT64_MIN - (value & 1);
	default:
		return value >> (value & 63);
	}
}

static uint64_t address(struct child *child)
{
	static const uint64_t bases[] = { 0, 0x1000, 0x200000, 0x40000000, 0x80000000, 0x3ffffff000, 0x4000000000, 0x20000000000 };

	return bases[pick(child, 8)] + (pick(child, 4) << 12);
}

/* Does the name of length bytes begin an argument list? */
static bool is(const char *name, size_t length, const char *what)
{
	return strlen(what) == length && memcmp(name, what, length) == 0;
}

static uint64_t argument(struct child *child, const char *name, size_t length)
{
	static const uint8_t sizes[] = { 1, 4, 6, 8, 12, 12, 16, 21 };

	if (pick(child, 24) == 0)
		return wild(child);
	if (is(name, length, "type"))
		return pick(child, OBJECT_TYPES + 1);
	if (is(name, length, "size_bits"))
		return sizes[pick(child, sizeof(sizes))];
	if (is(name, length, "cnode") || is(name, length, "source_cnode"))
		return slot_of(child, OBJECT_CNODE);
	if (is(name, length, "index"))
		return pick(child, 4) ? slot_of(child, OBJECT_NULL) : pick(child, CHILD_SLOTS);
	if (is(name, length, "source_index") || is(name, length, "rights") || is(name, length, "badge"))
		return pick(child, CHILD_SLOTS);
	if (is(name, length, "count"))
		return 1 + pick(child, 3);
	if (is(name, length, "space"))
		return slot_of(child, pick(child, 2) ? OBJECT_VSPACE : OBJECT_GSPACE);
	if (is(name, length, "address"))
		return address(child);
	if (is(name, length, "vspace"))
		return slot_of(child, OBJECT_VSPACE);
	if (is(name, length, "gspace"))
		return slot_of(child, OBJECT_GSPACE);
	if (is(name, length, "frame"))
		return slot_of(child, OBJECT_FRAME);
	if (is(name, length, "fault_endpoint") || is(name, length, "endpoint"))
		return pick(child, 2) ? slot_of(child, OBJECT_ENDPOINT) : 0;
	if (is(name, length, "notification"))
		return pick(child, 3) ? slot_of(child, OBJECT_NOTIFICATION) : 0;
	if (is(name, length, "sched_control"))
		return slot_of(child, OBJECT_SCHED_CONTROL);
	if (is(name, length, "priority"))
		return pick(child, PRIORITY_LIMIT);
	if (is(name, length, "hart"))
		return pick(child, root_info->harts + 1u);
	if (is(name, length, "budget") || is(name, length, "period") || is(name, length, "slice"))
		return 1 + pick(child, BUDGET_LIMIT);
	if (is(name, length, "sched_context"))
		return pick(child, 3) ? slot_of(child, OBJECT_SCHED_CONTEXT) : 0;
	return pick(child, 4) ? pick(child, 40) : wild(child);
}

static void choose_invoke(struct child *child, struct call *call)
{
	const struct operation_info *operation = &operations[pick(child, sizeof(operations) / sizeof(operations[0]))];
	const char *name = operation->arguments;

	call->a[0] = slot_of(child, operation->object);
	call->a[1] = operation->number;
	for (unsigned i = 2; i < 7 && *name; i++) {
		size_t length = strcspn(name, ", -");

		if (!length)
			break;
		call->a[i] = argument(child, name, length);
		name += length;
		name += strspn(name, ", ");
	}
	/* Deleting everything at once again and again would leave nothing to do. */
	if (operation->object == OBJECT_CNODE && operation->number == OP_CNODE_DELETE && call->a[2] < SLOT_FREE && pick(child, 8))
		call->a[2] = SLOT_FREE + pick(child, CHILD_SLOTS - SLOT_FREE);
	if (pick(child, 32) == 0)
		call->a[pick(child, 7)] = wild(child);
	if (call->a[1] == OP_THREAD_SET_PRIORITY && call->a[3] <= UINT8_MAX)
		call->a[3] %= PRIORITY_LIMIT;
	if (call->a[1] == OP_SCHED_CONTROL_CONFIGURE && call->a[3] <= call->a[4] && call->a[3] > BUDGET_LIMIT)
		call->a[3] = BUDGET_LIMIT;
}

static void choose_message(struct child *child, struct call *call)
{
	uint64_t cap = pick(child, 4) ? 0 : pick(child, CHILD_SLOTS);

	call->a[0] = slot_of(child, OBJECT_ENDPOINT);
	call->a[1] = message_info((uint16_t)pick(child, 65536), (unsigned)pick(child, 8)) | cap << 32;
	for (unsigned i = 2; i < 7; i++)
		call->a[i] = random_next(&child->random);
	call->t0 = slot_of(child, OBJECT_REPLY) | (pick(child, 2) ? slot_of(child, OBJECT_NULL) : 0) << 32;
}

void attack_choose(struct child *child, struct call *call)
{
	uint64_t now = sys_time();

	call->t0 = wild(child);
	call->t1 = pick(child, 32) ? now + pick(child, 200) : DEADLINE_NEVER;
	call->number = pick(child, 3) ? SYS_INVOKE : pick(child, 14);
	switch (call->number) {
	case SYS_INVOKE:
		choose_invoke(child, call);
		break;
	case SYS_CALL:
	case SYS_SEND:
	case SYS_RECV:
	case SYS_REPLY_RECV:
		choose_message(child, call);
		break;
	case SYS_SIGNAL:
	case SYS_WAIT:
	case SYS_POLL:
		call->a[0] = slot_of(child, OBJECT_NOTIFICATION);
		break;
	case SYS_VCPU_KICK:
		call->a[1] = pick(child, 4) ? random_next(&child->random) & VCPU_IRQ_ALL : wild(child);
		/* fall through */
	case SYS_VCPU_RUN:
		call->a[0] = slot_of(child, OBJECT_VCPU);
		break;
	case SYS_DEBUG:
		/* Printing would be all that it does. */
		call->a[0] = DEBUG_CHECK;
		break;
	default:
		call->a[0] = pick(child, CHILD_SLOTS);
		break;
	}
}

static void learn_invoke(struct child *child, const struct call *call)
{
	const uint64_t *a = call->a;
	uint8_t object = a[0] < CHILD_SLOTS ? child->type[a[0]] : OBJECT_NULL;

	if (object == OBJECT_UNTYPED && a[1] == OP_UNTYPED_RETYPE) {
		for (uint64_t i = 0; i < a[6] && i < 8 && a[5] + i < CHILD_SLOTS; i++)
			child->type[a[5] + i] = (uint8_t)a[2];
	} else if (object == OBJECT_CNODE && a[2] < CHILD_SLOTS) {
		uint8_t source = a[4] < CHILD_SLOTS ? child->type[a[4]] : OBJECT_NULL;

		if (a[1] == OP_CNODE_MINT || a[1] == OP_CNODE_MOVE)
			child->type[a[2]] = source;
		if (a[1] == OP_CNODE_MOVE && a[4] < CHILD_SLOTS)
			child->type[a[4]] = OBJECT_NULL;
		if (a[1] == OP_CNODE_DELETE)
			child->type[a[2]] = OBJECT_NULL;
	}
}

void attack_learn(struct child *child, uint64_t answer)
{
	const struct call *call = &child->last;

	if (call->number != SYS_INVOKE)
		return;
	if (answer == ERR_OK)
		learn_invoke(child, call);
	else if (answer == ERR_INVALID_CAP && call->a[0] < CHILD_SLOTS && pick(child, 2))
		child->type[call->a[0]] = OBJECT_NULL;
}
