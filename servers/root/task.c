/* SPDX-License-Identifier: Apache-2.0 */
#include "task.h"

#include <stdio.h>
#include <string.h>

#include <abi/root_info.h>
#include <libsys/invoke.h>
#include <libsys/log.h>
#include <libsys/task.h>

#include "archive.h"
#include "elf.h"
#include "layout.h"
#include "slots.h"

#define PAGE 4096u
#define CNODE_BITS 7u

static struct task_common common;

/* The list of the server in the making. */
static struct task_info info;
static uint32_t strings_used;
static cptr_t notification;
static enum err resource_error;

void task_init(const struct task_common *what)
{
	common = *what;
}

static cptr_t slot(const struct task *task, enum task_object object)
{
	return task->slots + (cptr_t)object;
}

static enum err make_objects(struct task *task, uint64_t hold_slots)
{
	static const struct {
		enum object_type type;
		enum task_object object;
	} objects[] = {
		{ OBJECT_VSPACE, TASK_VSPACE },
		{ OBJECT_THREAD, TASK_THREAD },
		{ OBJECT_SCHED_CONTEXT, TASK_SCHED_CONTEXT },
	};
	unsigned hold_bits = CNODE_BITS;
	enum err err = ERR_OK;

	while (UINT64_C(1) << hold_bits <= hold_slots)
		hold_bits++;
	for (unsigned i = 0; i < sizeof(objects) / sizeof(objects[0]) && !err; i++)
		err = arena_make(&task->arena, objects[i].type, 0, ROOT_SLOT_CNODE, slot(task, objects[i].object), 1);
	if (!err)
		err = arena_make(&task->arena, OBJECT_CNODE, CNODE_BITS, ROOT_SLOT_CNODE, slot(task, TASK_CNODE), 1);
	if (!err)
		err = arena_make(&task->arena, OBJECT_CNODE, hold_bits, ROOT_SLOT_CNODE, slot(task, TASK_HOLD), 1);
	if (!err)
		task->thread[task->threads++] = slot(task, TASK_THREAD);
	task->hold = (struct hold){ slot(task, TASK_HOLD), 1, 1u << hold_bits };
	task->space = (struct space){ slot(task, TASK_VSPACE), &task->arena, &task->hold };
	return err;
}

static enum err fill_cnode(struct task *task, const struct task_config *config)
{
	cptr_t cnode = slot(task, TASK_CNODE);
	enum err err = cnode_mint(cnode, TASK_SLOT_ROOT, ROOT_SLOT_CNODE, common.endpoint, RIGHT_WRITE, config->number);

	if (!err)
		err = cnode_mint(ROOT_SLOT_CNODE, slot(task, TASK_FAULT), ROOT_SLOT_CNODE, common.endpoint, RIGHT_WRITE,
				 config->number | TASK_FAULT_BADGE);
	if (!err)
		err = cnode_mint(cnode, TASK_SLOT_NOTIFICATION, ROOT_SLOT_CNODE, config->notification, RIGHT_ALL, 0);
	if (!err && config->receives)
		err = arena_make(&task->arena, OBJECT_ENDPOINT, 0, cnode, TASK_SLOT_ENDPOINT, 1);
	if (!err && config->receives)
		err = arena_make(&task->arena, OBJECT_REPLY, 0, cnode, TASK_SLOT_REPLY, 1);
	task->next_cap = TASK_SLOT_FREE;
	return err;
}

static enum err load(struct task *task, const struct file *file, const struct elf_image *image)
{
	enum err err = ERR_OK;

	for (unsigned i = 0; i < image->segments && !err; i++) {
		const struct elf_segment *segment = &image->segment[i];

		err = space_add_content(&task->space, segment->address, (const uint8_t *)file->content + segment->offset,
					segment->file_size, segment->size, segment->rights);
	}
	task->entry = image->entry;
	return err;
}

static uint64_t pages_of(const struct elf_image *image)
{
	uint64_t pages = 0;

	for (unsigned i = 0; i < image->segments; i++)
		pages += (image->segment[i].size + PAGE - 1) / PAGE;
	return pages;
}

