/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints, replies, notifications and spaces go away, and threads are disturbed, while all harts use them at full speed. */
#include "races.h"

enum { ENDPOINT, NOTIFICATION, OTHER_NOTIFICATION, REPLY };
#define ROLES 5u
#define KEY 0x5a5a0000u
#define IDLE_CALL 99u /* there is none: a process does nothing until it gets a number */

static uint64_t soon(struct worker *self)
{
	return sys_time() + random_of(&self->random) % 3000;
}

static void call(struct worker *self)
{
	uint64_t sequence = 0;

	while (!self->quit) {
		struct message message = { .info = message_info(1, 2), .word = { self->number, ++sequence } };
		enum err err = sys_call(self->cap[ENDPOINT], &message);

		expect(err || message.word[0] == (self->number ^ KEY), "an answer is another's", message.word[0]);
		expect(err || message.word[1] == sequence + 1, "an answer is not for this call", message.word[1]);
		worker_note(self, err);
	}
}

static void serve(struct worker *self)
{
	struct message message;
	bool answer = false;

	while (!self->quit) {
		enum err err = answer ? sys_reply_recv(self->cap[ENDPOINT], self->cap[REPLY], &message, soon(self)) :
					sys_recv(self->cap[ENDPOINT], self->cap[REPLY], &message, soon(self));

		worker_note(self, err);
		answer = err == ERR_OK && message_label(message.info) != LABEL_NOTIFICATION;
		message.word[0] ^= KEY;
		message.word[1]++;
		/* One that was sent needs no answer; it gets none. */
		message.info = message_info(0, 2);
	}
}

static void send(struct worker *self)
{
	while (!self->quit) {
		struct message message = { .info = message_info(2, 2), .word = { self->number, 0 } };

		worker_note(self, sys_send(self->cap[ENDPOINT], &message));
		worker_note(self, sys_signal(self->cap[NOTIFICATION]));
	}
}

static void wait(struct worker *self)
{
	uint64_t bits;

	while (!self->quit) {
		worker_note(self, sys_wait(self->cap[NOTIFICATION], soon(self), &bits));
		worker_note(self, sys_signal(self->cap[OTHER_NOTIFICATION]));
	}
}

static void signal(struct worker *self)
{
	uint64_t bits;

	while (!self->quit) {
		worker_note(self, sys_signal(self->cap[NOTIFICATION]));
		worker_note(self, sys_poll(self->cap[OTHER_NOTIFICATION], &bits));
		if (random_of(&self->random) % 8 == 0)
			worker_note(self, sys_wait(self->cap[OTHER_NOTIFICATION], soon(self), &bits));
	}
}

static const enum object_type object_types[] = { OBJECT_ENDPOINT, OBJECT_NOTIFICATION, OBJECT_NOTIFICATION };

static unsigned start_all(cptr_t objects[3])
{
	void (*const runs[ROLES])(struct worker *) = { call, serve, send, wait, signal };
	unsigned count = ROLES * (root_info->harts < 4 ? root_info->harts : 4);

	for (unsigned i = 0; i < 3; i++)
		objects[i] = make(object_types[i], 0);
	for (unsigned i = 0; i < count; i++) {
		struct worker *worker = worker_new(i, runs[i % ROLES], i / ROLES);

		worker->cap[ENDPOINT] = objects[0];
		worker->cap[NOTIFICATION] = objects[1];
		worker->cap[OTHER_NOTIFICATION] = objects[2];
		worker->cap[REPLY] = make(OBJECT_REPLY, 0);
		worker_start(worker);
	}
	return count;
}

static uint64_t answers(unsigned count)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < count; i += ROLES) /* the callers */
		sum += workers[i].errors[ERR_OK];
	return sum;
}

/* All come out of whatever they wait for when its object goes. */
static void end_all(const cptr_t objects[3], unsigned count)
{
	WAIT_FOR(answers(count) > 0, "no call succeeds");
	workers_quit(count);
	for (unsigned i = 0; i < 3; i++)
		must(cnode_delete(ROOT_SLOT_CNODE, objects[i]), "delete");
	for (unsigned i = 0; i < count; i++)
		must(cnode_delete(ROOT_SLOT_CNODE, workers[i].cap[REPLY]), "delete"); /* a server ends without answers */
	for (unsigned i = 0; i < count; i++) {
		WAIT_FOR(workers[i].done, "a thread does not come back");
	}
}

static void test_deleted(void)
{
	uint64_t end = sys_time() + ticks_of(parameters.ms);
	cptr_t objects[3];
	unsigned count = start_all(objects);

	while (sys_time() < end) {
		unsigned which = (unsigned)pick(4);

		sleep_ticks(pick(2000));
		if (which < 3)
			remake(objects[which], object_types[which], 0);
		else
			remake(workers[pick(count)].cap[REPLY], OBJECT_REPLY, 0);
	}
	end_all(objects, count);
}

static void disturb(struct worker *victim)
{
	switch (pick(5)) {
	case 0:
		must(thread_suspend(victim->thread), "suspend");
		sleep_ticks(pick(100));
		must(thread_resume(victim->thread), "resume");
		break;
	case 1: {
		enum err err = thread_set_affinity(victim->thread, ROOT_SLOT_SCHED_CONTROL, pick(root_info->harts));

		expect(err == ERR_OK || err == ERR_BUSY, "affinity", (uint64_t)err);
		break;
	}
	case 2:
		/* Lent or not: it comes back to nobody. */
		must(thread_bind_sched_context(victim->thread, 0), "unbind");
		for (uint64_t i = pick(3); i > 0; i--)
			sleep_ticks(100);
		enum err err = thread_bind_sched_context(victim->thread, victim->context);

		expect(err == ERR_OK || err == ERR_BUSY, "bind", (uint64_t)err);
		if (err) {
			/* It runs on another's time, or lent that on: only suspended it has no loans. */
			must(thread_suspend(victim->thread), "suspend");
			err = thread_bind_sched_context(victim->thread, victim->context);
			must(thread_resume(victim->thread), "resume");
		}
		break;
	case 3:
		must(sched_control_configure(ROOT_SLOT_SCHED_CONTROL, victim->context, ticks_of(1), ticks_of(1 + pick(2)), 0), "configure");
		break;
	default:
		must(thread_set_priority(victim->thread, ROOT_SLOT_SCHED_CONTROL, PRIORITY_WORKER - pick(3)), "priority");
		break;
	}
}

