/* SPDX-License-Identifier: Apache-2.0 */
#include "block.h"

#include <stdio.h>
#include <string.h>

#include <abi/archive.h>
#include <libsys/invoke.h>
#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>
#include <proto/block.h>

#include "archive.h"
#include "block_guest.h"
#include "layout.h"
#include "report.h"
#include "root.h"
#include "slots.h"

#define PAGE 4096u
#define HEAP_BASE (UINT64_C(1) << 20)      /* what the server needs without sessions and overlays */
#define HEAP_SESSION (UINT64_C(256) << 10) /* its requests */
#define LARGE_BITS 21u
#define ANSWER_MS 2000u     /* that the server has to let go of a guest */
#define ANSWER_LOOK_US 200u
#define TABLES 64u          /* page tables of what it sees beside guests */

/* The pages that stay: their order in the root task, in its slots, and in the server. */
enum {
	PAGES_TABLE,
	PAGES_STATUS = PAGES_TABLE + ATTACH_TABLE_SIZE / PAGE,
	PAGES_COMMAND = PAGES_STATUS + BLOCK_STATUS_SIZE / PAGE,
	PAGES_SESSIONS,
	STATUS_PAGES = PAGES_COMMAND - PAGES_STATUS,
	RECOVERY_PAGES = BLOCK_RECOVERY_SIZE / PAGE,
};

static struct {
	struct task task;
	bool failed; /* cannot be started (again) */
	bool due;    /* to be started again */
	bool unsafe; /* a device could not be reset: it may still transfer data */
	struct restarts restarts;
	cptr_t notification, control, silence; /* the server's; the same, badged for the console; one that nobody signals */
	cptr_t frames;
	unsigned pages;
	block_t dma;
	cptr_t dma_frames;
	unsigned dma_bits; /* of a frame */
	uint64_t dma_physical;
} block;

static void must(enum err err, const char *what)
{
	if (err)
		task_fail("cannot make %s: %s", what, report_error(err));
}

static cptr_t new_slots(unsigned count)
{
	cptr_t slots = slots_allocate(count);

	if (!slots)
		task_fail("the root task has no slots left");
	return slots;
}

static uint8_t *page(unsigned number)
{
	return (uint8_t *)ROOT_BLOCK_ADDRESS + number * (uint64_t)PAGE;
}

static struct attach_table *table(void)
{
	return (struct attach_table *)page(PAGES_TABLE);
}

static const struct block_status *status(void)
{
	return (const struct block_status *)page(PAGES_STATUS);
}

static unsigned recovery_page(void)
{
	return PAGES_SESSIONS + root.system.sessions;
}

static void make_pages(void)
{
	block.pages = recovery_page() + root.system.sessions * RECOVERY_PAGES;
	block.frames = new_slots(block.pages);
	must(arena_make(&root.arena, OBJECT_FRAME, 12, ROOT_SLOT_CNODE, block.frames, block.pages), "pages of the block server");
	for (unsigned i = 0; i < block.pages; i++)
		must(space_map(&root.space, block.frames + i, ROOT_BLOCK_ADDRESS + i * PAGE, RIGHT_READ | RIGHT_WRITE),
		     "pages of the block server");
	table()->guests = root.system.guests;
}

static void make_dma(void)
{
	uint64_t bytes = BLOCK_DMA_SIZE(root.devices.count, root.system.overlays);
	unsigned bits = 64 - (unsigned)__builtin_clzll(bytes - 1), count;

	block.dma = memory_allocate(bits);
	if (!block.dma)
		task_fail("not enough memory for the disks");
	block.dma_bits = bits < LARGE_BITS ? 12 : LARGE_BITS;
	count = 1u << (bits - block.dma_bits);
	block.dma_frames = new_slots(count);
	must(untyped_retype(memory_cap(block.dma), OBJECT_FRAME, block.dma_bits, ROOT_SLOT_CNODE, block.dma_frames, count),
	     "memory for the disks");
	must(frame_get_address(block.dma_frames, &block.dma_physical), "memory for the disks");
}

