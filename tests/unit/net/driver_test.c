/* SPDX-License-Identifier: Apache-2.0 */
/* The virtio-net driver, on a device made of the device side of the same queues. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "nic_device.h"
#include "packet.h"

static struct nic nic;
static uint8_t packet[70000], came[70000];
static uint32_t came_length, came_count;
static unsigned sent_count;
static void *sent_token;

static void received(struct nic *from, struct frame *frame)
{
	(void)from;
	came_length = frame->length;
	came_count++;
	frame_copy(frame, 0, came, frame->length);
}

static void sent(struct nic *from, void *token)
{
	(void)from;
	sent_count++;
	sent_token = token;
}

static enum err open_nic(uint32_t mtu)
{
	struct nic_resources resources = { .registers = bus, .registers_size = 4096, .dma = bus, .dma_physical = BUS_BASE,
					   .dma_size = NET_DMA_DEVICE, .mtu = mtu };

	return nic_open(&nic, &resources);
}

static int set_up(void **state)
{
	static const uint8_t mac[6] = ADDRESS_A;
	__typeof__(device.wire) wire = device.wire;

	(void)state;
	memset(&device, 0, sizeof(device));
	device.wire = wire ? wire : calloc(WIRE_FRAMES, sizeof(*wire));
	memset(bus, 0xa5, sizeof(bus));
	memset(&nic, 0, sizeof(nic));
	nic.received = received;
	nic.sent = sent;
	came_count = came_length = sent_count = 0;
	device.memory = (struct guest_memory){ bus, BUS_BASE, BUS_SIZE };
	device.features = VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS |
		VIRTIO_NET_F_MRG_RXBUF;
	device.queue_size = 256;
	device.interrupt = 1;
	memcpy(device.config, mac, 6);
	device.config[VIRTIO_NET_CONFIG_STATUS] = 1;
	return 0;
}

static int set_up_and_open(void **state)
{
	set_up(state);
	assert_int_equal(open_nic(1500), ERR_OK);
	return 0;
}

/* A frame whose rest is on the bus. */
static void prepare(struct frame *frame, uint32_t payload, uint32_t piece)
{
	uint32_t length = packet_write(packet, false, PACKET_UDP, payload, NULL);

	memcpy(bus + DATA_OFFSET, packet, length);
	packet_frame(frame, bus + DATA_OFFSET, length, piece);
	for (uint32_t i = 0; i < frame->segments; i++)
		frame->segment[i].physical = BUS_BASE + (uint64_t)(frame->segment[i].data - bus);
	assert_true(frame_check(frame, ~UINT64_C(0)));
}

TEST(driver, opens_and_says_what_it_is)
{
	static const uint8_t mac[6] = ADDRESS_A;

	assert_int_equal(open_nic(1500), ERR_OK);
	assert_memory_equal(nic.mac, mac, 6);
	assert_true(nic.link);
	assert_int_equal(nic.mtu, NET_MTU_MAX);
	assert_int_equal(nic.features, 0);
	assert_int_equal(device.status, 15);
	assert_true(nic.driver->room(&nic) >= 128);
	device.features |= VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_MTU;
	device.config[VIRTIO_NET_CONFIG_MTU] = 1400 & 255;
	device.config[VIRTIO_NET_CONFIG_MTU + 1] = 1400 >> 8;
	device.config[VIRTIO_NET_CONFIG_STATUS] = 0;
	assert_int_equal(open_nic(1500), ERR_OK);
	assert_int_equal(nic.features, VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO4);
	assert_int_equal(nic.receive_features, VIRTIO_NET_F_CSUM);
	assert_int_equal(nic.mtu, 1400);
	assert_false(nic.link);
}

TEST(driver, refuses_what_it_cannot_use)
{
	struct nic_resources resources = { .registers = bus, .registers_size = 4096, .dma = bus, .dma_physical = BUS_BASE,
					   .dma_size = NET_DMA_DEVICE, .mtu = 1500 };

	resources.config = bus;
	assert_int_equal(nic_open(&nic, &resources), ERR_INVALID_ARGUMENT);
	assert_true(nic.failed);
	resources.config = NULL;
	resources.dma_size = 4096;
	assert_int_equal(nic_open(&nic, &resources), ERR_NO_MEMORY);
	device.queue_size = 16;
	assert_int_equal(open_nic(1500), ERR_RANGE);
	device.queue_size = 256;
	device.features &= ~VIRTIO_F_INDIRECT_DESC;
	assert_int_equal(open_nic(1500), ERR_RANGE);
	/* It may be used all the same. */
	assert_true(nic.driver->send_copy(&nic, packet, 60));
	assert_false(nic.driver->work(&nic, 64));
}

