/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual machine monitor of one guest: builds its machine, loads it, and runs its CPU. */
#include <libsys/invoke.h>
#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>
#include <libsys/thread.h>
#include <libsys/vcpu_run.h>
#include <stdio.h>
#include <string.h>
#include "bus.h"
#include "console.h"
#include "devices/pci.h"
#include "devices/plic.h"
#include "devices/uart16550.h"
#include "devices/virtio_console.h"
#include "exit.h"
#include "harts.h"
#include "hsm.h"
#include "isr.h"
#include "loader.h"
#include "machine.h"
#include "signals.h"
#include "vmm.h"

/* At a taken lock before a thread blocks: some microseconds. */
#define LOOKS 200u

static struct {
	struct harts harts;
	struct lock lock;
	struct bus bus;
	struct plic plic;
	struct uart uart;
	struct virtio_console terminal;
	struct pci_function bridge;
	struct pci pci;
	struct guest_memory memory;
} machine;

/* Tells the root task how the guest ended; it deletes this task, so there is no way back. */
static void tell_root(enum root_request request, uint64_t word)
{
	struct message message = { .info = message_info((uint16_t)request, 1), .word = { word } };
	enum err error = sys_call(TASK_SLOT_ROOT, &message);

	task_fail("the root task let the guest's end pass (error %u)", (unsigned)error);
}

void vmm_poweroff(void)
{
	console_flush();
	tell_root(ROOT_VMM_POWEROFF, 0);
}

void vmm_reboot(void)
{
	console_flush();
	tell_root(ROOT_VMM_REBOOT, 0);
}

void vmm_crash(enum vmm_crash reason)
{
	console_flush();
	tell_root(ROOT_VMM_CRASHED, reason);
}

/* Typed input goes to the virtio console once its driver listens, before that to the serial port. */
static void deliver_input(void)
{
	if (virtio_console_listens(&machine.terminal))
		virtio_console_input(&machine.terminal);
	else
		uart_input(&machine.uart);
}

static const void *optional_memory(const char *name, size_t *size)
{
	*size = 0;
	return task_memory(name, size);
}

static void *needed_memory(const char *name, size_t least)
{
	size_t size = 0;
	void *memory = task_memory(name, &size);

	if (!memory || size < least)
		task_fail("resource \"%s\" is missing or too small", name);
	return memory;
}

static void build_machine(void)
{
	size_t size = 0;
	enum err error;

	machine.memory.host = task_memory("ram", &size);
	machine.memory.size = size;
	machine.memory.base = task_value("ram_base", 0x80000000);
	if (!machine.memory.host)
		task_fail("resource \"ram\" is missing");

	_Static_assert(GUEST_ISR_RANGE == MACHINE_PCI_BASE, "where root makes page tables");
	_Static_assert(GUEST_PLIC_ENABLES == MACHINE_PLIC_BASE + 0x2000, "where root maps the page");
	machine.plic.shown = needed_memory("plic.enables", 4096);
	/* M-mode and S-mode of each hart. */
	for (unsigned i = 0; i < machine.harts.count; i++) {
		if (plic_add_context(&machine.plic, NULL, NULL) != ERR_OK ||
		    plic_add_context(&machine.plic, harts_external, &machine.harts.vcpu[i]) != ERR_OK)
			task_fail("the interrupt controller has too few contexts");
	}
	uart_init(&machine.uart, &machine.plic, MACHINE_UART_IRQ);
	pci_init(&machine.pci, &machine.bridge, &machine.plic, MACHINE_PCI_BASE, MACHINE_PCI_SIZE,
		 MACHINE_PCI_IRQ);
	virtio_console_init(&machine.terminal, &machine.memory);
	pci_add(&machine.pci, &machine.terminal.device.function, 1);
	isr_open(&machine.pci, &machine.terminal.device);

	error = bus_add(&machine.bus, MACHINE_PLIC_BASE, MACHINE_PLIC_SIZE, plic_access, &machine.plic);
	if (error == ERR_OK)
		error = bus_add(&machine.bus, MACHINE_UART_BASE, MACHINE_UART_SIZE, uart_access, &machine.uart);
	if (error == ERR_OK)
		error = bus_add(&machine.bus, MACHINE_PCI_BASE, MACHINE_PCI_SIZE, pci_window_access, &machine.pci);
	if (error == ERR_OK)
		error = bus_add(&machine.bus, MACHINE_ECAM_BASE, MACHINE_ECAM_SIZE, pci_ecam_access, &machine.pci);
	if (error != ERR_OK)
		task_fail("the machine has too many devices");
}