static void start_info(const struct task_config *config)
{
	info = (struct task_info){
		.magic = TASK_INFO_MAGIC,
		.version = SERAI_ABI_VERSION,
		.timebase_hz = common.timebase_hz,
		.heap = HEAP_ADDRESS,
		.heap_size = config->heap,
	};
	strncpy(info.name, config->name, sizeof(info.name) - 1);
	strings_used = 0;
	notification = config->notification;
	resource_error = ERR_OK;
}

enum err task_create(struct task *task, const struct task_config *config)
{
	/* Tables for image, stack, heap and the rest; the information pages. */
	static const uint64_t some = 40;
	struct elf_image image;
	struct file file;

	*task = (struct task){ 0 };
	if (!archive_find(config->file, &file)) {
		log_error("the boot archive has no file \"%s\"", config->file);
		return ERR_INVALID_ARGUMENT;
	}
	const char *problem = elf_read(file.content, file.size, &image);

	if (problem) {
		log_error("%s: %s", config->file, problem);
		return ERR_INVALID_ARGUMENT;
	}
	task->slots = slots_allocate(TASK_OBJECTS);
	if (!task->slots)
		return ERR_LIMIT;
	task->exists = true;
	task->hart = config->hart;
	task->time = config->time;
	start_info(config);

	enum err err = make_objects(task, pages_of(&image) + (STACK_SIZE + config->heap) / PAGE + some + config->hold);

	if (!err)
		err = fill_cnode(task, config);
	if (!err)
		err = load(task, &file, &image);
	if (!err)
		err = space_add(&task->space, STACK_TOP - STACK_SIZE, STACK_SIZE, RIGHT_READ | RIGHT_WRITE);
	if (!err)
		err = space_add(&task->space, HEAP_ADDRESS, config->heap, RIGHT_READ | RIGHT_WRITE);
	return err;
}

static struct task_resource *new_resource(const char *name, enum task_resource_kind kind)
{
	static struct task_resource nowhere;

	if (info.resources == TASK_RESOURCES_MAX || strlen(name) >= sizeof(nowhere.name)) {
		resource_error = ERR_LIMIT;
		return &nowhere;
	}
	struct task_resource *resource = &info.resource[info.resources++];

	strcpy(resource->name, name);
	resource->kind = (uint32_t)kind;
	return resource;
}

void task_give_cap(struct task *task, const char *name, cptr_t source, unsigned rights, uint32_t badge)
{
	enum err err = cnode_mint(slot(task, TASK_CNODE), task->next_cap, ROOT_SLOT_CNODE, source, rights, badge);

	if (err)
		resource_error = err;
	new_resource(name, TASK_CAP)->value = task->next_cap++;
}

void task_give_moved_cap(struct task *task, const char *name, cptr_t source)
{
	enum err err = cnode_move(slot(task, TASK_CNODE), task->next_cap, ROOT_SLOT_CNODE, source);

	if (err)
		resource_error = err;
	new_resource(name, TASK_CAP)->value = task->next_cap++;
}

cptr_t task_give_slots(struct task *task, const char *name, unsigned count)
{
	cptr_t first = task->next_cap;

	new_resource(name, TASK_CAP)->value = first;
	task->next_cap += count;
	return first;
}

void task_give_memory(const char *name, uint64_t address, uint64_t size)
{
	struct task_resource *resource = new_resource(name, TASK_MEMORY);

	resource->address = address;
	resource->size = size;
}

void task_give_value(const char *name, uint64_t value)
{
	new_resource(name, TASK_VALUE)->value = value;
}

void task_give_string(const char *name, const char *string)
{
	size_t length = strlen(string) + 1;

	if (length > TASK_STRINGS_MAX - strings_used) {
		resource_error = ERR_LIMIT;
		return;
	}
	memcpy(info.strings + strings_used, string, length);
	new_resource(name, TASK_STRING)->value = strings_used;
	strings_used += (uint32_t)length;
}

/* All but its registers and its notification. */
static enum err prepare_thread(const struct task *task, cptr_t thread, cptr_t context, uint32_t hart, unsigned priority)
{
	enum err err = thread_configure(thread, slot(task, TASK_CNODE), slot(task, TASK_VSPACE), slot(task, TASK_FAULT));

