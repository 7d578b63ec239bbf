/* SPDX-License-Identifier: Apache-2.0 */
/* Exits: SBI calls and faults with any arguments, against the real machine's devices. */
#include <exit.h>
#include <devices/uart16550.h>
#include <fakes.h>
#include <machine.h>
#include <virtio_driver.h>
#include "vmm_fuzz.h"

static struct driver driver;
static struct uart uart;
static struct bus bus;
static struct vcpu_page page;
static struct vcpu vcpu;
static uint64_t exits;

static void deliver(void)
{
	uart_input(&uart);
}

static void prepare(void)
{
	fake_reset(deliver);
	driver_init(&driver);
	memset(&page, 0, sizeof(page));
	memset(&bus, 0, sizeof(bus));
	memset(&vcpu, 0, sizeof(vcpu));
	uart_init(&uart, &driver.plic, MACHINE_UART_IRQ);
	CHECK(bus_add(&bus, MACHINE_PLIC_BASE, MACHINE_PLIC_SIZE, plic_access, &driver.plic) == ERR_OK);
	CHECK(bus_add(&bus, MACHINE_UART_BASE, MACHINE_UART_SIZE, uart_access, &uart) == ERR_OK);
	CHECK(bus_add(&bus, MACHINE_ECAM_BASE, MACHINE_ECAM_SIZE, pci_ecam_access, &driver.pci) == ERR_OK);
	CHECK(bus_add(&bus, MACHINE_PCI_BASE, MACHINE_PCI_SIZE, pci_window_access, &driver.pci) == ERR_OK);
	vcpu.page = &page;
	vcpu.memory = &driver.memory;
	vcpu.bus = &bus;
	vcpu.exits_shown = &exits;
	page.mode = 1;
}

static void take_call(struct input *input, uint8_t action, struct vcpu_exit_info *exit)
{
	static const uint64_t extensions[] = { 0x10, 0x54494d45, 0x735049, 0x52464e43, 0x48534d, 0x53525354, 0x4442434e };

	exit->cause = CAUSE_VS_ECALL;
	page.gpr[17] = (action & 7) < 7 ? extensions[action & 7] : input_take(input, 1);
	page.gpr[16] = action >> 3 & 7;
	for (unsigned i = 10; i < 14; i++) {
		unsigned size = (unsigned)input_take(input, 1) & 15;

		if (size < 9)
			page.gpr[i] = input_take(input, size);
		else
			page.gpr[i] = FAKE_RAM_BASE + input_take(input, 3);
	}
}

static void take_fault(struct input *input, uint8_t action, struct vcpu_exit_info *exit)
{
	static const uint64_t bases[] = { MACHINE_PLIC_BASE, MACHINE_UART_BASE, MACHINE_ECAM_BASE, MACHINE_PCI_BASE };

	exit->cause = action & 0x40 ? 20 + (action & 3) : input_take(input, 2);
	exit->value = input_take(input, 2);
	exit->address = bases[action >> 2 & 3] + input_take(input, 3);
	exit->instruction = action & 0x20 ? input_take(input, 4) : 0;
	exit->bits = action & 3;
	fake.instruction = (uint32_t)input_take(input, 4);
	fake.fetch_cause = action & 0x10 ? 0 : input_take(input, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	prepare();
	for (unsigned i = 0; input.left && i < 200; i++) {
		struct vcpu_exit_info exit = { 0 };
		uint8_t action = (uint8_t)input_take(&input, 1);
		uint64_t pc = page.pc;

		if (action & 0x80)
			take_call(&input, action, &exit);
		else
			take_fault(&input, action, &exit);
		page.requests = 0;
		exit_handle(&vcpu, &exit);
		CHECK(page.requests < 32);
		CHECK(exits == i + 1u);
		CHECK(exit.cause != CAUSE_VS_ECALL || fake.resets || page.pc == pc + 4);
		fake_channel.output.tail = fake_channel.output.head;
	}
	CHECK(fake.log_errors == 0);
	return 0;
}
