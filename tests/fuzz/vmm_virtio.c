/* SPDX-License-Identifier: Apache-2.0 */
/* PCI, virtio transport, interrupts and console: any configuration, register and memory writes, before and after a proper start. */
#include <console.h>
#include <fakes.h>
#include <isr.h>
#include <virtio_driver.h>
#include "vmm_fuzz.h"

enum { SOURCE = 33, CLAIM = 0x200004 };

static struct driver driver;

static void deliver(void)
{
	if (virtio_console_listens(&driver.console))
		virtio_console_input(&driver.console);
}

static void write_memory(struct input *input)
{
	/* The rings and descriptors: a few KiB from here, for both queues. */
	uint64_t address = DRIVER_DESCRIPTORS + (input_take(input, 2) & 0x7fff);
	uint64_t value = input_take(input, 8);

	memcpy(memory_at(&driver.memory, address, 8), &value, 8);
}

static void access_bar(struct input *input, uint8_t action)
{
	unsigned size = 1u << (action >> 6);
	uint64_t address = DRIVER_BAR + ((input_take(input, 2) & 0x3fff) & ~(uint64_t)(size - 1));

	if (action & 8)
		driver_store(&driver, address, size, input_take(input, size));
	else
		(void)driver_load(&driver, address, size);
}

static void access_config(struct input *input, uint8_t action)
{
	unsigned size = 1u << (action >> 6);
	unsigned offset = (unsigned)input_take(input, 1) & ~(size - 1);

	if (action & 8)
		driver_config_write(&driver, offset, size, input_take(input, size));
	else
		(void)driver_config(&driver, action >> 4 & 3, offset, size);
}

static uint32_t access_plic(unsigned offset, bool write, uint32_t value)
{
	struct bus_access access = { .offset = offset, .size = 4, .write = write, .value = value };

	CHECK(plic_access(&driver.plic, &access));
	return (uint32_t)access.value;
}

/* As the guest sees it. */
static uint8_t read_isr(void)
{
	return fake.isr_at[0] ? (uint8_t)*fake_isr[0] : (uint8_t)driver_load(&driver, DRIVER_BAR + 0x1000, 1);
}

/* An interrupt as a driver takes it that reads where the action says, `times` times over; what it was for is not lost. */
static void take_interrupts(uint8_t action, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		uint8_t bits = driver.console.device.isr.bits;
		uint32_t source;

		virtio_interrupt(&driver.console.device);
		bits |= driver.console.device.isr.bits;
		source = access_plic(CLAIM, false, 0);
		CHECK(source == 0 || source == SOURCE);
		if (source && pci_bar(&driver.console.device.function) == DRIVER_BAR)
			CHECK((read_isr() & bits) == bits);
		if (action & 0x10)
			virtio_config_changed(&driver.console.device);
		if (action & 0x20)
			(void)read_isr();
		if (!(action & 0x40))
			access_plic(CLAIM, true, SOURCE);
	}
}

static void check(void)
{
	const struct virtio_device *device = &driver.console.device;
	const struct virtio_isr *isr = &device->isr;

	/* The interrupt shows what the device wants, and the page what its driver is to know. */
	CHECK(device->function.interrupt == (isr->bits != 0));
	CHECK(*fake_isr[0] == (uint32_t)(isr->bits | isr->told));
	CHECK(isr->at == fake.isr_at[0]);
	CHECK(!isr->at || isr->at == pci_bar(&device->function) + 0x1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	fake_reset(deliver);
	fake.isr_pages = 1;
	driver_init(&driver);
	isr_open(&driver.pci, &driver.console.device);
	access_plic(4 * SOURCE, true, 1);
	access_plic(0x2004, true, 1u << (SOURCE - 32));
	while (input.left) {
		uint8_t action = (uint8_t)input_take(&input, 1);

		switch (action & 7) {
		case 0:
			driver_start(&driver);
			break;
		case 1:
			write_memory(&input);
			break;
		case 2:
			access_bar(&input, action);
			break;
		case 3:
			access_config(&input, action);
			break;
		case 4:
			driver_notify(&driver, action >> 3 & 3);
			break;
		case 5:
			fake_type("some input");
			console_signalled(CONSOLE_SIGNAL_INPUT);
			break;
		case 6:
			driver_add(&driver, action >> 3 & 1, 0x80000000u + input_take(&input, 3), (uint32_t)input_take(&input, 2),
				   (uint16_t)(action >> 4 & 7));
			break;
		default:
			if (action & 8)
				take_interrupts(action, action & 0x80 ? VIRTIO_ISR_STEADY : 1);
			fake_channel.output.tail = fake_channel.output.head;
			break;
		}
		check();
	}
	CHECK(fake.log_errors == 0);
	return 0;
}
