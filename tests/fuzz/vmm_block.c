/* SPDX-License-Identifier: Apache-2.0 */
/* Disks: any configuration and register accesses, and any session pages, in any order; what the guest and the server may rely on holds. */
#include <bells.h>
#include <block_driver.h>
#include <signals.h>
#include "vmm_fuzz.h"

#define HARTS 3u
#define DISKS 2u

static struct driver driver;

static void access_bar(struct input *input, uint8_t action, unsigned disk)
{
	static const unsigned areas[] = { AREA_COMMON, AREA_COMMON, AREA_NOTIFY, AREA_ISR, AREA_DEVICE };
	unsigned size = 1u << (action >> 6);
	uint8_t where = (uint8_t)input_take(input, 1);
	unsigned offset = (where & 0x7f) & ~(size - 1);

	if (action & 8)
		disk_store(&driver, disk, areas[where % 5], offset, size, input_take(input, size));
	else
		(void)disk_load(&driver, disk, areas[where % 5], offset, size);
}

static void access_config(struct input *input, uint8_t action, unsigned disk)
{
	unsigned size = 1u << (action >> 6);
	unsigned offset = (unsigned)input_take(input, 1) & ~(size - 1);

	if (action & 8)
		driver_config_write_at(&driver, DISKS_PCI_DEVICE + disk, offset, size, input_take(input, size));
	else
		(void)driver_config(&driver, DISKS_PCI_DEVICE + disk, offset, size);
}

/* The server's part: as it should, or anything. */
static void serve(struct input *input, uint8_t action, unsigned disk)
{
	struct block_session *session = &fake_session[disk];

	switch (action >> 4 & 3) {
	case 0:
		server_obey(disk);
		break;
	case 1:
		session->broken = session->wanted;
		break;
	case 2:
		session->server++;
		break;
	default:
		((uint8_t *)session)[input_take(input, 1)] = (uint8_t)input_take(input, 1);
		break;
	}
}

static void check_disk(unsigned disk)
{
	const struct pci_function *function = driver.pci.function[DISKS_PCI_DEVICE + disk];
	const struct virtio_device *device = (const struct virtio_device *)(const void *)function;
	const struct block_session *session = &fake_session[disk];
	bool running = virtio_running(device);
	uint64_t bell = fake_harts.bell[disk].address;

	CHECK(function->interrupt == (device->isr.bits != 0));
	/* No bell unless the server serves, and only where the notification address is. */
	CHECK(bell == (running ? virtio_notify_address(device) : 0));
	CHECK(!running || (device->accepted & ~device->offered) == 0);
	CHECK(!running || (device->accepted & VIRTIO_F_VERSION_1));
	CHECK(!device->resetting || !device->isr.bits);
	for (unsigned i = 0; i < HARTS; i++)
		CHECK(fake.bell[i][disk].address % 4 == 0);
	CHECK(fake.bell[0][disk].address == bell);
	/* The server is told to serve only rings in memory. */
	for (unsigned i = 0; (session->wanted & 1) && running && i < session->setup.queues; i++) {
		CHECK(i < BLOCK_QUEUES_MAX);
		CHECK(session->setup.queue[i].size <= BLOCK_QUEUE_SIZE);
		CHECK(!session->setup.queue[i].size ||
		      memory_at(&driver.memory, session->setup.queue[i].descriptors, 16u * session->setup.queue[i].size));
	}
}

static void act(struct input *input, uint8_t action)
{
	unsigned disk = action >> 3 & 1;

	switch (action & 7) {
	case 0:
		disk_start(&driver, disk, disk_offered(&driver, disk) & ~input_take(input, 5));
		break;
	case 1:
		access_config(input, action, (unsigned)input_take(input, 1) & 1);
		break;
	case 2:
		disk_bar(&driver, disk, DRIVER_BAR + 0x4000 * (uint32_t)input_take(input, 1));
		disk_command(&driver, disk, 6);
		break;
	case 3:
		signals_take(input_take(input, 2));
		break;
	case 4:
		serve(input, action, disk);
		break;
	case 5:
		bells_apply(&fake_harts.vcpu[input_take(input, 1) % HARTS]);
		break;
	case 6:
		++*disk_used(&driver, disk, action >> 4 & 1);
		break;
	default:
		access_bar(input, action, (unsigned)input_take(input, 1) & 1);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	uint64_t flags;

	fake_reset(NULL);
	flags = input_take(&input, 1);
	fake.bell_answer = flags & 0x80 ? ERR_LIMIT : ERR_OK;
	for (unsigned i = 0; i < DISKS; i++)
		server_describe(i, flags >> 2 * i & 15);
	disk_machine(&driver, HARTS, DISKS);
	while (input.left) {
		act(&input, (uint8_t)input_take(&input, 1));
		if (!(flags & 0x80)) {
			bells_apply(&fake_harts.vcpu[0]);
			check_disk(0);
			check_disk(1);
		}
	}
	CHECK(fake.log_errors == 0);
	return 0;
}
