/* SPDX-License-Identifier: Apache-2.0 */
/* What a backend is given. */
#include <stdio.h>

#include <abi/archive.h>
#include <libsys/invoke.h>

#include "archive.h"
#include "backend_private.h"
#include "gateway.h"
#include "lines.h"

#define PAGE BACKEND_PAGE
#define TABLES 64u /* page tables of what it sees beside guests */

static void give_pages(const char *name, unsigned first, unsigned count)
{
	task_give_memory(name, BACKEND_PAGES_ADDRESS + first * PAGE, count * (uint64_t)PAGE);
}

static enum err give_shared(struct backend *backend)
{
	struct space *space = &backend->task.space;
	unsigned sessions = root.system.sessions[backend->kind], status = BACKEND_TABLE_PAGES;
	enum err err = backend_map_pages(backend, space, BACKEND_PAGES_ADDRESS, 0, BACKEND_TABLE_PAGES, RIGHT_READ);

	if (!err)
		err = backend_map_pages(backend, space, BACKEND_PAGES_ADDRESS + status * PAGE, status, backend->pages - status,
					RIGHT_READ | RIGHT_WRITE);
	give_pages("table", 0, BACKEND_TABLE_PAGES);
	give_pages("status", status, backend_status_pages(backend));
	give_pages("command", backend_command_page(backend), 1);
	give_pages("sessions", backend_session_page(backend), sessions);
	if (backend->type->recovery_size)
		give_pages("recovery", backend_recovery_page(backend), backend_recovery_pages(backend));
	task_give_value("sessions", sessions);
	return err;
}

/* Each session's way to wake its client. */
static void give_signals(struct backend *backend)
{
	char name[28];

	for (unsigned i = 0; i < root.system.guests; i++) {
		const struct system_guest *guest = &root.system.guest[i];

		for (unsigned device = 0; device < guest->devices[backend->kind]; device++) {
			snprintf(name, sizeof(name), "session.%u.signal", guest->session[backend->kind] + device);
			task_give_cap(&backend->task, name, root.channel[1 + i].notification, RIGHT_WRITE,
				      (uint32_t)(backend->type->client_signal << device));
		}
	}
}

static enum err give_dma(struct backend *backend)
{
	uint64_t size = backend->dma ? UINT64_C(1) << memory_bits(backend->dma) : 0;
	enum err err = ERR_OK;

	if (!size)
		return ERR_OK;
	for (uint64_t at = 0; at < size && !err; at += UINT64_C(1) << backend->dma_bits)
		err = space_add_copy(&backend->task.space, BACKEND_DMA_ADDRESS + at, backend->dma_frames + (cptr_t)(at >> backend->dma_bits),
				     RIGHT_READ | RIGHT_WRITE);
	task_give_memory("dma", BACKEND_DMA_ADDRESS, size);
	task_give_value("dma.physical", backend->dma_physical);
	return err;
}

/* One handler for a line, whose badge has the bits of all devices on it; the first of them has it. */
static enum err give_irq(struct backend *backend, unsigned number)
{
	uint32_t sharing = lines_sharing(backend->device, backend->devices, number);
	cptr_t handler = scratch_frame, badged = scratch_copy;
	char name[28];

	if (!backend->device[number]->irq || (sharing & ((1u << number) - 1)))
		return ERR_OK;
	enum err err = irq_control_get(ROOT_SLOT_IRQ_CONTROL, backend->device[number]->irq, ROOT_SLOT_CNODE, handler);

	if (!err)
		err = cnode_mint(ROOT_SLOT_CNODE, badged, ROOT_SLOT_CNODE, backend->notification, RIGHT_WRITE,
				 sharing * BACKEND_SIGNAL_DEVICE(0));
	if (!err)
		err = irq_handler_bind(handler, badged);
	if (!err)
		err = hold_put(&backend->task.hold, badged);
	if (err)
		return err;
	snprintf(name, sizeof(name), "device.%u.irq", number);
	task_give_moved_cap(&backend->task, name, handler);
	return ERR_OK;
}

static enum err give_device(struct backend *backend, unsigned number)
{
	const struct device *device = backend->device[number];
	uint64_t address = BACKEND_DEVICES_ADDRESS + number * BACKEND_DEVICE_STRIDE, config = address + BACKEND_DEVICE_STRIDE / 2;
	unsigned frames = device_frames(device);
	enum err err = give_irq(backend, number);
	char name[28];

	for (unsigned i = 0; i < frames && !err; i++)
		err = space_add_copy(&backend->task.space, address + i * PAGE, device->frame + i, RIGHT_READ | RIGHT_WRITE);
	snprintf(name, sizeof(name), "device.%u.registers", number);
	task_give_memory(name, address, device->registers_size);
	if (!device->config || err)
		return err;
	snprintf(name, sizeof(name), "device.%u.config", number);
	task_give_memory(name, config, PAGE);
	/* What it says there could move the device's registers onto those of others. */
	return space_add_copy(&backend->task.space, config, device->frame + frames, RIGHT_READ);
}

static enum err give_system(struct backend *backend)
{
	struct file file;
	uint64_t address;

	if (!archive_find(ARCHIVE_SYSTEM, &file))
		return ERR_INVALID_ARGUMENT;
	enum err err = archive_map(&file, &backend->task.space, BACKEND_SYSTEM_ADDRESS, &address);

	if (!err)
		task_give_memory("system", address, file.size);
	return err;
}

uint64_t backend_hold(const struct backend *backend)
{
	struct file file;
	uint64_t slots = TABLES + backend->pages + CHANNEL_FRAMES;

	if (backend->dma)
		slots += UINT64_C(1) << (memory_bits(backend->dma) - backend->dma_bits);
	for (unsigned i = 0; i < backend->devices; i++)
		slots += device_frames(backend->device[i]) + 2u;
	slots += gateway_hold(backend);
	return slots + (archive_find(ARCHIVE_SYSTEM, &file) ? archive_frames(&file) : 0);
}

enum err backend_give(struct backend *backend)
{
	const struct channel *channel = &root.channel[backend_channel(backend->kind)];
	enum err err = give_shared(backend);

	if (!err)
		err = give_dma(backend);
	for (unsigned i = 0; i < backend->devices && !err; i++)
		err = give_device(backend, i);
	if (!err)
		err = give_system(backend);
	if (!err)
		err = gateway_give(backend);
	if (!err)
		err = channel_map(channel, &backend->task.space, CHANNELS_ADDRESS);
	if (err)
		return err;
	give_signals(backend);
	backend->accounts = task_give_slots(&backend->task, "accounts", ATTACH_GUESTS_MAX * ATTACH_VCPUS_MAX);
	task_give_value("devices", backend->devices);
	task_give_value("quiet-devices", backend->quiet);
	task_give_value("epoch", root.devices.epoch);
	task_give_memory("channel", CHANNELS_ADDRESS, CONSOLE_CHANNEL_SIZE);
	task_give_cap(&backend->task, "console", channel->console, RIGHT_WRITE, 0);
	return ERR_OK;
}
