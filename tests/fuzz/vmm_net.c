/* SPDX-License-Identifier: Apache-2.0 */
/* NICs: any configuration and register accesses, control chains and session pages, in any order; what guest and server may rely on holds. */
#include <bells.h>
#include <net_driver.h>
#include <signals.h>
#include "vmm_fuzz.h"

#define HARTS 3u
#define NICS 2u

static struct driver driver;

static const struct virtio_device *device_of(unsigned nic)
{
	return (const struct virtio_device *)(const void *)driver.pci.function[NIC(nic)];
}

static void access_bar(struct input *input, uint8_t action, unsigned nic)
{
	static const unsigned areas[] = { AREA_COMMON, AREA_COMMON, AREA_NOTIFY, AREA_ISR, AREA_DEVICE };
	unsigned size = 1u << (action >> 6);
	uint8_t where = (uint8_t)input_take(input, 1);
	unsigned offset = (where & 0x7f) & ~(size - 1);

	if (action & 8)
		pci_driver_store(&driver, NIC(nic), areas[where % 5], offset, size, input_take(input, size));
	else
		(void)pci_driver_load(&driver, NIC(nic), areas[where % 5], offset, size);
}

static void access_config(struct input *input, uint8_t action, unsigned nic)
{
	unsigned size = 1u << (action >> 6);
	unsigned offset = (unsigned)input_take(input, 1) & ~(size - 1);

	if (action & 8)
		driver_config_write_at(&driver, NIC(nic), offset, size, input_take(input, size));
	else
		(void)driver_config(&driver, NIC(nic), offset, size);
}

/* The server's part: as it should, or anything. */
static void serve(struct input *input, uint8_t action, unsigned nic)
{
	struct net_session *session = &fake_nic_session[nic];

	switch (action >> 4 & 3) {
	case 0:
		net_obey(nic);
		break;
	case 1:
		session->announce++;
		break;
	case 2:
		session->server++;
		break;
	default:
		((uint8_t *)session)[input_take(input, 1)] = (uint8_t)input_take(input, 1);
		break;
	}
}

/* A command with its answer, or any chain. */
static void control(struct input *input, uint8_t action, unsigned nic)
{
	const struct virtio_device *device = device_of(nic);
	unsigned queue = device->apart;
	uint32_t length = (uint32_t)input_take(input, 1) & 0x7f;
	uint8_t bytes[128] = { 0 };

	if (!queue || !device->queue[queue].enabled || device->queue[queue].descriptors != NIC_RINGS(nic, queue))
		return;
	if (action & 0x80) {
		unsigned entry = (unsigned)input_take(input, 1);

		nic_descriptor(&driver, nic, queue, entry, NIC_COMMAND + input_take(input, 2), (uint32_t)input_take(input, 2),
			       (uint16_t)(input_take(input, 1) & 7), (uint16_t)input_take(input, 2));
		nic_offer(&driver, nic, queue, (uint16_t)(length * 2));
		return;
	}
	for (uint32_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)input_take(input, 1);
	bytes[0] %= 6;
	bytes[1] %= 7;
	(void)nic_send(&driver, nic, queue, bytes, length);
}

static void check_filter(const struct net_session *session)
{
	const struct net_filter *filter = &session->filter;
	const uint8_t *flag = &filter->promiscuous;

	CHECK((filter->sequence & 1) == 0);
	CHECK(filter->macs <= NET_MACS_MAX);
	for (unsigned i = 0; i < 6; i++)
		CHECK(flag[i] <= 1);
	CHECK(!(session->wanted & 1) || (filter->pairs >= 1 && filter->pairs <= HARTS));
}

static void check_nic(unsigned nic)
{
	const struct virtio_device *device = device_of(nic);
	const struct net_session *session = &fake_nic_session[nic];
	bool running = virtio_running(device);
	uint64_t bell = fake_harts.bell[NICS_BELL + nic].address;

	CHECK(device->function.interrupt == (device->isr.bits != 0));
	CHECK(bell == (running ? virtio_notify_address(device) : 0));
	CHECK(!running || (device->accepted & ~device->offered) == 0);
	CHECK(!running || (device->accepted & VIRTIO_F_VERSION_1));
	CHECK(!device->resetting || !device->isr.bits);
	CHECK(fake.bell[0][NICS_BELL + nic].address == bell);
	CHECK(device->apart <= 2 * HARTS);
	check_filter(session);
	for (unsigned i = 0; (session->wanted & 1) && running && i < session->setup.queues; i++) {
		CHECK(i < 2 * HARTS);
		CHECK(i != device->apart || !device->apart);
		CHECK(session->setup.queue[i].size <= NET_QUEUE_SIZE);
		CHECK(!session->setup.queue[i].size ||
		      memory_at(&driver.memory, session->setup.queue[i].descriptors, 16u * session->setup.queue[i].size));
	}
}

static void act(struct input *input, uint8_t action)
{
	unsigned nic = action >> 3 & 1;

	switch (action & 7) {
	case 0:
		nic_start(&driver, nic, pci_driver_offered(&driver, NIC(nic)) & ~(action & 0x10 ? 0 : input_take(input, 5)));
		break;
	case 1:
		access_config(input, action, (unsigned)input_take(input, 1) & 1);
		break;
	case 2:
		pci_driver_bar(&driver, NIC(nic), DRIVER_BAR + 0x4000 * (uint32_t)input_take(input, 1));
		pci_driver_command(&driver, NIC(nic), 6);
		break;
	case 3:
		signals_take(input_take(input, 2));
		break;
	case 4:
		serve(input, action, nic);
		break;
	case 5:
		bells_apply(&fake_harts.vcpu[input_take(input, 1) % HARTS]);
		break;
	case 6:
		control(input, action, nic);
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
	fake.on_nic_serve = flags & 0x40 ? net_obey : NULL;
	for (unsigned i = 0; i < NICS; i++)
		net_describe(i);
	net_machine(&driver, HARTS, NICS);
	while (input.left) {
		act(&input, (uint8_t)input_take(&input, 1));
		if (!(flags & 0x80)) {
			bells_apply(&fake_harts.vcpu[0]);
			check_nic(0);
			check_nic(1);
		}
	}
	CHECK(fake.log_errors == 0);
	return 0;
}
