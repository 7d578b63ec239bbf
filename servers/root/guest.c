/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <libsys/invoke.h>
#include <libsys/log.h>
#include <proto/root.h>

#include "archive.h"
#include "backend.h"
#include "backend_guest.h"
#include "layout.h"
#include "random.h"
#include "report.h"
#include "root.h"

#define HEAP_SIZE (UINT64_C(256) << 10)
#define SEED_SIZE 64u
#define LARGE_BITS 21u
#define PLIC_PAGE_FRAMES 4u /* its two capabilities, and page tables of the guest */
#define ISR_PAGE_TABLES 3u

enum { VCPU_OBJECT, VCPU_NOTIFICATION, VCPU_THREAD, VCPU_SCHED_CONTEXT };

void guest_init(struct guest *guest, unsigned number)
{
	guest->number = number;
	guest->config = &root.system.guest[number];
	guest->life = (struct lifecycle){ .restart_on_crash = guest->config->restart_on_crash };
}

/* Takes the guest's RAM in blocks that get smaller, so that each lies as it is aligned. */
static enum err take_ram(struct guest *guest)
{
	uint64_t left = guest->config->memory;
	unsigned bits = 63 - (unsigned)__builtin_clzll(left);

	while (left) {
		while (UINT64_C(1) << bits > left)
			bits--;
		enum err err = arena_add(&guest->ram, bits);

		if (err == ERR_NO_MEMORY && bits > LARGE_BITS)
			bits--;
		else if (err)
			return err;
		else
			left -= UINT64_C(1) << bits;
	}
	return ERR_OK;
}

/* Maps a frame of RAM for the guest, and copies of its capability for the VMM and the backends. */
static enum err map_ram_frame(struct guest *guest, struct space *gspace, unsigned i, uint64_t offset)
{
	cptr_t frame = scratch_frame + i, copy = scratch_copy + i;
	enum err err = cnode_mint(ROOT_SLOT_CNODE, copy, ROOT_SLOT_CNODE, frame, RIGHT_READ | RIGHT_WRITE, 0);

	if (!err)
		err = space_add_frame(&guest->vmm.space, RAM_ADDRESS + offset, copy, RIGHT_READ | RIGHT_WRITE);
	if (!err)
		err = backend_guest_keep(guest, frame);
	if (!err)
		err = space_add_frame(gspace, GUEST_RAM_BASE + offset, frame, RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE);
	return err;
}

static enum err map_ram(struct guest *guest, struct space *gspace)
{
	uint64_t offset = 0;
	enum err err = ERR_OK;

	for (unsigned b = 0; b < guest->ram.blocks && !err; b++) {
		unsigned block_bits = memory_bits(guest->ram.block[b]);
		unsigned bits = guest_frame_bits(block_bits);
		uint64_t frames = UINT64_C(1) << (block_bits - bits);

		while (frames && !err) {
			uint64_t count = frames < SCRATCH_FRAMES ? frames : SCRATCH_FRAMES;

			err = untyped_retype(memory_cap(guest->ram.block[b]), OBJECT_FRAME, bits, ROOT_SLOT_CNODE, scratch_frame, count);
			for (unsigned i = 0; i < count && !err; i++, offset += UINT64_C(1) << bits)
				err = map_ram_frame(guest, gspace, i, offset);
			frames -= count;
		}
	}
	return err;
}

static uint64_t ram_frames(const struct guest *guest)
{
	uint64_t frames = 0;

	for (unsigned b = 0; b < guest->ram.blocks; b++) {
		unsigned bits = memory_bits(guest->ram.block[b]);

		frames += UINT64_C(1) << (bits - guest_frame_bits(bits));
	}
	return frames;
}

/* The vCPU with its page. */
static enum err make_vcpu(struct guest *guest, cptr_t slot, uint64_t page_address)
{
	struct task *vmm = &guest->vmm;
	enum err err = arena_make(&vmm->arena, OBJECT_VCPU, 0, ROOT_SLOT_CNODE, slot, 1);

	if (!err)
		err = arena_make(&vmm->arena, OBJECT_FRAME, 12, ROOT_SLOT_CNODE, scratch_frame, 1);
	if (!err)
		err = vcpu_configure(slot, task_slot_of(vmm, GUEST_GSPACE), scratch_frame);
	return err ? err : space_add_frame(&vmm->space, page_address, scratch_frame, RIGHT_READ | RIGHT_WRITE);
}

/* What wakes the vCPU's thread: of the first, the notification of its channel, else one of its own. */
static enum err give_wake(struct guest *guest, const char *name, unsigned number, cptr_t slot)
{
	cptr_t notification = root.channel[1 + guest->number].notification;
	char resource[28];

	if (number != 0) {
		enum err err = arena_make(&guest->vmm.arena, OBJECT_NOTIFICATION, 0, ROOT_SLOT_CNODE, slot, 1);

		if (err)
			return err;
		notification = slot;
	}
	snprintf(resource, sizeof(resource), "%s.wake", name);
	task_give_cap(&guest->vmm, resource, notification, RIGHT_READ | RIGHT_WRITE, CONSOLE_SIGNAL_OWN);
	return ERR_OK;
}

