/* SPDX-License-Identifier: Apache-2.0 */
/* The root task: takes over all that the kernel does not keep, starts the servers and guests, and looks after them. */
#include <abi/archive.h>
#include <libsys/entry.h>
#include <libsys/invoke.h>
#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>

#include "archive.h"
#include "backend.h"
#include "gateway.h"
#include "report.h"
#include "root.h"
#include "slots.h"

struct root root;

static void must(enum err err, const char *what)
{
	if (err)
		task_fail("%s: %s", what, report_error(err));
}

static void take_memory(void)
{
	memory_init();
	for (uint32_t i = 0; i < root.info->untypeds; i++) {
		const struct untyped_info *untyped = &root.info->untyped[i];

		if (untyped->kind == REGION_RAM && untyped->size_bits >= MEMORY_MIN_BITS)
			must(memory_add(untyped->slot, untyped->base, untyped->size_bits), "memory");
	}
}

static void read_system(void)
{
	struct file file;

	if (!archive_find(ARCHIVE_SYSTEM, &file))
		task_fail("the boot archive has no system description");
	const char *problem = system_read(file.content, file.size, &root.system);

	if (problem)
		task_fail("system description: %s", problem);
}

static void make_endpoint(void)
{
	root.endpoint = slots_allocate(2);
	root.reply = root.endpoint + 1;
	must(arena_make(&root.arena, OBJECT_ENDPOINT, 0, ROOT_SLOT_CNODE, root.endpoint, 1), "endpoint");
	must(arena_make(&root.arena, OBJECT_REPLY, 0, ROOT_SLOT_CNODE, root.reply, 1), "reply object");
	const struct task_common common = { .endpoint = root.endpoint, .timebase_hz = root.info->timebase_hz,
					    .harts = root.info->harts };

	task_init(&common);
}

static void start_guests(void)
{
	for (unsigned i = 0; i < root.system.guests; i++)
		guest_init(&root.guest[i], i);
	for (unsigned i = 0; i < root.system.guests; i++) {
		struct guest *guest = &root.guest[i];

		if (guest->config->autostart && supervisor_start(guest) != ROOT_OK) {
			guest->life.starts++;
			guest->life.restart_on_crash = false;
			supervisor_crashed(guest);
		}
	}
}

static _Noreturn void serve(void)
{
	struct message message = { 0 };
	bool answer = false;

	for (;;) {
		supervisor_tick();
		uint64_t deadline = supervisor_deadline();
		enum err err = answer ? sys_reply_recv(root.endpoint, root.reply, &message, deadline) :
					sys_recv(root.endpoint, root.reply, &message, deadline);

		answer = false;
		if (err == ERR_OK)
			answer = request_handle(&message);
		else if (err != ERR_TIMED_OUT)
			task_fail("receive: %s", report_error(err));
	}
}

int main(void)
{
	slots_init(root.info->first_free_slot, 1u << root.info->cnode_bits);
	take_memory();
	root.space = (struct space){ ROOT_SLOT_VSPACE, &root.arena, &root.hold };
	must(space_init(&root.space), "scratch slots");
	archive_init(root.info, &root.space);
	read_system();
	make_endpoint();
	channels_init();
	machine_read(root.info, &root.machine);
	devices_init(root.machine.uart_base);
	backends_init();
	gateway_init();
	console_init();
	must(console_start(), "console");
	log_info("%lu MiB of memory, %u guests", (memory_total() + root.info->kernel_bytes) >> 20, root.system.guests);
	backends_start();
	gateway_start();
	start_guests();
	serve();
}

_Noreturn void task_entry(const void *information)
{
	root.info = information;
	if (root.info->magic != ROOT_INFO_MAGIC || root.info->version != SERAI_ABI_VERSION)
		__builtin_trap();
	task_fail("main returned %d", main());
}