void block_init(void)
{
	if (!root.system.has_disks)
		return;
	block.notification = new_slots(3);
	block.control = block.notification + 1;
	block.silence = block.notification + 2;
	must(arena_make(&root.arena, OBJECT_NOTIFICATION, 0, ROOT_SLOT_CNODE, block.notification, 1), "a notification");
	must(arena_make(&root.arena, OBJECT_NOTIFICATION, 0, ROOT_SLOT_CNODE, block.silence, 1), "a notification");
	must(cnode_mint(ROOT_SLOT_CNODE, block.control, ROOT_SLOT_CNODE, block.notification, RIGHT_WRITE, BLOCK_SIGNAL_CONTROL),
	     "a notification");
	make_pages();
	make_dma();
}

/* Maps `count` of the pages. */
static enum err map_pages(struct space *space, uint64_t address, unsigned first, unsigned count, unsigned rights)
{
	enum err err = ERR_OK;

	for (unsigned i = 0; i < count && !err; i++)
		err = space_add_copy(space, address + i * PAGE, block.frames + first + i, rights);
	return err;
}

static void give_pages(const char *name, unsigned first, unsigned count)
{
	task_give_memory(name, BLOCK_PAGES_ADDRESS + first * PAGE, count * (uint64_t)PAGE);
}

static enum err give_shared(void)
{
	unsigned sessions = root.system.sessions;
	enum err err = map_pages(&block.task.space, BLOCK_PAGES_ADDRESS, PAGES_TABLE, PAGES_STATUS - PAGES_TABLE, RIGHT_READ);

	if (!err)
		err = map_pages(&block.task.space, BLOCK_PAGES_ADDRESS + PAGES_STATUS * PAGE, PAGES_STATUS, block.pages - PAGES_STATUS,
				RIGHT_READ | RIGHT_WRITE);
	give_pages("table", PAGES_TABLE, PAGES_STATUS - PAGES_TABLE);
	give_pages("status", PAGES_STATUS, STATUS_PAGES);
	give_pages("command", PAGES_COMMAND, 1);
	give_pages("sessions", PAGES_SESSIONS, sessions);
	give_pages("recovery", recovery_page(), sessions * RECOVERY_PAGES);
	task_give_value("sessions", sessions);
	return err;
}

/* Each session's way to wake its client. */
static void give_signals(void)
{
	char name[28];

	for (unsigned i = 0; i < root.system.guests; i++) {
		const struct system_guest *guest = &root.system.guest[i];

		for (unsigned disk = 0; disk < guest->disks; disk++) {
			snprintf(name, sizeof(name), "session.%u.signal", guest->session + disk);
			task_give_cap(&block.task, name, root.channel[1 + i].notification, RIGHT_WRITE,
				      (uint32_t)BLOCK_CLIENT_SIGNAL(disk));
		}
	}
}

static enum err give_dma(void)
{
	uint64_t size = UINT64_C(1) << memory_bits(block.dma);
	enum err err = ERR_OK;

	for (uint64_t at = 0; at < size && !err; at += UINT64_C(1) << block.dma_bits)
		err = space_add_copy(&block.task.space, BLOCK_DMA_ADDRESS + at, block.dma_frames + (cptr_t)(at >> block.dma_bits),
				     RIGHT_READ | RIGHT_WRITE);
	task_give_memory("dma", BLOCK_DMA_ADDRESS, size);
	task_give_value("dma.physical", block.dma_physical);
	return err;
}

/* One handler for a line, whose badge has the bits of all devices on it. */
static enum err give_irq(unsigned number)
{
	uint32_t irq = root.devices.device[number].irq;
	cptr_t handler = scratch_frame, badged = scratch_copy;
	uint64_t bits = 0;
	char name[28];

	for (unsigned i = 0; i < root.devices.count; i++) {
		if (root.devices.device[i].irq == irq && i < number)
			return ERR_OK;
		if (root.devices.device[i].irq == irq)
			bits |= BLOCK_SIGNAL_DEVICE(i);
	}
	enum err err = irq_control_get(ROOT_SLOT_IRQ_CONTROL, irq, ROOT_SLOT_CNODE, handler);

	if (!err)
		err = cnode_mint(ROOT_SLOT_CNODE, badged, ROOT_SLOT_CNODE, block.notification, RIGHT_WRITE, bits);
	if (!err)
		err = irq_handler_bind(handler, badged);
	if (!err)
		err = hold_put(&block.task.hold, badged);
	if (err)
		return err;
	snprintf(name, sizeof(name), "device.%u.irq", number);
	task_give_moved_cap(&block.task, name, handler);
	return ERR_OK;
}

