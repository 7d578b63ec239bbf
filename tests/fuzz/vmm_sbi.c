/* SPDX-License-Identifier: Apache-2.0 */
/* Exits: SBI calls and faults with any arguments, against the real machine's devices. */
#include <exit.h>
#include <hsm.h>
#include <devices/uart16550.h>
#include <fakes.h>
#include <machine.h>
#include <virtio_driver.h>
#include "vmm_fuzz.h"

#define HARTS 3u

static struct driver driver;
static struct uart uart;
static struct bus bus;
static uint64_t exits;

/* Whoever blocks is woken: by a start of its vCPU from elsewhere, or by typed input. */
static void wake(cptr_t notification)
{
	struct vcpu *sleeper = notification >= FAKE_WAKE ? &fake_harts.vcpu[notification - FAKE_WAKE] : NULL;
	struct sbi_answer answer;

	CHECK(fake.waits < 100000);
	if (!sleeper)
		return;
	fake.wait_bits = CONSOLE_SIGNAL_OWN | (sleeper->hart ? 0 : fake.waits & CONSOLE_SIGNAL_INPUT);
	if (sleeper->state == HART_STOPPED) {
		struct vcpu *other = &fake_harts.vcpu[!sleeper->hart];
		const uint64_t argument[3] = { sleeper->hart, FAKE_RAM_BASE, 0 };

		CHECK(fake_harts.running > 0);
		CHECK(hsm_call(other, 0, argument, &answer) && answer.error == SBI_SUCCESS);
	} else {
		CHECK(sleeper->state == HART_SUSPENDED);
		harts_send(&fake_harts.vcpu[!sleeper->hart], sleeper, VCPU_IRQ_SOFTWARE);
	}
}

static void deliver(void)
{
	uart_input(&uart);
}

static void prepare(void)
{
	fake_reset(deliver);
	driver_init(&driver);
	memset(&bus, 0, sizeof(bus));
	exits = 0;
	fake_make_harts(HARTS, &driver.memory, &bus, &exits);
	fake.on_wait = wake;
	fake.wait_answer = ERR_OK;
	fake.wait_drains = true;
	uart_init(&uart, &driver.plic, MACHINE_UART_IRQ);
	CHECK(bus_add(&bus, MACHINE_PLIC_BASE, MACHINE_PLIC_SIZE, plic_access, &driver.plic) == ERR_OK);
	CHECK(bus_add(&bus, MACHINE_UART_BASE, MACHINE_UART_SIZE, uart_access, &uart) == ERR_OK);
	CHECK(bus_add(&bus, MACHINE_ECAM_BASE, MACHINE_ECAM_SIZE, pci_ecam_access, &driver.pci) == ERR_OK);
	CHECK(bus_add(&bus, MACHINE_PCI_BASE, MACHINE_PCI_SIZE, pci_window_access, &driver.pci) == ERR_OK);
	/* The driver's first context is M-mode's of hart 0 here; these are the harts' own. */
	for (unsigned i = 0; i < HARTS; i++)
		CHECK(plic_add_context(&driver.plic, harts_external, &fake_harts.vcpu[i]) == ERR_OK);
}

static void take_call(struct input *input, uint8_t action, struct vcpu_page *page, struct vcpu_exit_info *exit)
{
	static const uint64_t extensions[] = { 0x10, 0x54494d45, 0x735049, 0x52464e43, 0x48534d, 0x53525354, 0x4442434e };

	exit->cause = CAUSE_VS_ECALL;
	page->gpr[17] = (action & 7) < 7 ? extensions[action & 7] : input_take(input, 1);
	page->gpr[16] = action >> 3 & 7;
	for (unsigned i = 10; i < 14; i++) {
		unsigned size = (unsigned)input_take(input, 1) & 15;

		if (size < 9)
			page->gpr[i] = input_take(input, size);
		else
			page->gpr[i] = FAKE_RAM_BASE + input_take(input, 3);
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

static void check_harts(void)
{
	unsigned running = 0;

	for (unsigned i = 0; i < HARTS; i++) {
		uint32_t state = fake_harts.vcpu[i].state;

		CHECK(state == HART_STARTED || state == HART_STOPPED || state == HART_START_PENDING);
		running += state != HART_STOPPED;
		CHECK(fake_harts.vcpu[i].page->requests < 32);
	}
	/* After the power-off by the last hart, which only tests outlive, the count is one too small. */
	CHECK(fake.poweroffs || fake_harts.running == running);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	prepare();
	for (unsigned i = 0; input.left && i < 200 && !fake.poweroffs; i++) {
		struct vcpu_exit_info exit = { 0 };
		uint8_t action = (uint8_t)input_take(&input, 1);
		struct vcpu *vcpu = &fake_harts.vcpu[input_take(&input, 1) % HARTS];
		struct vcpu_page *page;
		unsigned resets;
		uint64_t pc;

		if (vcpu->state == HART_STOPPED)
			vcpu = &fake_harts.vcpu[0];
		else if (vcpu->state == HART_START_PENDING)
			hsm_wait_for_start(vcpu);
		page = vcpu->page;
		pc = page->pc;
		resets = fake.resets;
		if (action & 0x80)
			take_call(&input, action, page, &exit);
		else
			take_fault(&input, action, &exit);
		page->requests = 0;
		exit_handle(vcpu, &exit);
		CHECK(exits == i + 1u);
		CHECK(exit.cause != CAUSE_VS_ECALL || fake.resets != resets || page->pc == pc + 4);
		check_harts();
		fake_channel.output.tail = fake_channel.output.head;
	}
	CHECK(fake.log_errors == 0);
	return 0;
}
