/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequences of capability operations against a naive model: same answers, same capabilities, same parents, no two objects
 * in the same memory, new objects zero. Interrupts stop operations anywhere; some are given up then.
 */
#include <stdio.h>
#include <string.h>

#include "kernel_model.h"

enum { WINDOW = 100, WINDOW_SLOTS = 24, OPERATIONS_MAX = 150 };

struct model the_model;
static struct model before;
static const uint8_t *input;
static size_t left;

static uint8_t take(void)
{
	if (!left)
		return 0;
	left--;
	return *input++;
}

/* A slot of the root CNode that may hold anything; sometimes one that holds nothing for sure. */
static cptr_t any_slot(void)
{
	uint8_t byte = take();

	if (byte < 240)
		return WINDOW + byte % WINDOW_SLOTS;
	return byte < 252 ? byte - 240u + CNODE : byte < 254 ? (cptr_t)ROOT_SLOT_UNTYPED + byte % 4 : 0;
}

/* Mostly a slot of the window with a capability of one of two types, if there is one. */
static cptr_t any_of(unsigned type, unsigned other)
{
	uint8_t byte = take();

	for (unsigned i = 0; byte < 224 && i < WINDOW_SLOTS; i++) {
		cptr_t slot = WINDOW + (byte + i) % WINDOW_SLOTS;
		const struct model_cap *cap = model_lookup(&the_model, slot);

		if (cap && (cap->type == type || cap->type == other))
			return slot;
	}
	return any_slot();
}

/* What names a CNode: mostly the root's own. */
static cptr_t any_cnode(void)
{
	return take() < 128 ? (cptr_t)CNODE : any_of(OBJECT_CNODE, OBJECT_CNODE);
}

/* An index in the CNode that this capability names, out of range at times; in the root CNode within the window. */
static uint64_t any_index(cptr_t cnode)
{
	const struct model_cap *cap = model_lookup(&the_model, cnode);
	uint8_t byte = take();

	if (byte == 255)
		return UINT64_C(1) << (ROOT_CNODE_BITS + take() % (64 - ROOT_CNODE_BITS));
	if (cap && cap->type == OBJECT_CNODE && cap->object != 0)
		return byte % ((1u << cap->size_bits) + 1);
	return WINDOW + byte % WINDOW_SLOTS;
}

/* The object types of which the fuzzer knows the operation that was chosen; others answer by themselves. */
static enum err model_apply(const struct request *request, unsigned type)
{
	struct model_cap *cap = request->cap ? model_lookup(&the_model, request->cap) : NULL;

	if (!cap)
		return ERR_INVALID_CAP;
	model_reap(&the_model);
	if (!cap->live)
		return ERR_INVALID_CAP;
	REQUIRE(cap->type == type || (type == OBJECT_UNTYPED && cap->type == OBJECT_UNTYPED_DEVICE));
	return request->model(request, cap);
}

static uint64_t any_address(void)
{
	uint64_t byte = take();

	return (byte >> 2 & 1) << 30 | (byte >> 1 & 1) << 21 | (byte & 1) << 12 | (byte > 250 ? 1 : 0);
}

static void choose_retype(struct request *request)
{
	static const uint8_t sizes[] = { 0, 12, 6, 10, 1, 2, 4, 14, 21, 16 };

	request->model = model_retype;
	request->number = OP_UNTYPED_RETYPE;
	request->a[0] = take() % (OBJECT_TYPES + 1);
	request->a[1] = sizes[take() % sizeof(sizes)];
	if (request->a[0] >= OBJECT_THREAD && request->a[0] != OBJECT_FRAME)
		request->a[1] = 0;
	request->a[2] = any_cnode();
	request->a[3] = any_index((cptr_t)request->a[2]);
	request->a[4] = 1 + take() % 4;
}

static void choose_cnode(struct request *request)
{
	uint8_t byte = take();

	request->number = byte % 4;
	request->a[0] = any_index(request->cap);
	request->model = request->number == OP_CNODE_MINT ? model_mint : request->number == OP_CNODE_MOVE ? model_move : model_end;
	if (request->number == OP_CNODE_REVOKE && request->cap == CNODE && byte >= 200)
		request->a[0] = RAM + byte / 4 % 4;
	if (request->number >= OP_CNODE_DELETE)
		return;
	request->a[1] = any_cnode();
	request->a[2] = request->a[1] == CNODE && request->number == OP_CNODE_MINT ? any_slot() : any_index((cptr_t)request->a[1]);
	request->a[3] = take() | 1;
	request->a[4] = byte >= 128 ? take() : 0;
}