static enum err give_device(unsigned number)
{
	const struct device *device = &root.devices.device[number];
	uint64_t address = BLOCK_DEVICES_ADDRESS + number * BLOCK_DEVICE_STRIDE, config = address + BLOCK_DEVICE_STRIDE / 2;
	unsigned frames = device_frames(device);
	enum err err = give_irq(number);
	char name[28];

	for (unsigned i = 0; i < frames && !err; i++)
		err = space_add_copy(&block.task.space, address + i * PAGE, device->frame + i, RIGHT_READ | RIGHT_WRITE);
	snprintf(name, sizeof(name), "device.%u.registers", number);
	task_give_memory(name, address, device->registers_size);
	if (!device->config || err)
		return err;
	snprintf(name, sizeof(name), "device.%u.config", number);
	task_give_memory(name, config, PAGE);
	/* What it says there could move the device's registers onto those of others. */
	return space_add_copy(&block.task.space, config, device->frame + frames, RIGHT_READ);
}

static enum err give_system(void)
{
	struct file file;
	uint64_t address;

	if (!archive_find(ARCHIVE_SYSTEM, &file))
		return ERR_INVALID_ARGUMENT;
	enum err err = archive_map(&file, &block.task.space, BLOCK_SYSTEM_ADDRESS, &address);

	if (!err)
		task_give_memory("system", address, file.size);
	return err;
}

static uint64_t hold_slots(void)
{
	struct file file;
	uint64_t slots = TABLES + block.pages + (UINT64_C(1) << (memory_bits(block.dma) - block.dma_bits)) + CHANNEL_FRAMES;

	for (unsigned i = 0; i < root.devices.count; i++)
		slots += device_frames(&root.devices.device[i]) + 2u;
	return slots + (archive_find(ARCHIVE_SYSTEM, &file) ? archive_frames(&file) : 0);
}

static enum err create(void)
{
	const struct channel *channel = &root.channel[channel_block()];
	const struct task_config config = {
		.name = "block",
		.file = "block",
		.number = CALLER_BLOCK,
		.heap = (HEAP_BASE + root.system.sessions * HEAP_SESSION + (root.system.overlays ? root.system.block_memory : 0) +
			 PAGE - 1) / PAGE * PAGE,
		.hold = hold_slots(),
		.notification = block.notification,
		.time = cpu_time_server(root.info->timebase_hz),
	};
	enum err err = task_create(&block.task, &config);

	if (!err)
		err = give_shared();
	if (!err)
		err = give_dma();
	for (unsigned i = 0; i < root.devices.count && !err; i++)
		err = give_device(i);
	if (!err)
		err = give_system();
	if (!err)
		err = channel_map(channel, &block.task.space, CHANNELS_ADDRESS);
	for (unsigned i = 0; i < root.system.guests && !err; i++)
		if (table()->guest[i].epoch % 2)
			err = block_guest_map(&root.guest[i], task_slot_of(&block.task, TASK_VSPACE));
	if (err)
		return err;
	give_signals();
	task_give_value("devices", root.devices.count);
	task_give_memory("channel", CHANNELS_ADDRESS, CONSOLE_CHANNEL_SIZE);
	task_give_cap(&block.task, "console", channel->console, RIGHT_WRITE, 0);
	table()->starts++;
	return task_start(&block.task, BLOCK_PRIORITY);
}

/* Ends the server, if there is one; its devices transfer nothing afterwards. */
static void destroy(void)
{
	task_destroy(&block.task);
	for (unsigned i = 0; i < root.devices.count; i++)
		if (!device_reset(&root.devices.device[i])) {
			block.unsafe = true;
			log_error("disk %u cannot be reset: no memory of guests that use disks is used again", i);
		}
}

void block_start(void)
{
	if (!root.system.has_disks)
		return;
	enum err err = create();

	if (!err)
		return;
	log_error("the block server cannot be started: %s", report_error(err));
	scratch_clear();
	destroy();
	block.failed = true;
}

void block_fault(void)
{
	destroy();
	block.due = true;
}

bool block_tick(void)
{
	if (!block.due)
		return true;
	block.due = false;
	if (restarts_allow(&block.restarts, BLOCK_RESTARTS, BLOCK_RESTART_SECONDS, sys_time(), root.info->timebase_hz)) {
		block_start();
	} else {
		log_error("the block server ended too often");
		block.failed = true;
	}
	if (!block.failed)
		log_warn("the block server was started again");
	return !block.failed;
}

