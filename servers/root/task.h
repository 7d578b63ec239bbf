/* SPDX-License-Identifier: Apache-2.0 */
/* Making and ending servers: an address space, a CNode and a thread, with the resources that they are told of. */
#pragma once

#include <proto/task.h>

#include "cpu_time.h"
#include "space.h"

/* Slots of the root task that a server occupies, from `slots` on. */
enum task_object {
	TASK_CNODE,
	TASK_VSPACE,
	TASK_THREAD,
	TASK_SCHED_CONTEXT,
	TASK_HOLD,
	TASK_FAULT, /* endpoint for its faults: the thread's copy is derived from it */
	TASK_FIRST_OWN, /* up to here; further ones are for the kind of server */
	TASK_OBJECTS = 42,
};

/* The badge of a fault message has this bit beside the number of the server. */
#define TASK_FAULT_BADGE (1u << 16)

#define TASK_THREADS_MAX 8u

struct task {
	bool exists;
	cptr_t slots;
	unsigned threads;
	cptr_t thread[TASK_THREADS_MAX]; /* all of them, the first one first */
	struct arena arena;
	struct hold hold;
	struct space space;
	uint32_t next_cap;  /* in its CNode */
	uint64_t entry;
	uint32_t hart;
	struct cpu_time time; /* of each thread */
};

struct task_config {
	const char *name;
	const char *file;     /* in the archive */
	uint32_t number;      /* badge of its calls; at least 1 */
	uint64_t heap;        /* bytes */
	uint64_t hold;        /* capabilities kept for it, beyond those of its image, stack and heap */
	cptr_t notification;  /* that it will have bound */
	bool receives;        /* has an endpoint and a reply object */
	uint32_t hart;        /* where its first thread runs, modulo the harts of the machine */
	struct cpu_time time; /* of each of its threads */
};

/* What all servers get from the root task. */
struct task_common {
	cptr_t endpoint; /* of the root task */
	uint64_t timebase_hz;
	uint32_t harts;
};
void task_init(const struct task_common *common);

/* Makes all but the resources. One server can be in the making at a time. After an error: task_destroy. */
enum err task_create(struct task *task, const struct task_config *config) __attribute__((warn_unused_result));

/* Resources, by name. Capabilities are derived from a slot of the root task. What does not fit shows in task_start. */
void task_give_cap(struct task *task, const char *name, cptr_t source, unsigned rights, uint32_t badge);
void task_give_moved_cap(struct task *task, const char *name, cptr_t source);
cptr_t task_give_slots(struct task *task, const char *name, unsigned count); /* empty ones in its CNode: returns the first */
void task_give_memory(const char *name, uint64_t address, uint64_t size);
void task_give_value(const char *name, uint64_t value);
void task_give_string(const char *name, const char *string);

/*
 * A further thread for the server, stopped, and its scheduling context, in two slots of the root task from `slot` on. Its stack
 * is the resource "NAME.stack", and its capability "NAME.thread". number: 1 to TASK_THREADS_MAX - 1, in this order; hart as in
 * task_config.
 */
enum err task_add_thread(struct task *task, const char *name, cptr_t slot, unsigned number, uint32_t hart, unsigned priority)
	__attribute__((warn_unused_result));

/* Writes the list of resources and lets the thread run. */
enum err task_start(struct task *task, unsigned priority) __attribute__((warn_unused_result));

/* CPU time that all its threads used so far, in ticks. */
uint64_t task_consumed(const struct task *task);

/* Stops all its threads, wherever they run. No harm if nothing exists. */
void task_suspend(const struct task *task);

/* Ends it and takes all of it back. No harm if nothing exists. */
void task_destroy(struct task *task);

/* Makes it fault at address 0. */
enum err task_kill(struct task *task) __attribute__((warn_unused_result));

static inline cptr_t task_slot_of(const struct task *task, unsigned object)
{
	return task->slots + object;
}
