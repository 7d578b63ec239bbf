/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <libsys/invoke.h>
#include <libsys/log.h>
#include <libsys/task.h>

#include "layout.h"
#include "root.h"
#include "slots.h"

#define BADGE_UART (UINT64_C(1) << 30)
#define HEAP_BASE (UINT64_C(512) << 10)
#define COLOR_ROOT 7u

static struct task console;
static cptr_t uart_frame, uart_signal, state_signal;

static cptr_t new_slot(void)
{
	cptr_t slot = slots_allocate(1);

	if (!slot)
		task_fail("the root task has no slots left");
	return slot;
}

static const struct untyped_info *device_at(uint64_t base)
{
	for (uint32_t i = 0; i < root.info->untypeds; i++) {
		const struct untyped_info *untyped = &root.info->untyped[i];

		if (untyped->kind == REGION_DEVICE && base >= untyped->base && (base - untyped->base) >> untyped->size_bits == 0)
			return untyped;
	}
	task_fail("no device memory at 0x%lx", base);
}

/* The largest frame that starts at `from` and ends at `to` at most. Both are on 4 KiB and from is below to. */
static unsigned largest_frame(uint64_t from, uint64_t to)
{
	static const unsigned sizes[] = { 30, 21 };

	for (unsigned i = 0; i < 2; i++) {
		uint64_t size = UINT64_C(1) << sizes[i];

		if (from % size == 0 && to - from >= size)
			return sizes[i];
	}
	return 12;
}

/* An untyped gives out frames in order only, so those before the wanted one are made, too, each until the next exists. */
static void make_device_frame(uint64_t base, cptr_t slot)
{
	const struct untyped_info *untyped = device_at(base);
	cptr_t skipped[2] = { new_slot(), new_slot() };
	uint64_t at = untyped->base;
	enum err err = ERR_OK;

	for (unsigned turn = 0; at < base && !err; turn ^= 1) {
		unsigned bits = largest_frame(at, base);

		err = cnode_delete(ROOT_SLOT_CNODE, skipped[turn]);
		if (!err)
			err = untyped_retype(untyped->slot, OBJECT_FRAME, bits, ROOT_SLOT_CNODE, skipped[turn], 1);
		at += UINT64_C(1) << bits;
	}
	if (!err)
		err = untyped_retype(untyped->slot, OBJECT_FRAME, 12, ROOT_SLOT_CNODE, slot, 1);
	for (unsigned i = 0; i < 2 && !err; i++) {
		err = cnode_delete(ROOT_SLOT_CNODE, skipped[i]);
		slots_free(skipped[i], 1);
	}
	if (err)
		task_fail("cannot make the frame of the device at 0x%lx: error %d", base, (int)err);
}

void console_init(void)
{
	uart_frame = new_slot();
	uart_signal = new_slot();
	state_signal = new_slot();
	make_device_frame(root.machine.uart_base & ~UINT64_C(4095), uart_frame);
	if (cnode_mint(ROOT_SLOT_CNODE, uart_signal, ROOT_SLOT_CNODE, root.notification, RIGHT_WRITE, BADGE_UART) != ERR_OK ||
	    cnode_mint(ROOT_SLOT_CNODE, state_signal, ROOT_SLOT_CNODE, root.notification, RIGHT_WRITE, CONSOLE_SIGNAL_STATE) != ERR_OK)
		task_fail("cannot make the console's signals");
}

static enum err give_uart(void)
{
	cptr_t handler = scratch_frame;
	enum err err = space_add_copy(&console.space, DEVICE_ADDRESS, uart_frame, RIGHT_READ | RIGHT_WRITE);

	if (!err)
		err = irq_control_get(ROOT_SLOT_IRQ_CONTROL, root.machine.uart_irq, ROOT_SLOT_CNODE, handler);
	if (!err)
		err = irq_handler_bind(handler, uart_signal);
	if (err)
		return err;
	task_give_moved_cap(&console, "uart.irq", handler);
	task_give_memory("uart", DEVICE_ADDRESS + (root.machine.uart_base & 4095), 4096 - (root.machine.uart_base & 4095));
	return ERR_OK;
}

static enum err give_channel(unsigned number)
{
	const struct channel *channel = &root.channel[number];
	const struct system_guest *guest = number ? &root.system.guest[number - 1] : NULL;
	uint64_t address = CHANNELS_ADDRESS + number * CONSOLE_CHANNEL_SIZE;
	char name[28];

	snprintf(name, sizeof(name), "channel.%u.name", number);
	task_give_string(name, guest ? guest->name : "serai");
	snprintf(name, sizeof(name), "channel.%u", number);
	task_give_memory(name, address, CONSOLE_CHANNEL_SIZE);
	snprintf(name, sizeof(name), "channel.%u.notification", number);
	task_give_cap(&console, name, channel->signal, RIGHT_WRITE, 0);
	snprintf(name, sizeof(name), "channel.%u.color", number);
	task_give_value(name, guest ? guest->color : COLOR_ROOT);
	if (guest) {
		snprintf(name, sizeof(name), "channel.%u.guest", number);
		task_give_value(name, number - 1);
	}
	return channel_map(channel, &console.space, address);
}

static enum err create(void)
{
	const struct task_config config = {
		.name = "console",
		.file = "console",
		.number = CALLER_CONSOLE,
		.heap = (HEAP_BASE + root.channels * root.system.scrollback + 4095) / 4096 * 4096,
		.hold = root.channels * (uint64_t)CHANNEL_FRAMES,
		.notification = root.notification,
		.receives = true,
		.time = cpu_time_server(root.info->timebase_hz),
	};
	enum err err = task_create(&console, &config);

	if (!err)
		err = give_uart();
	for (unsigned i = 0; i < root.channels && !err; i++)
		err = give_channel(i);
	if (err)
		return err;
	task_give_value("escape", root.system.escape);
	task_give_value("scrollback", root.system.scrollback);
	return task_start(&console, CONSOLE_PRIORITY);
}

enum err console_start(void)
{
	enum err err = create();

	if (err) {
		scratch_clear();
		task_destroy(&console);
	}
	return err;
}

void console_destroy(void)
{
	task_destroy(&console);
}

void console_tell(void)
{
	sys_signal(state_signal);
}

uint64_t console_bytes(void)
{
	return console.arena.bytes;
}
