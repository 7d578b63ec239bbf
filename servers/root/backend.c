/* SPDX-License-Identifier: Apache-2.0 */
#include "backend.h"

#include <stdio.h>
#include <string.h>

#include <libsys/invoke.h>
#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>

#include "backend_guest.h"
#include "backend_private.h"
#include "lines.h"
#include "report.h"
#include "slots.h"

#define PAGE BACKEND_PAGE
#define LARGE_BITS 21u
#define ANSWER_MS 2000u     /* that the server has to let go of a guest */
#define ANSWER_LOOK_US 200u

static struct backend backends[BACKENDS] = {
	[BACKEND_BLOCK] = { .type = &backend_block, .kind = BACKEND_BLOCK },
	[BACKEND_NET] = { .type = &backend_net, .kind = BACKEND_NET },
};

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

static bool exists(const struct backend *backend)
{
	return root.system.has[backend->kind];
}

bool backend_of(uint32_t caller, enum backend_kind *kind)
{
	for (unsigned i = 0; i < BACKENDS; i++)
		if (backends[i].type->caller == caller) {
			*kind = (enum backend_kind)i;
			return true;
		}
	return false;
}

const char *backend_name(enum backend_kind kind)
{
	return backends[kind].type->name;
}

const char *backend_devices(enum backend_kind kind)
{
	return backends[kind].type->devices;
}

unsigned backend_channel(enum backend_kind kind)
{
	unsigned number = 1 + root.system.guests;

	for (unsigned i = 0; i < (unsigned)kind; i++)
		number += root.system.has[i];
	return number;
}

bool backend_of_channel(unsigned channel, enum backend_kind *kind)
{
	for (unsigned i = 0; i < BACKENDS; i++)
		if (root.system.has[i] && backend_channel((enum backend_kind)i) == channel) {
			*kind = (enum backend_kind)i;
			return true;
		}
	return false;
}

/* Those without interrupts disturb nobody on their line. */
static void add_quiet(struct backend *backend)
{
	for (unsigned i = 0; i < root.devices.count && backend->quiet < backend->type->quiet_most; i++)
		if (root.devices.device[i].id == backend->type->quiet) {
			backend->device[backend->devices++] = &root.devices.device[i];
			backend->quiet++;
		}
}

static void make_pages(struct backend *backend)
{
	backend->pages = backend_recovery_page(backend) + backend_recovery_pages(backend);
	backend->frames = new_slots(backend->pages);
	must(arena_make(&root.arena, OBJECT_FRAME, 12, ROOT_SLOT_CNODE, backend->frames, backend->pages), "pages of a server");
	for (unsigned i = 0; i < backend->pages; i++)
		must(space_map(&root.space, backend->frames + i, (uint64_t)(uintptr_t)backend_page(backend, i), RIGHT_READ | RIGHT_WRITE),
		     "pages of a server");
	backend_table(backend)->guests = root.system.guests;
}

static void make_dma(struct backend *backend)
{
	uint64_t bytes = backend->type->dma_size(backend->devices);

	if (!bytes)
		return;
	unsigned bits = 64 - (unsigned)__builtin_clzll(bytes - 1), count;

	backend->dma = memory_allocate(bits);
	if (!backend->dma)
		task_fail("not enough memory for the devices of the %s server", backend->type->name);
	backend->dma_bits = bits < LARGE_BITS ? 12 : LARGE_BITS;
	count = 1u << (bits - backend->dma_bits);
	backend->dma_frames = new_slots(count);
	must(untyped_retype(memory_cap(backend->dma), OBJECT_FRAME, backend->dma_bits, ROOT_SLOT_CNODE, backend->dma_frames, count),
	     "memory for devices");
	must(frame_get_address(backend->dma_frames, &backend->dma_physical), "memory for devices");
}

static void init(struct backend *backend)
{
	backend->notification = new_slots(3);
	backend->control = backend->notification + 1;
	backend->silence = backend->notification + 2;
	must(arena_make(&root.arena, OBJECT_NOTIFICATION, 0, ROOT_SLOT_CNODE, backend->notification, 1), "a notification");
	must(arena_make(&root.arena, OBJECT_NOTIFICATION, 0, ROOT_SLOT_CNODE, backend->silence, 1), "a notification");
	must(cnode_mint(ROOT_SLOT_CNODE, backend->control, ROOT_SLOT_CNODE, backend->notification, RIGHT_WRITE, BACKEND_SIGNAL_CONTROL),
	     "a notification");
	make_pages(backend);
	make_dma(backend);
}

void backends_init(void)
{
	const struct device *taken[DEVICES_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < BACKENDS; i++) {
		struct backend *backend = &backends[i];

		if (!exists(backend))
			continue;
		backend->devices = lines_choose(&root.devices, backend->type->virtio, taken, count, backend->device,
						backend->type->devices_most);
		for (unsigned j = 0; j < backend->devices; j++)
			taken[count++] = backend->device[j];
		add_quiet(backend);
		init(backend);
	}
}