static enum err give_vcpu(struct guest *guest, unsigned number)
{
	cptr_t slots = task_slot_of(&guest->vmm, GUEST_VCPU + GUEST_VCPU_SLOTS * number);
	uint64_t page = VCPU_PAGE_ADDRESS + 4096u * number;
	char name[16], resource[28];
	enum err err = make_vcpu(guest, slots + VCPU_OBJECT, page);

	snprintf(name, sizeof(name), "vcpu.%u", number);
	if (!err)
		err = give_wake(guest, name, number, slots + VCPU_NOTIFICATION);
	if (!err && number != 0)
		err = task_add_thread(&guest->vmm, name, slots + VCPU_THREAD, number, guest->config->hart[number], GUEST_PRIORITY);
	if (err)
		return err;
	snprintf(resource, sizeof(resource), "%s.page", name);
	task_give_cap(&guest->vmm, name, slots + VCPU_OBJECT, RIGHT_ALL, 0);
	task_give_memory(resource, page, 4096);
	return ERR_OK;
}

/* The page of the interrupt controller that the guest reads without an exit. */
static enum err give_plic_page(struct guest *guest, struct space *gspace)
{
	struct task *vmm = &guest->vmm;
	enum err err = arena_make(&vmm->arena, OBJECT_FRAME, 12, ROOT_SLOT_CNODE, scratch_frame, 1);

	if (!err)
		err = space_add_copy(&vmm->space, PLIC_PAGE_ADDRESS, scratch_frame, RIGHT_READ | RIGHT_WRITE);
	if (!err)
		err = space_add_frame(gspace, GUEST_PLIC_ENABLES, scratch_frame, RIGHT_READ);
	task_give_memory("plic.enables", PLIC_PAGE_ADDRESS, 4096);
	return err;
}

static unsigned isr_pages(const struct guest *guest)
{
	return 1 + guest->config->devices[BACKEND_BLOCK] + guest->config->devices[BACKEND_NET];
}

static enum err give_isr_page(struct guest *guest, struct space *gspace, unsigned number)
{
	struct task *vmm = &guest->vmm;
	char name[16];
	enum err err = arena_make(&vmm->arena, OBJECT_FRAME, 12, ROOT_SLOT_CNODE, scratch_frame, 1);

	/* For the page tables. */
	if (!err)
		err = space_map(gspace, scratch_frame, GUEST_ISR_RANGE, RIGHT_READ);
	if (!err)
		err = frame_unmap(scratch_frame);
	if (!err)
		err = space_add_copy(&vmm->space, ISR_PAGES_ADDRESS + 4096u * number, scratch_frame, RIGHT_READ | RIGHT_WRITE);
	if (err)
		return err;
	snprintf(name, sizeof(name), "isr.%u", number);
	task_give_cap(vmm, name, scratch_frame, RIGHT_READ, 0);
	return hold_put(&vmm->hold, scratch_frame);
}

/* Pages that the VMM maps for the guest where its devices' registers are, and takes away again. */
static enum err give_isr_pages(struct guest *guest, struct space *gspace)
{
	unsigned count = isr_pages(guest);
	enum err err = ERR_OK;

	for (unsigned i = 0; i < count && !err; i++)
		err = give_isr_page(guest, gspace, i);
	task_give_cap(&guest->vmm, "gspace", gspace->cap, RIGHT_READ | RIGHT_WRITE, 0);
	task_give_memory("isr", ISR_PAGES_ADDRESS, 4096u * count);
	return err;
}

static enum err make_vcpus(struct guest *guest, struct space *gspace)
{
	struct task *vmm = &guest->vmm;
	cptr_t lock = task_slot_of(vmm, GUEST_LOCK);
	enum err err = arena_make(&vmm->arena, OBJECT_GSPACE, 0, ROOT_SLOT_CNODE, task_slot_of(vmm, GUEST_GSPACE), 1);

	*gspace = (struct space){ task_slot_of(vmm, GUEST_GSPACE), &vmm->arena, &vmm->hold };
	if (!err)
		err = arena_make(&vmm->arena, OBJECT_NOTIFICATION, 0, ROOT_SLOT_CNODE, lock, 1);
	for (unsigned i = 0; i < guest->config->vcpus && !err; i++)
		err = give_vcpu(guest, i);
	if (!err)
		err = give_plic_page(guest, gspace);
	if (!err)
		err = give_isr_pages(guest, gspace);
	if (err)
		return err;
	task_give_cap(vmm, "lock", lock, RIGHT_READ | RIGHT_WRITE, 1);
	task_give_value("vcpus", guest->config->vcpus);
	task_give_value("harts", root.info->harts);
	return ERR_OK;
}

static enum err give_file(struct guest *guest, const char *name, const struct file *file, uint64_t base)
{
	uint64_t address;
	enum err err = archive_map(file, &guest->vmm.space, base, &address);

	if (!err)
		task_give_memory(name, address, file->size);
	return err;
}

static enum err give_seed(struct guest *guest)
{
	uint8_t seed[SEED_SIZE];