/* Fills the operation for the type of the capability that it names; false: nothing to do with this type. */
static bool choose(struct request *request, unsigned type)
{
	if (type == OBJECT_UNTYPED || type == OBJECT_UNTYPED_DEVICE) {
		choose_retype(request);
	} else if (type == OBJECT_CNODE) {
		choose_cnode(request);
	} else if (type == OBJECT_THREAD && request->cap >= WINDOW) {
		*request = (struct request){ request->cap, OP_THREAD_CONFIGURE,
					     { any_cnode(), any_of(OBJECT_VSPACE, OBJECT_VSPACE), any_of(OBJECT_ENDPOINT, OBJECT_NULL) },
					     model_thread };
	} else if (type == OBJECT_VCPU) {
		*request = (struct request){ request->cap, OP_VCPU_CONFIGURE,
					     { any_of(OBJECT_GSPACE, OBJECT_GSPACE), any_of(OBJECT_FRAME, OBJECT_FRAME) }, model_vcpu };
	} else if (type == OBJECT_FRAME) {
		*request = (struct request){ request->cap, take() % 3 != 0 ? OP_FRAME_MAP : OP_FRAME_UNMAP,
					     { any_of(OBJECT_VSPACE, OBJECT_GSPACE), any_address(), take() | RIGHT_READ }, model_frame };
	} else if (type == OBJECT_PAGE_TABLE) {
		*request = (struct request){ request->cap, take() % 3 != 0 ? OP_PAGE_TABLE_MAP : OP_PAGE_TABLE_UNMAP,
					     { any_of(OBJECT_VSPACE, OBJECT_GSPACE), any_address() }, model_table };
	} else if (type == OBJECT_IRQ_CONTROL) {
		*request = (struct request){ request->cap, OP_IRQ_CONTROL_GET, { take() % 4, CNODE, any_index(CNODE) }, model_irq_get };
	} else if (type == OBJECT_IRQ_HANDLER) {
		*request = (struct request){ request->cap, OP_IRQ_HANDLER_BIND, { any_of(OBJECT_NOTIFICATION, OBJECT_NULL) }, model_irq_bind };
	} else {
		return false;
	}
	return true;
}

/* Carries it out, going on after at most `restarts` interruptions. ERR_RESTART: given up. */
static enum err run(const struct request *request, unsigned restarts, bool *restarted)
{
	struct thread *root = root_thread();
	uint64_t *words = arch_thread_words(root);

	words[0] = request->cap;
	words[1] = request->number;
	memcpy(&words[2], request->a, sizeof(request->a));
	for (;;) {
		enter_kernel(root, SYS_INVOKE);
		if (!root->arch.restarted)
			return (enum err)words[0];
		REQUIRE(cap_check() == 0);
		REQUIRE(words[0] == request->cap && words[1] == request->number);
		REQUIRE(memcmp(&words[2], request->a, sizeof(request->a)) == 0);
		if (restarts-- == 0)
			return ERR_RESTART;
		*restarted = true;
	}
}

/* An operation was given up: what is gone must be a part of what it would have deleted. */
static void follow_kernel(void)
{
	for (unsigned i = 0; i < MODEL_CAPS; i++) {
		struct model_cap *cap = &before.cap[i];
		const struct slot *slot = cap->live ? model_slot(&before, cap) : NULL;

		if (!slot || !slot_empty(slot))
			continue;
		REQUIRE(!the_model.cap[i].live);
		model_remove(&before, cap);
	}
	the_model = before;
}

/* New memory is zero where the kernel keeps nothing in it; frames are then written to, as their owners would. */
static void check_new_memory(int first)
{
	for (int i = first; i < the_model.objects; i++) {
		const struct model_object *object = &the_model.object[i];
		uint8_t *bytes = arch_pointer(paddr(object->base));

		if (object->type == OBJECT_UNTYPED || object->type == OBJECT_THREAD || object->type == OBJECT_SCHED_CONTEXT ||
		    object->type == OBJECT_VCPU || object->size == 0 || object->base < HOST_MEMORY_BASE ||
		    (object->base >= ARCHIVE_BASE && object->base < ARCHIVE_BASE + (2u << 20)))
			continue;
		for (uint64_t j = 0; j < object->size; j++)
			REQUIRE(bytes[j] == 0);
		if (object->type == OBJECT_FRAME)
			memset(bytes, 0xa5, object->size);
	}
}

/* An interrupt's copy of its notification lies where nobody can look whether it is gone yet. */
static bool can_follow(void)
{
	for (unsigned i = 0; i < MODEL_CAPS; i++)
		if (the_model.cap[i].live && the_model.object[the_model.cap[i].holder].type == OBJECT_IRQ_HANDLER)
			return false;
	return true;
}