enum err backend_map_pages(const struct backend *backend, struct space *space, uint64_t address, unsigned first, unsigned count,
			   unsigned rights)
{
	enum err err = ERR_OK;

	for (unsigned i = 0; i < count && !err; i++)
		err = space_add_copy(space, address + i * PAGE, backend->frames + first + i, rights);
	return err;
}

/* The guest's RAM, and whom to charge for what is done for it. */
static enum err give_guest(const struct backend *backend, struct guest *guest)
{
	enum err err = backend_guest_map(guest, backend->kind, task_slot_of(&backend->task, TASK_VSPACE));

	return err ? err : backend_guest_give_accounts(guest, task_slot_of(&backend->task, TASK_CNODE), backend->accounts);
}

static enum err create(struct backend *backend)
{
	const struct task_config config = {
		.name = backend->type->name,
		.file = backend->type->name,
		.number = backend->type->caller,
		.heap = (backend->type->heap_size(root.system.sessions[backend->kind]) + PAGE - 1) / PAGE * PAGE,
		.hold = backend_hold(backend),
		.notification = backend->notification,
		.hart = BACKEND_HART,
		.time = cpu_time_server(root.info->timebase_hz),
	};
	struct attach_table *table = backend_table(backend);
	enum err err = task_create(&backend->task, &config);

	if (!err)
		err = backend_give(backend);
	for (unsigned i = 0; i < root.system.guests && !err; i++)
		if (table->guest[i].epoch % 2)
			err = give_guest(backend, &root.guest[i]);
	if (err)
		return err;
	table->starts++;
	return task_start(&backend->task, BACKEND_PRIORITY);
}

/* Ends the server, if there is one; its devices transfer nothing afterwards. */
static void destroy(struct backend *backend)
{
	task_destroy(&backend->task);
	for (unsigned i = 0; i < backend->devices; i++)
		if (!device_reset(backend->device[i])) {
			backend->unsafe = true;
			log_error("%s %u cannot be reset: no memory of guests that use %s is used again", backend->type->device, i,
				  backend->type->devices);
		}
}

static void start_server(struct backend *backend)
{
	enum err err = create(backend);

	if (!err)
		return;
	log_error("the %s server cannot be started: %s", backend->type->name, report_error(err));
	scratch_clear();
	destroy(backend);
	backend->failed = true;
}

void backends_start(void)
{
	for (unsigned i = 0; i < BACKENDS; i++)
		if (exists(&backends[i]))
			start_server(&backends[i]);
}

void backend_fault(enum backend_kind kind)
{
	destroy(&backends[kind]);
	backends[kind].due = true;
}

bool backend_tick(enum backend_kind kind)
{
	struct backend *backend = &backends[kind];

	if (!backend->due)
		return true;
	backend->due = false;
	if (restarts_allow(&backend->restarts, BACKEND_RESTARTS, BACKEND_RESTART_SECONDS, sys_time(), root.info->timebase_hz)) {
		start_server(backend);
	} else {
		log_error("the %s server ended too often", backend->type->name);
		backend->failed = true;
	}
	if (!backend->failed)
		log_warn("the %s server was started again", backend->type->name);
	return !backend->failed;
}

enum err backend_kill(enum backend_kind kind)
{
	return backends[kind].task.exists ? task_kill(&backends[kind].task) : ERR_INVALID_CAP;
}

/* The page of a session is the next client's only when nothing of the former is in it. */
enum err backend_give_session(enum backend_kind kind, struct task *client, const char *signal, unsigned session, uint64_t address)
{
	const struct backend *backend = &backends[kind];
	unsigned page = backend_session_page(backend) + session;

	memset(backend_page(backend, page), 0, PAGE);
	task_give_cap(client, signal, backend->notification, RIGHT_WRITE, (uint32_t)BACKEND_SIGNAL_SESSION(session));
	return backend_map_pages(backend, &client->space, address, page, 1, RIGHT_READ | RIGHT_WRITE);
}

static enum err give_session(const struct backend *backend, struct guest *guest, unsigned device)
{
	unsigned session = guest->config->session[backend->kind] + device;
	uint64_t address = BACKEND_CLIENT_ADDRESS + backend->kind * BACKEND_CLIENT_STRIDE + device * PAGE;
	char name[28];

	snprintf(name, sizeof(name), "%s.%u.session", backend->type->client, device);
	task_give_memory(name, address, PAGE);
	snprintf(name, sizeof(name), "%s.%u.signal", backend->type->client, device);
	return backend_give_session(backend->kind, &guest->vmm, name, session, address);
}

static void raise_epoch(const struct backend *backend, struct attachment *attachment)
{
	__atomic_store_n(&attachment->epoch, attachment->epoch + 1, __ATOMIC_RELEASE);
	sys_signal(backend->control);
}

static enum err attach(struct backend *backend, struct guest *guest)
{
	struct attachment *attachment = &backend_table(backend)->guest[guest->number];
	enum err err = ERR_OK;

