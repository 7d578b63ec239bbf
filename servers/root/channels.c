/* SPDX-License-Identifier: Apache-2.0 */
#include <libsys/invoke.h>
#include <libsys/log.h>
#include <libsys/task.h>

#include "layout.h"
#include "root.h"
#include "slots.h"

static void must(enum err err, const char *what)
{
	if (err)
		task_fail("cannot make %s: error %d", what, (int)err);
}

static cptr_t new_slot(unsigned count)
{
	cptr_t slot = slots_allocate(count);

	if (!slot)
		task_fail("the root task has no slots left");
	return slot;
}

static void make_channel(unsigned number)
{
	struct channel *channel = &root.channel[number];
	uint64_t address = ROOT_CHANNELS_ADDRESS + number * CONSOLE_CHANNEL_SIZE;

	channel->frames = new_slot(CHANNEL_FRAMES);
	must(arena_make(&root.arena, OBJECT_FRAME, 12, ROOT_SLOT_CNODE, channel->frames, CHANNEL_FRAMES), "a channel");
	for (unsigned i = 0; i < CHANNEL_FRAMES; i++)
		must(space_map(&root.space, channel->frames + i, address + i * 4096u, RIGHT_READ | RIGHT_WRITE), "a channel");
	channel->memory = (struct console_channel *)address;

	channel->notification = new_slot(3);
	channel->signal = channel->notification + 1;
	channel->console = channel->notification + 2;
	must(arena_make(&root.arena, OBJECT_NOTIFICATION, 0, ROOT_SLOT_CNODE, channel->notification, 1), "a notification");
	must(cnode_mint(ROOT_SLOT_CNODE, channel->signal, ROOT_SLOT_CNODE, channel->notification, RIGHT_WRITE,
			CONSOLE_SIGNAL_INPUT | CONSOLE_SIGNAL_SPACE),
	     "a notification");
	must(cnode_mint(ROOT_SLOT_CNODE, channel->console, ROOT_SLOT_CNODE, root.notification, RIGHT_WRITE,
			UINT64_C(1) << number),
	     "a notification");
}

void channels_init(void)
{
	root.notification = new_slot(1);
	must(arena_make(&root.arena, OBJECT_NOTIFICATION, 0, ROOT_SLOT_CNODE, root.notification, 1), "a notification");
	root.channels = 1 + root.system.guests;
	for (unsigned i = 0; i < BACKENDS; i++)
		root.channels += root.system.has[i];
	root.channels += root.system.gateway.nics != 0;
	for (unsigned i = 0; i < root.channels; i++)
		make_channel(i);
	log_set_channel(root.channel[0].memory, root.channel[0].console);
}

enum err channel_map(const struct channel *channel, struct space *space, uint64_t address)
{
	enum err err = ERR_OK;

	for (unsigned i = 0; i < CHANNEL_FRAMES && !err; i++)
		err = space_add_copy(space, address + i * 4096u, channel->frames + i, RIGHT_READ | RIGHT_WRITE);
	return err;
}

static bool ring_drained(const struct console_ring *ring)
{
	return __atomic_load_n(&ring->head, __ATOMIC_RELAXED) == __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
}

bool channels_drained(void)
{
	for (unsigned i = 0; i < root.channels; i++)
		if (!ring_drained(&root.channel[i].memory->output) || !ring_drained(&root.channel[i].memory->log))
			return false;
	return true;
}