enum err block_kill(void)
{
	return block.task.exists ? task_kill(&block.task) : ERR_INVALID_CAP;
}

/* The page of a session is the next client's only when nothing of the former is in it. */
static enum err give_session(struct guest *guest, unsigned disk)
{
	unsigned session = guest->config->session + disk;
	uint64_t address = BLOCK_CLIENT_ADDRESS + disk * PAGE;
	char name[28];

	memset(page(PAGES_SESSIONS + session), 0, PAGE);
	snprintf(name, sizeof(name), "disk.%u.session", disk);
	task_give_memory(name, address, PAGE);
	snprintf(name, sizeof(name), "disk.%u.signal", disk);
	task_give_cap(&guest->vmm, name, block.notification, RIGHT_WRITE, (uint32_t)BLOCK_SIGNAL_SESSION(session));
	return map_pages(&guest->vmm.space, address, PAGES_SESSIONS + session, 1, RIGHT_READ | RIGHT_WRITE);
}

static void raise_epoch(struct attachment *attachment)
{
	__atomic_store_n(&attachment->epoch, attachment->epoch + 1, __ATOMIC_RELEASE);
	sys_signal(block.control);
}

enum err block_attach(struct guest *guest)
{
	struct attachment *attachment = &table()->guest[guest->number];
	enum err err = ERR_OK;

	if (!guest->config->disks)
		return ERR_OK;
	if (block.failed) {
		log_error("guest %s: there is no block server for its disks", guest->config->name);
		return ERR_INVALID_ARGUMENT;
	}
	for (unsigned i = 0; i < guest->config->disks && !err; i++)
		err = give_session(guest, i);
	task_give_value("disks", guest->config->disks);
	/* A server that is to be started again maps it then. */
	if (!err && block.task.exists)
		err = block_guest_map(guest, task_slot_of(&block.task, TASK_VSPACE));
	if (err)
		return err;
	block_guest_describe(guest, attachment);
	raise_epoch(attachment);
	return ERR_OK;
}

/* Waits until the server touches nothing of the guest. */
static bool answered(unsigned guest)
{
	uint32_t epoch = table()->guest[guest].epoch;
	uint64_t second = root.info->timebase_hz, end = sys_time() + second / 1000 * ANSWER_MS, bits;

	while (__atomic_load_n(&status()->guest[guest], __ATOMIC_ACQUIRE) != epoch) {
		uint64_t now = sys_time();

		if (now >= end)
			return false;
		if (sys_wait(block.silence, now + second / 1000000 * ANSWER_LOOK_US, &bits) == ERR_OK)
			log_error("somebody signals what nobody has");
	}
	return true;
}

bool block_detach(struct guest *guest)
{
	struct attachment *attachment = root.system.has_disks ? &table()->guest[guest->number] : NULL;

	if (!attachment || attachment->epoch % 2 == 0)
		return true;
	raise_epoch(attachment);
	if (block.task.exists && !answered(guest->number)) {
		log_warn("guest %s: the block server does not let go of it, and is started again", guest->config->name);
		block_fault();
	}
	return !block.unsafe;
}

enum err block_give_console(struct task *console)
{
	enum err err;

	if (!root.system.has_disks)
		return ERR_OK;
	err = map_pages(&console->space, BLOCK_CLIENT_ADDRESS, PAGES_STATUS, STATUS_PAGES, RIGHT_READ);
	if (!err)
		err = map_pages(&console->space, BLOCK_CLIENT_ADDRESS + BLOCK_STATUS_SIZE, PAGES_COMMAND, 1, RIGHT_READ | RIGHT_WRITE);
	task_give_memory("block.status", BLOCK_CLIENT_ADDRESS, BLOCK_STATUS_SIZE);
	task_give_memory("block.command", BLOCK_CLIENT_ADDRESS + BLOCK_STATUS_SIZE, PAGE);
	task_give_cap(console, "block.signal", block.control, RIGHT_WRITE, 0);
	return err;
}

uint64_t block_bytes(void)
{
	return block.task.arena.bytes + (block.dma ? UINT64_C(1) << memory_bits(block.dma) : 0);
}
