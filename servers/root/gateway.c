/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway.h"

#include <stdio.h>
#include <string.h>

#include <abi/archive.h>
#include <libsys/invoke.h>
#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>
#include <proto/gateway.h>

#include "archive.h"
#include "backend_private.h"
#include "random.h"
#include "report.h"
#include "slots.h"

#define RAM_BITS 23u /* of its block */
#define RAM_SIZE (UINT64_C(1) << RAM_BITS)
#define LARGE_BITS 21u
#define RAM_FRAMES (1u << (RAM_BITS - LARGE_BITS))
#define HEAP_SIZE (UINT64_C(64) << 10)
#define SEED_SIZE 64u
#define TABLES 16u /* page tables of what it sees beside its image */

static struct {
	struct task task;
	bool failed, due;
	struct restarts restarts;
	unsigned channel;
	block_t ram;
	cptr_t frames;
	cptr_t status; /* a page that stays; it says nothing while there is no gateway */
} gateway;

_Static_assert(GATEWAY_NICS <= NET_NICS_MAX, "badges, and pages of its sessions");

static struct gateway_status *status(void)
{
	return (struct gateway_status *)ROOT_GATEWAY_ADDRESS;
}

static void must(enum err err)
{
	if (err)
		task_fail("cannot make the gateway: %s", report_error(err));
}

void gateway_init(void)
{
	if (!root.system.gateway.nics)
		return;
	gateway.channel = root.channels - 1;
	gateway.ram = memory_allocate(RAM_BITS);
	gateway.frames = slots_allocate(RAM_FRAMES);
	gateway.status = slots_allocate(1);
	if (!gateway.ram || !gateway.frames || !gateway.status)
		task_fail("not enough memory for the gateway");
	must(untyped_retype(memory_cap(gateway.ram), OBJECT_FRAME, LARGE_BITS, ROOT_SLOT_CNODE, gateway.frames, RAM_FRAMES));
	must(arena_make(&root.arena, OBJECT_FRAME, 12, ROOT_SLOT_CNODE, gateway.status, 1));
	must(space_map(&root.space, gateway.status, ROOT_GATEWAY_ADDRESS, RIGHT_READ | RIGHT_WRITE));
}

enum err gateway_give_console(struct task *console)
{
	if (!gateway.ram)
		return ERR_OK;
	task_give_memory("gateway.status", GATEWAY_STATUS_ADDRESS, GATEWAY_STATUS_SIZE);
	return space_add_copy(&console->space, GATEWAY_STATUS_ADDRESS, gateway.status, RIGHT_READ);
}

unsigned gateway_channel(void)
{
	return gateway.channel;
}

static enum err map_ram(struct space *space, uint64_t address)
{
	enum err err = ERR_OK;

	for (unsigned i = 0; i < RAM_FRAMES && !err; i++)
		err = space_add_copy(space, address + ((uint64_t)i << LARGE_BITS), gateway.frames + i, RIGHT_READ | RIGHT_WRITE);
	return err;
}

uint64_t gateway_hold(const struct backend *net)
{
	return gateway.ram && net->kind == BACKEND_NET ? RAM_FRAMES + 2u : 0;
}

enum err gateway_give(struct backend *net)
{
	char name[28];

	if (!gateway.ram || net->kind != BACKEND_NET)
		return ERR_OK;
	for (unsigned i = 0; i < root.system.gateway.nics; i++) {
		snprintf(name, sizeof(name), "session.%u.signal", root.system.gateway.session + i);
		task_give_cap(&net->task, name, root.channel[gateway.channel].notification, RIGHT_WRITE, (uint32_t)NET_CLIENT_SIGNAL(i));
	}
	return map_ram(&net->task.space, BACKEND_GATEWAY_ADDRESS);
}

/* The page of a session begins empty. */
static enum err give_session(unsigned nic)
{
	unsigned session = root.system.gateway.session + nic;
	uint64_t address = BACKEND_CLIENT_ADDRESS + nic * BACKEND_PAGE;
	char name[28];

	snprintf(name, sizeof(name), "nic.%u.session", nic);
	task_give_memory(name, address, BACKEND_PAGE);
	snprintf(name, sizeof(name), "nic.%u.signal", nic);
	return backend_give_session(BACKEND_NET, &gateway.task, name, session, address);
}

