/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <libsys/invoke.h>
#include <libsys/log.h>
#include <libsys/task.h>

#include "backend.h"
#include "gateway.h"
#include "layout.h"
#include "root.h"
#include "slots.h"

#define BADGE_UART (UINT64_C(1) << 30)
#define HEAP_BASE (UINT64_C(512) << 10)
#define COLOR_ROOT 7u

static struct task console;
static cptr_t uart_signal, state_signal;

static cptr_t new_slot(void)
{
	cptr_t slot = slots_allocate(1);

	if (!slot)
		task_fail("the root task has no slots left");
	return slot;
}

void console_init(void)
{
	uart_signal = new_slot();
	state_signal = new_slot();
	if (cnode_mint(ROOT_SLOT_CNODE, uart_signal, ROOT_SLOT_CNODE, root.notification, RIGHT_WRITE, BADGE_UART) != ERR_OK ||
	    cnode_mint(ROOT_SLOT_CNODE, state_signal, ROOT_SLOT_CNODE, root.notification, RIGHT_WRITE, CONSOLE_SIGNAL_STATE) != ERR_OK)
		task_fail("cannot make the console's signals");
}

static enum err give_uart(void)
{
	cptr_t handler = scratch_frame;
	enum err err = space_add_copy(&console.space, DEVICE_ADDRESS, root.devices.uart, RIGHT_READ | RIGHT_WRITE);

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
	const struct system_guest *guest = number && number <= root.system.guests ? &root.system.guest[number - 1] : NULL;
	uint64_t address = CHANNELS_ADDRESS + number * CONSOLE_CHANNEL_SIZE;
	const char *owner = guest ? guest->name : "serai";
	enum backend_kind kind;
	char name[28];

	if (backend_of_channel(number, &kind))
		owner = backend_name(kind);
	else if (number && number == gateway_channel())
		owner = GATEWAY_NAME;
	snprintf(name, sizeof(name), "channel.%u.name", number);
	task_give_string(name, owner);
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
		.hold = root.channels * (uint64_t)CHANNEL_FRAMES + BACKENDS_CONSOLE_PAGES + 1u,
		.notification = root.notification,
		.receives = true,
		.time = cpu_time_server(root.info->timebase_hz),
	};
	enum err err = task_create(&console, &config);

	if (!err)
		err = give_uart();
	for (unsigned i = 0; i < root.channels && !err; i++)
		err = give_channel(i);
	if (!err)
		err = backends_give_console(&console);
	if (!err)
		err = gateway_give_console(&console);
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
