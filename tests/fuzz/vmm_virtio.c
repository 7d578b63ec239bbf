/* SPDX-License-Identifier: Apache-2.0 */
/* PCI, virtio transport and console: any configuration, register and memory writes, before and after a proper start. */
#include <console.h>
#include <fakes.h>
#include <virtio_driver.h>
#include "vmm_fuzz.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	fake_reset(deliver);
	driver_init(&driver);
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
			fake_channel.output.tail = fake_channel.output.head;
			break;
		}
		/* The interrupt shows what the device wants. */
		CHECK(driver.console.device.function.interrupt == (driver.console.device.isr != 0));
	}
	CHECK(fake.log_errors == 0);
	return 0;
}