static enum err give_seed(void)
{
	uint8_t seed[SEED_SIZE];

	random_bytes(seed, sizeof(seed));
	enum err err = space_add_content(&gateway.task.space, SEED_ADDRESS, seed, sizeof(seed), sizeof(seed), RIGHT_READ | RIGHT_WRITE);

	random_bytes(seed, sizeof(seed)); /* nothing of it stays on the stack */
	task_give_memory("seed", SEED_ADDRESS, SEED_SIZE);
	return err;
}

static enum err give(const struct file *system)
{
	const struct channel *channel = &root.channel[gateway.channel];
	struct task *task = &gateway.task;
	uint64_t address;
	enum err err = map_ram(&task->space, RAM_ADDRESS);

	for (unsigned i = 0; i < root.system.gateway.nics && !err; i++)
		err = give_session(i);
	if (!err)
		err = archive_map(system, &task->space, BACKEND_SYSTEM_ADDRESS, &address);
	if (!err)
		err = give_seed();
	if (!err)
		err = space_add_copy(&task->space, GATEWAY_STATUS_ADDRESS, gateway.status, RIGHT_READ | RIGHT_WRITE);
	if (!err)
		err = channel_map(channel, &task->space, CHANNELS_ADDRESS);
	if (err)
		return err;
	task_give_memory("ram", RAM_ADDRESS, RAM_SIZE);
	task_give_value("ram_base", GUEST_RAM_BASE);
	task_give_memory("system", address, system->size);
	task_give_memory("status", GATEWAY_STATUS_ADDRESS, GATEWAY_STATUS_SIZE);
	task_give_memory("channel", CHANNELS_ADDRESS, CONSOLE_CHANNEL_SIZE);
	task_give_cap(task, "console", channel->console, RIGHT_WRITE, 0);
	return ERR_OK;
}

static enum err create(void)
{
	const struct attachment attachment = {
		.ranges = 1, .base = GUEST_RAM_BASE, .size = RAM_SIZE, .address = BACKEND_GATEWAY_ADDRESS,
		.range = { { .physical = memory_base(gateway.ram), .size = RAM_SIZE } },
	};
	struct file system;

	if (!archive_find(ARCHIVE_SYSTEM, &system))
		return ERR_INVALID_ARGUMENT;
	const struct task_config config = {
		.name = GATEWAY_NAME,
		.file = GATEWAY_NAME,
		.number = CALLER_GATEWAY,
		.heap = HEAP_SIZE,
		.hold = TABLES + RAM_FRAMES + GATEWAY_NICS + CHANNEL_FRAMES + archive_frames(&system) + 2u,
		.notification = root.channel[gateway.channel].notification,
		.time = cpu_time_server(root.info->timebase_hz),
	};
	enum err err = task_create(&gateway.task, &config);

	if (!err)
		err = give(&system);
	if (err)
		return err;
	backend_lend(BACKEND_NET, ATTACH_GATEWAY, &attachment);
	return task_start(&gateway.task, GATEWAY_PRIORITY);
}

/* The net server forgets its queues before there are new ones. */
static void destroy(void)
{
	task_destroy(&gateway.task);
	memset(status(), 0, sizeof(*status()));
	backend_take_back(BACKEND_NET, ATTACH_GATEWAY, GATEWAY_NAME);
}

void gateway_start(void)
{
	if (!gateway.ram)
		return;
	enum err err = create();

	if (!err)
		return;
	log_error("the gateway cannot be started: %s", report_error(err));
	scratch_clear();
	destroy();
	gateway.failed = true;
}

void gateway_fault(void)
{
	destroy();
	gateway.due = true;
}

void gateway_tick(void)
{
	if (!gateway.due)
		return;
	gateway.due = false;
	if (!restarts_allow(&gateway.restarts, BACKEND_RESTARTS, BACKEND_RESTART_SECONDS, sys_time(), root.info->timebase_hz)) {
		log_error("the gateway ended too often: its network has none any more");
		gateway.failed = true;
		return;
	}
	gateway_start();
	if (!gateway.failed)
		log_warn("the gateway was started again");
}

enum err gateway_kill(void)
{
	return gateway.task.exists ? task_kill(&gateway.task) : ERR_INVALID_CAP;
}

uint64_t gateway_bytes(void)
{
	return gateway.task.arena.bytes + (gateway.ram ? RAM_SIZE : 0);
}