	if (backend->failed) {
		log_error("guest %s: there is no %s server for its %s", guest->config->name, backend->type->name,
			  backend->type->devices);
		return ERR_INVALID_ARGUMENT;
	}
	for (unsigned i = 0; i < guest->config->devices[backend->kind] && !err; i++)
		err = give_session(backend, guest, i);
	task_give_value(backend->type->clients, guest->config->devices[backend->kind]);
	/* A server that is to be started again maps it then. */
	if (!err && backend->task.exists)
		err = give_guest(backend, guest);
	if (err)
		return err;
	backend_guest_describe(guest, attachment);
	raise_epoch(backend, attachment);
	return ERR_OK;
}

enum err backends_attach(struct guest *guest)
{
	enum err err = ERR_OK;

	for (unsigned i = 0; i < BACKENDS && !err; i++)
		if (guest->config->devices[i])
			err = attach(&backends[i], guest);
	return err;
}

static uint32_t answered_epoch(const struct backend *backend, unsigned guest)
{
	const uint8_t *status = backend_page(backend, BACKEND_TABLE_PAGES);
	const uint32_t *epochs = (const void *)(status + backend->type->status_guest);

	return __atomic_load_n(&epochs[guest], __ATOMIC_ACQUIRE);
}

/* Waits until the server touches nothing of the guest. */
static bool answered(const struct backend *backend, unsigned guest)
{
	uint32_t epoch = backend_table(backend)->guest[guest].epoch;
	uint64_t second = root.info->timebase_hz, end = sys_time() + second / 1000 * ANSWER_MS, bits;

	while (answered_epoch(backend, guest) != epoch) {
		uint64_t now = sys_time();

		if (now >= end)
			return false;
		if (sys_wait(backend->silence, now + second / 1000000 * ANSWER_LOOK_US, &bits) == ERR_OK)
			log_error("somebody signals what nobody has");
	}
	return true;
}

static bool detach(struct backend *backend, unsigned number, const char *name)
{
	struct attachment *attachment = &backend_table(backend)->guest[number];

	if (attachment->epoch % 2 == 0)
		return true;
	raise_epoch(backend, attachment);
	if (backend->task.exists && !answered(backend, number)) {
		log_warn("%s: the %s server does not let go of it, and is started again", name, backend->type->name);
		backend_fault(backend->kind);
	}
	return !backend->unsafe;
}

bool backends_detach(struct guest *guest)
{
	bool safe = true;

	for (unsigned i = 0; i < BACKENDS; i++)
		if (exists(&backends[i]) && !detach(&backends[i], guest->number, guest->config->name))
			safe = false;
	return safe;
}

void backend_lend(enum backend_kind kind, unsigned number, const struct attachment *attachment)
{
	struct attachment *entry = &backend_table(&backends[kind])->guest[number];
	uint32_t epoch = entry->epoch;

	*entry = *attachment;
	entry->epoch = epoch;
	raise_epoch(&backends[kind], entry);
}

void backend_take_back(enum backend_kind kind, unsigned number, const char *name)
{
	(void)detach(&backends[kind], number, name);
}

void backends_end(void)
{
	for (unsigned i = 0; i < BACKENDS; i++) {
		if (!exists(&backends[i]))
			continue;
		__atomic_store_n(&backend_table(&backends[i])->ending, 1, __ATOMIC_RELEASE);
		sys_signal(backends[i].control);
	}
}

bool backends_ended(void)
{
	for (unsigned i = 0; i < BACKENDS; i++) {
		const struct backend *backend = &backends[i];
		const uint8_t *ended;

		if (!exists(backend) || !backend->task.exists || !backend->type->status_ended)
			continue;
		ended = backend_page(backend, BACKEND_TABLE_PAGES) + backend->type->status_ended;
		if (!__atomic_load_n((const uint32_t *)(const void *)ended, __ATOMIC_ACQUIRE))
			return false;
	}
	return true;
}

static enum err give_console(const struct backend *backend, struct task *console)
{
	uint64_t address = BACKEND_CLIENT_ADDRESS + backend->kind * BACKEND_CLIENT_STRIDE;
	uint64_t status_size = backend->type->status_size;
	char name[28];
	enum err err = backend_map_pages(backend, &console->space, address, BACKEND_TABLE_PAGES, backend_status_pages(backend), RIGHT_READ);

	if (!err)
		err = backend_map_pages(backend, &console->space, address + status_size, backend_command_page(backend), 1,
					RIGHT_READ | RIGHT_WRITE);
	snprintf(name, sizeof(name), "%s.status", backend->type->name);
	task_give_memory(name, address, status_size);
	snprintf(name, sizeof(name), "%s.command", backend->type->name);
	task_give_memory(name, address + status_size, PAGE);
	snprintf(name, sizeof(name), "%s.signal", backend->type->name);
	task_give_cap(console, name, backend->control, RIGHT_WRITE, 0);
	return err;
}

enum err backends_give_console(struct task *console)
{
	enum err err = ERR_OK;

	for (unsigned i = 0; i < BACKENDS && !err; i++)
		if (exists(&backends[i]))
			err = give_console(&backends[i], console);
	return err;
}

uint64_t backends_bytes(void)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < BACKENDS; i++)
		bytes += backends[i].task.arena.bytes + (backends[i].dma ? UINT64_C(1) << memory_bits(backends[i].dma) : 0);
	return bytes;
}