	if (!err)
		err = thread_set_priority(thread, ROOT_SLOT_SCHED_CONTROL, priority);
	if (!err)
		err = sched_control_configure(ROOT_SLOT_SCHED_CONTROL, context, task->time.budget, task->time.period,
					      task->time.slice);
	/* Who has a limit tells when it is reached. */
	if (!err && task->time.budget < task->time.period)
		err = thread_set_timeout_endpoint(thread, slot(task, TASK_FAULT));
	if (!err)
		err = thread_bind_sched_context(thread, context);
	return err ? err : thread_set_affinity(thread, ROOT_SLOT_SCHED_CONTROL, hart % common.harts);
}

enum err task_add_thread(struct task *task, const char *name, cptr_t to, unsigned number, uint32_t hart, unsigned priority)
{
	uint64_t stack = STACK_TOP - number * STACK_STRIDE - STACK_SIZE;
	enum err err = number < TASK_THREADS_MAX ? arena_make(&task->arena, OBJECT_THREAD, 0, ROOT_SLOT_CNODE, to, 1) : ERR_LIMIT;
	char resource[28];

	if (!err)
		err = arena_make(&task->arena, OBJECT_SCHED_CONTEXT, 0, ROOT_SLOT_CNODE, to + 1, 1);
	if (!err)
		err = prepare_thread(task, to, to + 1, hart, priority);
	if (!err)
		err = space_add(&task->space, stack, STACK_SIZE, RIGHT_READ | RIGHT_WRITE);
	if (err)
		return err;
	task->thread[task->threads++] = to;
	snprintf(resource, sizeof(resource), "%s.thread", name);
	task_give_cap(task, resource, to, RIGHT_ALL, 0);
	snprintf(resource, sizeof(resource), "%s.stack", name);
	task_give_memory(resource, stack, STACK_SIZE);
	return ERR_OK;
}

static enum err start_thread(struct task *task, unsigned priority)
{
	cptr_t thread = slot(task, TASK_THREAD);
	enum err err = prepare_thread(task, thread, slot(task, TASK_SCHED_CONTEXT), task->hart, priority);

	if (!err)
		err = thread_bind_notification(thread, notification);
	if (!err)
		err = thread_write_registers(thread, task->entry, STACK_TOP, TASK_INFO_ADDRESS);
	return err ? err : thread_resume(thread);
}

enum err task_start(struct task *task, unsigned priority)
{
	enum err err = resource_error;

	if (!err)
		err = space_add_content(&task->space, TASK_INFO_ADDRESS, &info, sizeof(info), sizeof(info), RIGHT_READ);
	return err ? err : start_thread(task, priority);
}

uint64_t task_consumed(const struct task *task)
{
	uint64_t sum = 0, ticks;

	for (unsigned i = 0; i < task->threads; i++)
		if (sched_context_consumed(task->thread[i] + 1, &ticks) == ERR_OK)
			sum += ticks;
	return sum;
}

void task_suspend(const struct task *task)
{
	for (unsigned i = 0; i < task->threads; i++)
		if (thread_suspend(task->thread[i]) != ERR_OK)
			task_fail("cannot stop a thread of a server");
}

void task_destroy(struct task *task)
{
	if (!task->exists)
		return;
	/* Before anything is taken away: one that runs on another hart would fault on what is missing. */
	task_suspend(task);
	/* The copy of the endpoint is not from this server's memory. */
	if (cnode_delete(ROOT_SLOT_CNODE, slot(task, TASK_FAULT)) != ERR_OK)
		task_fail("cannot empty slot %u", slot(task, TASK_FAULT));
	arena_release(&task->arena);
	slots_free(task->slots, TASK_OBJECTS);
	*task = (struct task){ 0 };
}

enum err task_kill(struct task *task)
{
	cptr_t thread = slot(task, TASK_THREAD);
	enum err err = thread_suspend(thread);

	if (!err)
		err = thread_write_registers(thread, 0, 0, 0);
	return err ? err : thread_resume(thread);
}