static void step(void)
{
	struct request request = { .cap = any_slot() };
	const struct model_cap *cap = request.cap ? model_lookup(&the_model, request.cap) : NULL;
	unsigned type = cap ? cap->type : OBJECT_NULL, control = take();
	int objects = the_model.objects;

	if (control % 4 == 0)
		request.cap = control % 8 ? CNODE : RAM + control / 8 % 4;
	cap = request.cap ? model_lookup(&the_model, request.cap) : NULL;
	type = cap ? cap->type : OBJECT_NULL;
	if (!choose(&request, type))
		return;
	if (request.cap == RAM && request.a[0] != OBJECT_UNTYPED && request.a[1] > 16)
		return; /* large frames take time and show nothing new */
	host.interrupt_every = can_follow() ? take() % 5 : 0;
	before = the_model;
	bool give_up = host.interrupt_every && take() % 4 == 0;
	enum err expected = model_apply(&request, type);
	bool restarted = false;
	enum err err = run(&request, give_up ? take() % 4 : UINT32_MAX, &restarted);

	host.interrupt_every = 0;
	/* Whoever deletes the CNode through which he deletes does not find it again after an interruption. */
	bool lost = restarted && err == ERR_INVALID_CAP && !model_lookup(&the_model, request.cap);

	if (err == ERR_RESTART || lost) {
		follow_kernel();
	} else {
		if (err != expected)
			fprintf(stderr, "capability %u of type %u, operation %lu (%lx, %lx, %lx, %lx, %lx): %u instead of %u\n", request.cap,
				type, request.number, request.a[0], request.a[1], request.a[2], request.a[3], request.a[4], err,
				expected);
		REQUIRE(err == expected);
		check_new_memory(objects);
	}
	model_compare(&the_model);
}

static void must(const struct request *request)
{
	int objects = the_model.objects;
	bool restarted;

	REQUIRE(model_apply(request, model_lookup(&the_model, request->cap)->type) == ERR_OK);
	REQUIRE(run(request, 0, &restarted) == ERR_OK);
	check_new_memory(objects);
}

/* Some objects to begin with, so that most operations find what they need. */
static void furnish(void)
{
	static const uint8_t first[][3] = {
		{ RAM, OBJECT_UNTYPED, 16 },	    { WINDOW, OBJECT_UNTYPED, 14 },   { WINDOW + 1, OBJECT_CNODE, 2 },
		{ WINDOW + 1, OBJECT_CNODE, 4 },    { WINDOW + 1, OBJECT_THREAD, 0 }, { WINDOW, OBJECT_VCPU, 0 },
		{ WINDOW + 1, OBJECT_ENDPOINT, 0 }, { RAM, OBJECT_NOTIFICATION, 0 },  { RAM, OBJECT_VSPACE, 0 },
		{ RAM, OBJECT_GSPACE, 0 },	    { RAM, OBJECT_PAGE_TABLE, 0 },    { WINDOW, OBJECT_PAGE_TABLE, 0 },
		{ SMALL_RAM, OBJECT_PAGE_TABLE, 0 }, { WINDOW, OBJECT_FRAME, 12 },     { SMALL_RAM, OBJECT_FRAME, 12 },
		{ ARCHIVE, OBJECT_FRAME, 21 },	    { SMALL_RAM, OBJECT_REPLY, 0 },
	};

	for (unsigned i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		must(&(struct request){ first[i][0], OP_UNTYPED_RETYPE, { first[i][1], first[i][2], CNODE, WINDOW + i, 1 }, model_retype });
	for (unsigned i = 0; i < 3; i++)
		must(&(struct request){ WINDOW + 10 + i, OP_PAGE_TABLE_MAP, { WINDOW + 8 + i / 2, 0 }, model_table });
	must(&(struct request){ WINDOW + 13, OP_FRAME_MAP, { WINDOW + 8, 0, RIGHT_READ }, model_frame });
	must(&(struct request){ WINDOW + 15, OP_FRAME_MAP, { WINDOW + 9, 0, RIGHT_READ }, model_frame });
	/* Far behind in a CNode, so that it dies in several steps. */
	for (uint64_t i = 12; i < 16; i++)
		must(&(struct request){ WINDOW + 3, OP_CNODE_MINT, { i, CNODE, WINDOW + 6, RIGHT_ALL, i }, model_mint });
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input = data;
	left = size;
	fixture_boot();
	model_boot(&the_model);
	furnish();
	model_compare(&the_model);
	for (unsigned i = 0; left && i < OPERATIONS_MAX; i++)
		step();
	return 0;
}