static void load_guest(void)
{
	struct loader_config config = {
		.name = task_string("name", "guest"),
		.cmdline = task_string("cmdline", ""),
		.isa = task_string("isa", NULL),
		.timebase_hz = task_info()->timebase_hz,
		.harts = machine.harts.count,
		.cboz_block_size = (uint32_t)task_value("cboz_block_size", 0),
	};
	struct loader_result result;

	config.kernel = optional_memory("kernel", &config.kernel_size);
	config.initrd = optional_memory("initrd", &config.initrd_size);
	config.seed = optional_memory("seed", &config.seed_size);
	if (loader_load(&machine.memory, &config, &result) != ERR_OK) {
		log_warn("guest %s cannot start: %s", config.name, result.problem);
		vmm_crash(VMM_CRASH_CONFIG);
	}
	vcpu_reset(&machine.harts.vcpu[0], result.entry, 0, result.dtb);
	log_info("guest %s: kernel at %#llx, device tree at %#llx, %llu MiB", config.name,
		 (unsigned long long)result.entry, (unsigned long long)result.dtb,
		 (unsigned long long)(machine.memory.size >> 20));
}

static void announce(void)
{
	struct message message = { .info = message_info(ROOT_VMM_RUNNING, 0) };

	if (sys_call(TASK_SLOT_ROOT, &message) != ERR_OK)
		task_fail("the root task is gone");
}

/* A resource of a vCPU: "vcpu.NUMBER" and what follows. */
static const char *vcpu_resource(unsigned number, const char *what)
{
	static char name[28];

	snprintf(name, sizeof(name), "vcpu.%u%s", number, what);
	return name;
}

static void make_vcpu(struct vcpu *vcpu, unsigned number, uint64_t *exits_shown)
{
	*vcpu = (struct vcpu){
		.page = needed_memory(vcpu_resource(number, ".page"), sizeof(*vcpu->page)),
		.harts = &machine.harts,
		.exits_shown = exits_shown,
		.bus = &machine.bus,
		.memory = &machine.memory,
		.cap = task_cap(vcpu_resource(number, "")),
		.wake = task_cap(vcpu_resource(number, ".wake")),
		.hart = number,
		.state = number == 0 ? HART_STARTED : HART_STOPPED,
	};
	memset(vcpu->page, 0, sizeof(*vcpu->page));
}

static void make_vcpus(uint64_t *exits_shown)
{
	struct harts *harts = &machine.harts;
	uint64_t count = task_value("vcpus", 1);

	if (count < 1 || count > HARTS_MAX)
		task_fail("%llu vCPUs are not possible", (unsigned long long)count);
	harts->count = (uint32_t)count;
	harts->running = 1;
	harts->holder = &harts->vcpu[0];
	if (count > 1) {
		lock_init(&machine.lock, task_cap("lock"), task_value("harts", 1) > 1 ? LOOKS : 0);
		harts->lock = &machine.lock;
	}
	for (unsigned i = 0; i < count; i++)
		make_vcpu(&harts->vcpu[i], i, exits_shown);
}

static _Noreturn void run(struct vcpu *vcpu)
{
	struct vcpu_exit_info exit;

	for (;;) {
		enum err error = run_vcpu(vcpu->cap, &exit);

		if (error != ERR_OK)
			task_fail("vcpu %u cannot run (error %u)", vcpu->hart, (unsigned)error);
		exit_handle(vcpu, &exit);
		if (console_pending())
			harts_pass_on(vcpu);
	}
}

/* A thread of its own for each vCPU but the first. */
static void run_other(void *vcpu)
{
	hsm_wait_for_start(vcpu);
	run(vcpu);
}

static void start_threads(void)
{
	for (unsigned i = 1; i < machine.harts.count; i++) {
		size_t size = 0;
		void *stack = task_memory(vcpu_resource(i, ".stack"), &size);
		enum err error = ERR_INVALID_CAP;

		if (stack)
			error = thread_start(task_cap(vcpu_resource(i, ".thread")), stack, size, run_other, &machine.harts.vcpu[i]);
		if (error != ERR_OK)
			task_fail("the thread of vcpu %u cannot start (error %u)", i, (unsigned)error);
	}
}

int main(void)
{
	struct console_channel *channel = needed_memory("channel", sizeof(*channel));
	struct vcpu *first = &machine.harts.vcpu[0];
	const char *name = task_string("name", "guest");

	console_open(channel, task_cap("console"), deliver_input);
	log_set_sink(console_log);
	make_vcpus(&channel->exits);
	build_machine();
	if (!disks_open(&machine.harts, &machine.memory, &machine.pci, name) || !nics_open(&machine.harts, &machine.memory, &machine.pci, name))
		vmm_crash(VMM_CRASH_CONFIG);
	load_guest();
	start_threads();
	announce();
	harts_lock(first);
	console_deliver();
	signals_take(0);
	harts_unlock(first);
	run(first);
}