	random_bytes(seed, sizeof(seed));
	enum err err = space_add_content(&guest->vmm.space, SEED_ADDRESS, seed, sizeof(seed), sizeof(seed), RIGHT_READ | RIGHT_WRITE);

	random_bytes(seed, sizeof(seed)); /* nothing of it stays on the stack */
	task_give_memory("seed", SEED_ADDRESS, SEED_SIZE);
	return err;
}

static void give_values(struct guest *guest)
{
	const struct channel *channel = &root.channel[1 + guest->number];

	task_give_memory("ram", RAM_ADDRESS, guest->config->memory);
	task_give_value("ram_base", GUEST_RAM_BASE);
	task_give_string("name", guest->config->name);
	task_give_string("cmdline", guest->config->cmdline);
	task_give_string("isa", root.machine.isa);
	if (root.machine.cbom_block_size)
		task_give_value("cbom_block_size", root.machine.cbom_block_size);
	if (root.machine.cboz_block_size)
		task_give_value("cboz_block_size", root.machine.cboz_block_size);
	task_give_memory("channel", CHANNELS_ADDRESS, CONSOLE_CHANNEL_SIZE);
	task_give_cap(&guest->vmm, "console", channel->console, RIGHT_WRITE, 0);
}

static enum err find_files(const struct guest *guest, struct file *kernel, struct file *initrd)
{
	const char *missing = NULL;

	*initrd = (struct file){ 0 };
	if (!archive_find(guest->config->kernel, kernel))
		missing = guest->config->kernel;
	else if (guest->config->initrd[0] && !archive_find(guest->config->initrd, initrd))
		missing = guest->config->initrd;
	if (missing)
		log_error("the boot archive has no file \"%s\"", missing);
	return missing ? ERR_INVALID_ARGUMENT : ERR_OK;
}

static enum err create(struct guest *guest)
{
	struct file kernel, initrd;
	struct space gspace;
	char name[32];
	enum err err = find_files(guest, &kernel, &initrd);

	if (!err && backend_guest_mapped(guest) && guest->config->memory > BACKEND_GUEST_SIZE) {
		log_error("guest %s: a guest with disks or NICs has at most %lu GiB of memory", guest->config->name,
			  BACKEND_GUEST_SIZE >> 30);
		err = ERR_INVALID_ARGUMENT;
	}
	if (!err)
		err = take_ram(guest);
	if (err)
		return err;
	snprintf(name, sizeof(name), "vmm.%s", guest->config->name);
	const struct task_config config = {
		.name = name,
		.file = "vmm",
		.number = CALLER_GUEST + guest->number,
		.heap = HEAP_SIZE,
		/* A page table serves 512 large frames at least half of the time. */
		.hold = 3 * ram_frames(guest) + archive_frames(&kernel) + archive_frames(&initrd) + CHANNEL_FRAMES +
			guest->config->vcpus * (STACK_SIZE / 4096u + 1) + guest->config->devices[BACKEND_BLOCK] +
			guest->config->devices[BACKEND_NET] + PLIC_PAGE_FRAMES + 2 * isr_pages(guest) + ISR_PAGE_TABLES,
		.notification = root.channel[1 + guest->number].notification,
		.hart = guest->config->hart[0],
		.time = cpu_time_guest(guest->config, guest->config->vcpus, root.info->timebase_hz),
	};

	err = task_create(&guest->vmm, &config);
	if (!err)
		err = make_vcpus(guest, &gspace);
	if (!err)
		err = backend_guest_prepare(guest, ram_frames(guest));
	if (!err)
		err = map_ram(guest, &gspace);
	if (!err)
		err = give_file(guest, "kernel", &kernel, KERNEL_ADDRESS);
	if (!err && initrd.size)
		err = give_file(guest, "initrd", &initrd, INITRD_ADDRESS);
	if (!err)
		err = channel_map(&root.channel[1 + guest->number], &guest->vmm.space, CHANNELS_ADDRESS);
	if (!err)
		err = give_seed(guest);
	if (!err)
		err = backends_attach(guest);
	if (err)
		return err;
	give_values(guest);
	return task_start(&guest->vmm, GUEST_PRIORITY);
}

enum err guest_create(struct guest *guest)
{
	enum err err = create(guest);

	if (err) {
		log_warn("guest %s: cannot be built: %s", guest->config->name,
			 err == ERR_NO_MEMORY ? "not enough memory" : report_error(err));
		scratch_clear();
		guest_destroy(guest);
	}
	return err;
}

void guest_destroy(struct guest *guest)
{
	/* Nothing begins for the guest any more; then what its devices have begun ends. */
	task_suspend(&guest->vmm);
	if (!backends_detach(guest)) {
		log_error("guest %s: its memory is lost, because a device may still write to it", guest->config->name);
		guest->ram = (struct arena){ 0 };
	}
	task_destroy(&guest->vmm);
	arena_release(&guest->ram);
}

uint64_t guest_overhead(const struct guest *guest)
{
	return guest->vmm.arena.bytes + CONSOLE_CHANNEL_SIZE;
}