TEST(driver, sends_from_where_a_frame_is)
{
	struct frame frame;
	int token;

	prepare(&frame, 1400, 333);
	assert_true(nic.driver->send(&nic, &frame, &token));
	assert_int_equal(device.sent, 0);
	nic.driver->kick(&nic);
	assert_int_equal(device.sent, 1);
	assert_int_equal(device.wire[0].length, frame.length);
	assert_memory_equal(device.wire[0].data, packet, frame.length);
	assert_int_equal(device.wire[0].header.flags, 0);
	(void)nic.driver->work(&nic, 64);
	assert_int_equal(sent_count, 1);
	assert_ptr_equal(sent_token, &token);
	/* One that is all head needs nobody to wait. */
	prepare(&frame, 50, 333);
	assert_true(nic.driver->send(&nic, &frame, &token));
	nic.driver->kick(&nic);
	(void)nic.driver->work(&nic, 64);
	assert_int_equal(sent_count, 1);
	assert_memory_equal(device.wire[1].data, packet, frame.length);
}

TEST(driver, sends_copies_until_it_is_full)
{
	unsigned count = 0, room = nic.driver->room(&nic);

	device.holds = true;
	packet_write(packet, false, PACKET_UDP, 1400, NULL);
	while (nic.driver->send_copy(&nic, packet, 1442))
		count++;
	assert_int_equal(count, room);
	assert_int_equal(nic.driver->room(&nic), 0);
	assert_false(nic.driver->send_copy(&nic, packet, 1442));
	nic.driver->await(&nic);
	nic.driver->kick(&nic);
	/* An interrupt is wanted now. */
	device_send(1);
	assert_true(virtqueue_wants_interrupt(&device.queue[1]));
	device_send(WIRE_FRAMES);
	(void)nic.driver->work(&nic, 64);
	assert_int_equal(nic.driver->room(&nic), room);
	for (unsigned i = 0; i < count; i++)
		assert_memory_equal(device.wire[i].data, packet, 1442);
	/* Longer ones than the network takes are refused. */
	assert_false(nic.driver->send_copy(&nic, packet, 1600));
}

TEST(driver, sends_what_was_made_in_place)
{
	uint32_t room = 0;
	uint8_t *to = nic.driver->prepare(&nic, &room), *next;

	packet_write(packet, false, PACKET_UDP, 1400, NULL);
	assert_non_null(to);
	assert_in_range(room, 1518, 1600);
	memcpy(to, packet, 1442);
	assert_true(nic.driver->send_copy(&nic, to, 1442));
	next = nic.driver->prepare(&nic, &room);
	assert_ptr_not_equal(next, to);
	assert_true(nic.driver->send_copy(&nic, packet, 60));
	nic.driver->kick(&nic);
	assert_int_equal(device.sent, 2);
	assert_int_equal(device.wire[0].length, 1442);
	assert_memory_equal(device.wire[0].data, packet, 1442);
	assert_int_equal(device.wire[0].header.flags, 0);
	/* Nowhere, once it is full. */
	device.holds = true;
	while (nic.driver->send_copy(&nic, packet, 60))
		;
	assert_null(nic.driver->prepare(&nic, &room));
}

TEST(driver, wants_no_interrupt_for_copies)
{
	/* Each ring asks for one at its beginning. */
	assert_true(nic.driver->send_copy(&nic, packet, 60));
	nic.driver->kick(&nic);
	assert_true(virtqueue_wants_interrupt(&device.queue[1]));
	assert_true(nic.driver->send_copy(&nic, packet, 60));
	nic.driver->kick(&nic);
	assert_int_equal(device.sent, 2);
	assert_false(virtqueue_wants_interrupt(&device.queue[1]));
}

TEST(driver, receives_for_long)
{
	const struct net_header one = { .buffers = 1 };

	for (unsigned i = 0; i < 2000; i++) {
		uint32_t length = packet_write(packet, false, PACKET_UDP, i % 1460, NULL);

		assert_true(device_receive(&one, packet, length, 4096));
		(void)nic.driver->work(&nic, 64);
		assert_int_equal(came_count, i + 1);
		assert_int_equal(came_length, length);
		assert_memory_equal(came, packet, length);
	}
}

TEST(driver, receives_over_several_buffers)
{
	const struct net_header six = { .buffers = 6 };
	uint32_t length = packet_write(packet, false, PACKET_UDP, 8900, NULL);

	assert_true(device_receive(&six, packet, length, 1520));
	(void)nic.driver->work(&nic, 64);
	assert_int_equal(came_length, length);
	assert_memory_equal(came, packet, length);
	assert_false(nic.failed);
}