static void test_disturbed(void)
{
	uint64_t end = sys_time() + ticks_of(parameters.ms);
	cptr_t objects[3];
	unsigned count = start_all(objects);

	while (sys_time() < end) {
		sleep_ticks(pick(1000));
		disturb(&workers[pick(count)]);
	}
	for (unsigned i = 0; i < count; i++) {
		must(thread_suspend(workers[i].thread), "suspend");
		enum err err = thread_bind_sched_context(workers[i].thread, workers[i].context);

		expect(err == ERR_OK || err == ERR_BUSY, "bind", (uint64_t)err);
		must(thread_resume(workers[i].thread), "resume");
	}
	end_all(objects, count);
}

/* --- passive servers --- */

/* With deadlines, so that they stand in a hart's list while they are lent time by another. */
static void serve_passively(struct worker *self)
{
	struct message message;
	enum err err = server_begin(self, self->cap[ENDPOINT], self->cap[REPLY], &message);

	for (;;) {
		expect(err == ERR_OK || err == ERR_DELETED || err == ERR_TIMED_OUT || err == ERR_INVALID_CAP, "receive", (uint64_t)err);
		self->progress++;
		message.word[0] ^= KEY;
		message.word[1]++;
		message.info = message_info(0, 2);
		err = sys_reply_recv(self->cap[ENDPOINT], self->cap[REPLY], &message, sys_time() + WAIT_TICKS);
	}
}

static void replace_server(struct worker *server)
{
	must(cnode_delete(ROOT_SLOT_CNODE, server->thread), "delete");
	remake(server->cap[REPLY], OBJECT_REPLY, 0); /* it may hold a caller */
	worker_start_passive(server);
}

static void test_passive(void)
{
	uint64_t end = sys_time() + ticks_of(parameters.ms);
	unsigned harts = root_info->harts, clients = 2 * harts;
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0);

	for (unsigned i = 0; i < clients + 2; i++) {
		struct worker *worker = worker_new(i, i < clients ? call : serve_passively, i / 2);

		worker->cap[ENDPOINT] = endpoint;
		worker->cap[REPLY] = make(OBJECT_REPLY, 0);
		if (i < clients)
			worker_start(worker);
		else
			worker_start_passive(worker);
	}
	while (sys_time() < end) {
		struct worker *victim = &workers[clients + pick(2)];

		sleep_ticks(pick(3000));
		if (pick(3) == 0)
			must(thread_suspend(workers[pick(clients)].thread), "suspend");
		replace_server(victim);
		for (unsigned i = 0; i < clients; i++)
			must(thread_resume(workers[i].thread), "resume");
	}
	/* A server whose client was suspended has lost the time that it lent. */
	replace_server(&workers[clients]);
	replace_server(&workers[clients + 1]);
	for (unsigned i = 0; i < clients; i++) {
		uint64_t seen = workers[i].errors[ERR_OK];

		WAIT_FOR(workers[i].errors[ERR_OK] != seen, "a client gets no answer");
	}
}

/* --- translations of a space that is gone --- */

/* Checks that a message says what stands in the sender's memory now. */
static void compare(struct worker *self)
{
	struct message message;
	enum err err = server_begin(self, self->cap[ENDPOINT], self->cap[REPLY], &message);

	for (;;) {
		must(err, "receive");
		expect(message.badge < 8 && message.word[0] == self->value[message.badge], "a word of a space that is gone", message.word[0]);
		self->progress++;
		err = sys_reply_recv(self->cap[ENDPOINT], self->cap[REPLY], &message, DEADLINE_NEVER);
	}
}

static void start_process(struct worker *server, unsigned number, uint32_t hart)
{
	/* The new space has the address-space id, and the addresses, of one that was deleted a moment ago. */
	uint64_t secret = pick(UINT64_MAX);
	struct process process;

	server->value[number] = secret;
	process = make_process(IDLE_CALL, copy(server->cap[ENDPOINT], number), 0, hart);
	process.data[0] = secret;
	process.data[4] = SYS_CALL;
}

static void test_stale(void)
{
	uint64_t end = sys_time() + ticks_of(parameters.ms);

	while (sys_time() < end) {
		struct worker *server = worker_new(0, compare, (uint32_t)pick(root_info->harts));

		server->cap[ENDPOINT] = make(OBJECT_ENDPOINT, 0);
		server->cap[REPLY] = make(OBJECT_REPLY, 0);
		worker_start_passive(server);
		for (unsigned i = 1; i < 5; i++)
			start_process(server, i, i);
		for (unsigned i = 0; i < 4; i++) {
			uint64_t seen = server->progress;

			WAIT_FOR(server->progress > seen + 20, "no calls");
		}
		arena_end();
	}
}

const struct race_case message_cases[] = {
	{ "deleted", test_deleted },
	{ "disturbed", test_disturbed },
	{ "passive", test_passive },
	{ "stale", test_stale },
	{ 0 },
};