TEST(driver, asks_for_large_segments_in_several_buffers)
{
	const uint64_t in = VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6 | VIRTIO_NET_F_GUEST_ECN | VIRTIO_NET_F_GUEST_USO4 |
		VIRTIO_NET_F_GUEST_USO6;

	device.features |= VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_USO | VIRTIO_NET_F_GUEST_CSUM | in;
	assert_int_equal(open_nic(1500), ERR_OK);
	assert_int_equal(device.accepted & in, in);
	assert_int_equal(nic.features, VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_USO);
	assert_int_equal(nic.receive_features, VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 |
			 VIRTIO_NET_F_HOST_ECN | VIRTIO_NET_F_HOST_USO);
	/* Not in one buffer each. */
	device.features &= ~VIRTIO_NET_F_MRG_RXBUF;
	assert_int_equal(open_nic(1500), ERR_OK);
	assert_int_equal(device.accepted & in, 0);
	assert_int_equal(nic.receive_features, VIRTIO_NET_F_CSUM);
	/* Not without checksums, nor one that needs another (section 5.1.3.1). */
	device.features |= VIRTIO_NET_F_MRG_RXBUF;
	device.features &= ~VIRTIO_NET_F_GUEST_CSUM;
	assert_int_equal(open_nic(1500), ERR_OK);
	assert_int_equal(device.accepted & in, 0);
	device.features |= VIRTIO_NET_F_GUEST_CSUM;
	device.features &= ~(VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6);
	assert_int_equal(open_nic(1500), ERR_OK);
	assert_int_equal(device.accepted & in, VIRTIO_NET_F_GUEST_USO4 | VIRTIO_NET_F_GUEST_USO6);
}

TEST(driver, receives_large_segments)
{
	struct net_header header = { .flags = NET_HEADER_NEEDS_CHECKSUM, .gso_type = NET_GSO_TCPV4, .gso_size = 1448, .buffers = 16 };
	uint32_t length = packet_write(packet, false, PACKET_TCP, 64000, NULL);

	for (unsigned i = 0; i < 50; i++) {
		assert_true(device_receive(&header, packet, length, 4096));
		(void)nic.driver->work(&nic, 64);
		assert_int_equal(came_count, i + 1);
		assert_int_equal(came_length, length);
		assert_memory_equal(came, packet, length);
	}
	/* Each counts as its buffers. */
	for (unsigned i = 0; i < 6; i++)
		assert_true(device_receive(&header, packet, length, 4096));
	assert_true(nic.driver->work(&nic, 64));
	assert_int_equal(came_count, 54);
	assert_false(nic.driver->work(&nic, 64));
	assert_int_equal(came_count, 56);
}

TEST(driver, bounds_its_work)
{
	const struct net_header one = { .buffers = 1 };

	for (unsigned i = 0; i < 100; i++)
		assert_true(device_receive(&one, packet, 60, 4096));
	assert_true(nic.driver->work(&nic, 64));
	assert_int_equal(came_count, 64);
	assert_false(nic.driver->work(&nic, 64));
	assert_int_equal(came_count, 100);
}

TEST(driver, fails_with_a_device_that_makes_no_sense)
{
	static const uint16_t buffers[] = { 0, 2, 33, 65535 };
	struct frame frame;
	int token;

	for (unsigned i = 0; i < 4; i++) {
		const struct net_header bad = { .buffers = buffers[i] };

		assert_int_equal(open_nic(1500), ERR_OK);
		sent_count = 0;
		device.holds = true;
		prepare(&frame, 1400, 4096);
		assert_true(nic.driver->send(&nic, &frame, &token));
		nic.driver->kick(&nic);
		assert_true(device_receive(&bad, packet, 60, 4096));
		assert_false(nic.driver->work(&nic, 64));
		assert_true(nic.failed);
		assert_false(nic.link);
		/* Whoever waits is told, after the device is reset. */
		assert_int_equal(sent_count, 1);
		assert_int_equal(device.status, 0);
		assert_true(nic.driver->send(&nic, &frame, &token));
		assert_int_equal(sent_count, 2);
	}
	assert_int_equal(device.warnings, 4);
}

TEST(driver, sees_the_link_and_a_device_that_gave_up)
{
	device.interrupt = 2;
	device.config[VIRTIO_NET_CONFIG_STATUS] = 0;
	(void)nic.driver->work(&nic, 64);
	assert_false(nic.link);
	device.interrupt = 3;
	device.config[VIRTIO_NET_CONFIG_STATUS] = 1;
	(void)nic.driver->work(&nic, 64);
	assert_true(nic.link);
	device.interrupt = 2;
	device.status |= 0x40;
	(void)nic.driver->work(&nic, 64);
	assert_true(nic.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(driver, opens_and_says_what_it_is, set_up),
		RUN_WITH(driver, refuses_what_it_cannot_use, set_up),
		RUN_WITH(driver, sends_from_where_a_frame_is, set_up_and_open),
		RUN_WITH(driver, sends_copies_until_it_is_full, set_up_and_open),
		RUN_WITH(driver, sends_what_was_made_in_place, set_up_and_open),
		RUN_WITH(driver, wants_no_interrupt_for_copies, set_up_and_open),
		RUN_WITH(driver, receives_for_long, set_up_and_open),
		RUN_WITH(driver, receives_over_several_buffers, set_up_and_open),
		RUN_WITH(driver, asks_for_large_segments_in_several_buffers, set_up),
		RUN_WITH(driver, receives_large_segments, set_up_and_open),
		RUN_WITH(driver, bounds_its_work, set_up_and_open),
		RUN_WITH(driver, fails_with_a_device_that_makes_no_sense, set_up_and_open),
		RUN_WITH(driver, sees_the_link_and_a_device_that_gave_up, set_up_and_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
