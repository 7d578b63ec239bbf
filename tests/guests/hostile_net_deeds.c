/* SPDX-License-Identifier: Apache-2.0 */
/* One deed after the other: chains to send, chains to receive into, offload headers that lie, commands, and places of rings. */
#include "hostile_net.h"

#include <string.h>

#define SEND NIC_SEND
#define RECEIVE NIC_RECEIVE
#define CONTROL (net_nic.queues - 1)

enum { TCP = 6, UDP = 17 };
enum { CLASS_RX, CLASS_MAC, CLASS_VLAN, CLASS_ANNOUNCE, CLASS_MQ };

static volatile uint8_t answer;

static struct nic_header *header(void)
{
	return (struct nic_header *)(void *)net_buffer;
}

static void offer(void)
{
	ring_offer(&net_nic.ring[SEND], 0);
	virtio_notify(&net_nic.device, SEND);
}

/* --- chains to send --- */

static void bad_head(void) { net_good_frame(UDP, 60); ring_offer(&net_nic.ring[SEND], RING_SIZE); offer(); }
static void last_head(void) { net_good_frame(UDP, 60); ring_offer(&net_nic.ring[SEND], UINT16_MAX); offer(); }

static void index_jump(void)
{
	net_good_frame(UDP, 60);
	net_nic.ring[SEND].available.index = (uint16_t)(net_nic.ring[SEND].available.index + RING_SIZE + 1);
	virtio_notify(&net_nic.device, SEND);
}

static void index_back(void)
{
	net_good_frame(UDP, 60);
	net_nic.ring[SEND].available.index--;
	virtio_notify(&net_nic.device, SEND);
}

static void second(uint64_t address, uint32_t length, uint16_t flags, uint16_t next)
{
	net_good_frame(UDP, 60);
	net_put(SEND, 1, address, length, flags, next);
	offer();
}

static void loop(void) { second((uintptr_t)net_buffer, 1, RING_NEXT, 1); }
static void loop_to_head(void) { second((uintptr_t)net_buffer, 1, RING_NEXT, 0); }
static void loop_of_nothing(void) { second((uintptr_t)net_buffer, 0, RING_NEXT, 1); }
static void next_outside(void) { second((uintptr_t)net_buffer, 60, RING_NEXT, 4000); }
static void data_wild(void) { second(NET_WILD, 60, 0, 0); }
static void data_device(void) { second(PLIC_BASE, 60, 0, 0); }
static void data_over_the_end(void) { second(payload_ram_end - 20, 60, 0, 0); }
static void data_before(void) { second(payload_ram_base - 20, 60, 0, 0); }
static void data_around(void) { second(UINT64_MAX - 19, 60, 0, 0); }
static void data_huge(void) { second((uintptr_t)net_buffer, UINT32_MAX, 0, 0); }
static void data_long(void) { second((uintptr_t)net_buffer, 1u << 20, 0, 0); }
static void data_to_be_written(void) { second((uintptr_t)net_buffer, 60, RING_WRITE, 0); }
static void no_data(void) { second((uintptr_t)net_buffer, 0, 0, 0); }
static void runt(void) { second((uintptr_t)net_buffer + NIC_HEADER, 13, 0, 0); }
static void beyond_the_mtu(void) { net_good_frame(UDP, 1523); offer(); }

static void header_wild(void)
{
	net_good_frame(UDP, 60);
	net_put(SEND, 0, NET_WILD, NIC_HEADER, RING_NEXT, 1);
	offer();
}

static void header_alone(void)
{
	net_good_frame(UDP, 60);
	net_put(SEND, 0, (uintptr_t)net_buffer, NIC_HEADER - 1, 0, 0);
	offer();
}

static void many_pieces(void)
{
	net_good_frame(UDP, 1000);
	for (uint16_t i = 1; i < RING_SIZE; i++)
		net_put(SEND, i, (uintptr_t)net_buffer + NIC_HEADER + i * 15u, 15, i + 1u < RING_SIZE ? RING_NEXT : 0, (uint16_t)(i + 1));
	offer();
}

static void one_head_often(void)
{
	net_good_frame(UDP, 60);
	for (unsigned i = 0; i < RING_SIZE; i++)
		offer();
}

static void flood_of_bells(void)
{
	net_good_frame(UDP, 60);
	offer();
	for (unsigned i = 0; i < 300; i++) {
		virtio_notify(&net_nic.device, i % NIC_QUEUES);
		*(volatile uint16_t *)net_nic.device.notify = (uint16_t)(i * 7919);
	}
}

/* --- indirect tables --- */

static void table(uint64_t address, uint32_t length, uint16_t flags)
{
	net_good_frame(UDP, 60);
	for (unsigned i = 0; i < 2; i++)
		net_table[i] = net_nic.ring[SEND].descriptor[i];
	net_put(SEND, 0, address, length, flags, 1);
}

static void good_table(void) { table((uintptr_t)net_table, 32, RING_INDIRECT); offer(); }
static void table_empty(void) { table((uintptr_t)net_table, 0, RING_INDIRECT); offer(); }
static void table_odd(void) { table((uintptr_t)net_table, 24, RING_INDIRECT); offer(); }
static void table_wild(void) { table(NET_WILD, 32, RING_INDIRECT); offer(); }
static void table_huge(void) { table((uintptr_t)net_table, UINT32_MAX & ~15u, RING_INDIRECT); offer(); }
static void table_and_next(void) { table((uintptr_t)net_table, 32, RING_INDIRECT | RING_NEXT); offer(); }

static void table_nested(void)
{
	table((uintptr_t)net_table, 32, RING_INDIRECT);
	net_table[1] = (struct descriptor){ .address = (uintptr_t)net_table, .length = 32, .flags = RING_INDIRECT };
	offer();
}

static void table_loop(void)
{
	table((uintptr_t)net_table, 32, RING_INDIRECT);
	net_table[1].flags = RING_NEXT;
	net_table[1].next = 0;
	net_table[0].length = net_table[1].length = 1;
	offer();
}

static void table_next_outside(void)
{
	table((uintptr_t)net_table, 32, RING_INDIRECT);
	net_table[0].next = 2;
	offer();
}

/* --- offload headers --- */

static void lie(uint8_t protocol, uint32_t length, struct nic_header said)
{
	net_good_frame(protocol, length);
	*header() = said;
	offer();
}

static void sum_beyond(void) { lie(UDP, 60, (struct nic_header){ .flags = 1, .checksum_start = UINT16_MAX, .checksum_offset = 6 }); }
static void sum_far(void) { lie(UDP, 60, (struct nic_header){ .flags = 1, .checksum_start = 34, .checksum_offset = UINT16_MAX }); }
static void sum_at_the_end(void) { lie(UDP, 60, (struct nic_header){ .flags = 1, .checksum_start = 58, .checksum_offset = 1 }); }
static void sum_over_addresses(void) { lie(UDP, 60, (struct nic_header){ .flags = 1, .checksum_start = 0, .checksum_offset = 0 }); }
static void sum_around(void) { lie(UDP, 60, (struct nic_header){ .flags = 1, .checksum_start = 65530, .checksum_offset = 10 }); }
static void all_flags(void) { lie(UDP, 60, (struct nic_header){ .flags = 0xff, .checksum_start = 34, .checksum_offset = 6, .buffers = 999 }); }

static struct nic_header large(uint8_t type, uint16_t size)
{
	bool tcp = type != 5;

	return (struct nic_header){ .flags = 1, .gso_type = type, .header_length = tcp ? 54 : 42, .gso_size = size, .checksum_start = 34,
				    .checksum_offset = tcp ? 16 : 6 };
}

static void lie_large(uint8_t protocol, uint32_t length, uint8_t type, uint16_t size)
{
	lie(protocol, length, large(type, size));
}

static void size_zero(void) { lie_large(TCP, 9000, 1, 0); }
static void size_one(void) { lie_large(TCP, 9000, 1, 1); }
static void size_most(void) { lie_large(TCP, 60000, 1, UINT16_MAX); }
static void size_beyond_the_mtu(void) { lie_large(TCP, 60000, 1, 2000); }
static void size_smallest(void) { lie_large(TCP, 65000, 1, 48); }
static void other_family(void) { lie_large(TCP, 9000, 4, 1400); }
static void other_protocol(void) { lie_large(UDP, 9000, 1, 1400); }
static void fragments(void) { lie_large(UDP, 9000, 3, 1400); }
static void unknown_type(void) { lie_large(TCP, 9000, 0x7f, 1400); }
static void congestion_alone(void) { lie_large(TCP, 9000, 0x80, 1400); }
static void datagrams(void) { lie_large(UDP, 60000, 5, 1400); }
static void datagrams_of_one_byte(void) { lie_large(UDP, 60000, 5, 1); }
static void datagrams_of_none(void) { lie_large(UDP, 60000, 5, 0); }

static void large_without_sum(void)
{
	struct nic_header said = large(1, 1400);

	said.flags = 0;
	lie(TCP, 9000, said);
}

static void wrong_header_length(void)
{
	struct nic_header said = large(1, 1400);

	said.header_length = UINT16_MAX;
	lie(TCP, 9000, said);
}

static void tcp_header_beyond(void)
{
	net_good_frame(TCP, 60);
	net_buffer[NIC_HEADER + 34 + 12] = 0xf0;
	*header() = large(1, 1400);
	offer();
}

static void ip_header_beyond(void)
{
	net_good_frame(TCP, 60);
	net_buffer[NIC_HEADER + 14] = 0x4f;
	*header() = large(1, 1400);
	offer();
}

/* --- to receive into --- */

/* One bad buffer; then the guest beside is asked for something, and answers. */
static void receive_into(uint64_t address, uint32_t length, uint16_t flags, uint16_t next)
{
	static const uint8_t ask[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1 };
	uint8_t frame[60];

	net_put(RECEIVE, 0, address, length, flags, next);
	ring_offer(&net_nic.ring[RECEIVE], 0);
	virtio_notify(&net_nic.device, RECEIVE);
	memcpy(frame, ask, sizeof(frame));
	memcpy(frame + 6, net_nic.mac, 6);
	memcpy(frame + 22, net_nic.mac, 6);
	memcpy(frame + 28, (const uint8_t[]){ 10, 0, 2, 66 }, 4);
	memcpy(frame + 38, (const uint8_t[]){ 10, 0, 2, 21 }, 4);
	(void)nic_send(&net_nic, SEND, frame, sizeof(frame));
}

static void receive_read_only(void) { receive_into((uintptr_t)net_buffer, 2048, 0, 0); }
static void receive_wild(void) { receive_into(NET_WILD, 2048, RING_WRITE, 0); }
static void receive_device(void) { receive_into(PLIC_BASE, 2048, RING_WRITE, 0); }
static void receive_over_the_end(void) { receive_into(payload_ram_end - 4, 2048, RING_WRITE, 0); }
static void receive_around(void) { receive_into(UINT64_MAX - 3, 2048, RING_WRITE, 0); }
static void receive_loop(void) { receive_into((uintptr_t)net_buffer, 1, RING_WRITE | RING_NEXT, 0); }
static void receive_nothing(void) { receive_into((uintptr_t)net_buffer, 0, RING_WRITE, 0); }
static void receive_a_byte(void) { receive_into((uintptr_t)net_buffer, 1, RING_WRITE, 0); }
static void receive_into_rings(void) { receive_into((uintptr_t)&net_nic.ring[RECEIVE], sizeof(struct ring), RING_WRITE, 0); }

static void receive_bad_head(void)
{
	ring_offer(&net_nic.ring[RECEIVE], UINT16_MAX);
	receive_into((uintptr_t)net_buffer, 2048, RING_WRITE, 0);
}

static void receive_table_nested(void)
{
	net_table[0] = (struct descriptor){ .address = (uintptr_t)net_table, .length = 16, .flags = RING_INDIRECT };
	receive_into((uintptr_t)net_table, 16, RING_INDIRECT, 0);
}

static void receive_in_drops(void)
{
	for (uint16_t i = 0; i < RING_SIZE; i++) {
		net_put(RECEIVE, i, (uintptr_t)net_buffer + i, 1, RING_WRITE, 0);
		if (i)
			ring_offer(&net_nic.ring[RECEIVE], i);
	}
	receive_into((uintptr_t)net_buffer, 1, RING_WRITE, 0);
}

/* --- commands --- */

static void command(uint64_t address, uint32_t length, uint16_t flags, uint64_t place)
{
	net_put(CONTROL, 0, address, length, RING_NEXT | flags, 1);
	net_put(CONTROL, 1, place, 1, RING_WRITE, 0);
	ring_offer(&net_nic.ring[CONTROL], 0);
	virtio_notify(&net_nic.device, CONTROL);
}

static void command_wild(void) { command(NET_WILD, 2, 0, (uintptr_t)&answer); }
static void command_empty(void) { command((uintptr_t)net_buffer, 0, 0, (uintptr_t)&answer); }
static void command_short(void) { command((uintptr_t)net_buffer, 1, 0, (uintptr_t)&answer); }
static void command_huge(void) { command((uintptr_t)net_buffer, UINT32_MAX, 0, (uintptr_t)&answer); }
static void command_answer_wild(void) { command((uintptr_t)net_buffer, 3, 0, NET_WILD); }
static void command_backwards(void) { command((uintptr_t)net_buffer, 3, RING_WRITE, (uintptr_t)&answer); }

static void command_without_answer(void)
{
	net_put(CONTROL, 0, (uintptr_t)net_buffer, 3, 0, 0);
	ring_offer(&net_nic.ring[CONTROL], 0);
	virtio_notify(&net_nic.device, CONTROL);
}

struct deed {
	const char *name;
	void (*do_it)(void);
	uint8_t queue, expected; /* some of enum net_outcome */
};

#define BROKEN NET_BROKEN
#define DONE NET_DONE
#define NOTHING NET_NOTHING

static const struct deed deeds[] = {
	{ "bad head", bad_head, SEND, BROKEN }, { "last head", last_head, SEND, BROKEN }, { "index jump", index_jump, SEND, BROKEN },
	{ "index back", index_back, SEND, BROKEN }, { "loop", loop, SEND, BROKEN }, { "loop to the head", loop_to_head, SEND, DONE | BROKEN },
	{ "loop of nothing", loop_of_nothing, SEND, BROKEN }, { "next outside", next_outside, SEND, BROKEN },
	{ "wild data", data_wild, SEND, BROKEN }, { "data on a device", data_device, SEND, BROKEN },
	{ "data over the end", data_over_the_end, SEND, BROKEN }, { "data before RAM", data_before, SEND, BROKEN },
	{ "data around", data_around, SEND, BROKEN }, { "huge data", data_huge, SEND, BROKEN }, { "long data", data_long, SEND, DONE },
	{ "data to be written", data_to_be_written, SEND, DONE }, { "no data", no_data, SEND, DONE }, { "runt", runt, SEND, DONE },
	{ "beyond the MTU", beyond_the_mtu, SEND, DONE }, { "wild header", header_wild, SEND, BROKEN },
	{ "half a header", header_alone, SEND, DONE }, { "many pieces", many_pieces, SEND, DONE },
	{ "one head often", one_head_often, SEND, DONE | BROKEN }, { "flood of bells", flood_of_bells, SEND, DONE },
	{ "good table", good_table, SEND, DONE }, { "empty table", table_empty, SEND, BROKEN }, { "odd table", table_odd, SEND, BROKEN },
	{ "wild table", table_wild, SEND, BROKEN }, { "huge table", table_huge, SEND, BROKEN },
	{ "table and next", table_and_next, SEND, BROKEN }, { "nested table", table_nested, SEND, BROKEN },
	{ "loop in a table", table_loop, SEND, BROKEN }, { "next outside a table", table_next_outside, SEND, BROKEN },
	{ "checksum beyond", sum_beyond, SEND, DONE }, { "checksum far away", sum_far, SEND, DONE },
	{ "checksum at the end", sum_at_the_end, SEND, DONE }, { "checksum over addresses", sum_over_addresses, SEND, DONE },
	{ "checksum around", sum_around, SEND, DONE }, { "all flags", all_flags, SEND, DONE }, { "size 0", size_zero, SEND, DONE },
	{ "size 1", size_one, SEND, DONE }, { "largest size", size_most, SEND, DONE },
	{ "size beyond the MTU", size_beyond_the_mtu, SEND, DONE }, { "smallest size", size_smallest, SEND, DONE },
	{ "other family", other_family, SEND, DONE }, { "other protocol", other_protocol, SEND, DONE },
	{ "fragments", fragments, SEND, DONE }, { "unknown type", unknown_type, SEND, DONE },
	{ "congestion alone", congestion_alone, SEND, DONE }, { "datagrams", datagrams, SEND, DONE },
	{ "datagrams of a byte", datagrams_of_one_byte, SEND, DONE }, { "datagrams of none", datagrams_of_none, SEND, DONE },
	{ "large without checksum", large_without_sum, SEND, DONE }, { "wrong header length", wrong_header_length, SEND, DONE },
	{ "TCP header beyond", tcp_header_beyond, SEND, DONE }, { "IP header beyond", ip_header_beyond, SEND, DONE },
	{ "receive read-only", receive_read_only, RECEIVE, BROKEN }, { "receive wild", receive_wild, RECEIVE, BROKEN },
	{ "receive on a device", receive_device, RECEIVE, BROKEN }, { "receive over the end", receive_over_the_end, RECEIVE, BROKEN },
	{ "receive around", receive_around, RECEIVE, BROKEN }, { "receive loop", receive_loop, RECEIVE, DONE | BROKEN },
	{ "receive nothing", receive_nothing, RECEIVE, NOTHING }, { "receive a byte", receive_a_byte, RECEIVE, NOTHING },
	{ "receive into rings", receive_into_rings, RECEIVE, NET_ANY }, { "receive by a bad head", receive_bad_head, RECEIVE, BROKEN },
	{ "receive by a nested table", receive_table_nested, RECEIVE, BROKEN }, { "receive in drops", receive_in_drops, RECEIVE, DONE | NOTHING },
	{ "wild command", command_wild, NIC_QUEUES - 1, BROKEN }, { "empty command", command_empty, NIC_QUEUES - 1, BROKEN },
	{ "short command", command_short, NIC_QUEUES - 1, BROKEN }, { "huge command", command_huge, NIC_QUEUES - 1, BROKEN },
	{ "wild answer", command_answer_wild, NIC_QUEUES - 1, BROKEN }, { "backwards", command_backwards, NIC_QUEUES - 1, BROKEN },
	{ "no answer", command_without_answer, NIC_QUEUES - 1, BROKEN },
};

static void run_deed(const struct deed *deed)
{
	enum net_outcome outcome;

	/* With nothing to receive into but what the deed offers. */
	if (deed->queue == RECEIVE && !nic_start(&net_nic, NET_FEATURES))
		print("hostile: wrong: no start before %s\n", deed->name);
	deed->do_it();
	outcome = net_wait(deed->queue, deed->expected & NOTHING ? 100 : 10000);
	if (!(deed->expected & outcome))
		print("hostile: wrong: %s: outcome %u, status %x\n", deed->name, (uint64_t)outcome, (uint64_t)virtio_status(&net_nic.device));
	net_check(deed->name);
}

/* Commands that are whole, but ask for what is not there; each is answered. */
static void bad_commands(void)
{
	static const struct {
		uint8_t class, command, length, expected;
		uint8_t data[16];
	} bad[] = {
		{ CLASS_RX, 99, 1, 1, { 1 } }, { CLASS_RX, 0, 0, 1, { 0 } }, { CLASS_RX, 0, 2, 1, { 1, 1 } }, { CLASS_RX, 0, 1, 0, { 255 } },
		{ CLASS_MAC, 0, 4, 1, { 255, 255, 255, 255 } }, { CLASS_MAC, 0, 8, 1, { 0, 0, 0, 0, 255, 255, 255, 255 } },
		{ CLASS_MAC, 0, 10, 1, { 2, 0, 0, 0 } }, { CLASS_MAC, 0, 0, 1, { 0 } }, { CLASS_MAC, 1, 6, 1, { 2, 0, 0, 0, 0, 9 } },
		{ CLASS_MAC, 1, 7, 1, { 2, 0, 0, 0, 0, 9 } }, { CLASS_VLAN, 0, 2, 1, { 0, 16 } }, { CLASS_VLAN, 0, 2, 1, { 255, 255 } },
		{ CLASS_VLAN, 2, 2, 1, { 1, 0 } }, { CLASS_VLAN, 1, 1, 1, { 1 } }, { CLASS_ANNOUNCE, 9, 0, 1, { 0 } },
		{ CLASS_MQ, 0, 2, 1, { 0, 0 } }, { CLASS_MQ, 0, 2, 1, { 3, 0 } }, { CLASS_MQ, 0, 2, 1, { 255, 255 } },
		{ CLASS_MQ, 0, 1, 1, { 1 } }, { CLASS_MQ, 1, 2, 1, { 1, 0 } }, { 5, 0, 8, 1, { 0 } }, { 255, 255, 16, 1, { 0 } },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t result = nic_command(&net_nic, bad[i].class, bad[i].command, bad[i].data, bad[i].length);

		if (result != bad[i].expected)
			print("hostile: wrong: command %u of class %u, entry %u: answer %x\n", (uint64_t)bad[i].command,
			      (uint64_t)bad[i].class, (uint64_t)i, (uint64_t)result);
	}
	net_check("bad commands");
}

/* Rings of sizes and at places where none can be, or in each other. Queue by queue, the others good. */
static void bad_places(void)
{
	static uint8_t page[8192] __attribute__((aligned(4096)));
	const uint64_t good = (uintptr_t)page;
	const uint64_t places[][3] = {
		{ NET_WILD, good, good }, { good, NET_WILD, good }, { good, good, NET_WILD }, { PLIC_BASE, PLIC_BASE, PLIC_BASE },
		{ payload_ram_end - 16, good, good }, { good, payload_ram_end - 2, good }, { good, good, payload_ram_end - 2 },
		{ payload_ram_base - 16, good, good }, { UINT64_MAX - 15, UINT64_MAX - 1, UINT64_MAX - 3 }, { good + 1, good + 1, good + 1 },
		{ good, good, good }, { good, good + 1024, good + 1024 }, { 0, 0, 0 }, { good, good + 1024, good + 512 },
	};
	static const uint16_t sizes[] = { RING_SIZE, 0, 1, 3, 100, 256, 512, 32768, 65535 };

	for (unsigned queue = 0; queue < NIC_QUEUES; queue++) {
		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) + sizeof(sizes) / sizeof(sizes[0]); i++) {
			size_t size = i < sizeof(places) / sizeof(places[0]) ? 0 : i - sizeof(places) / sizeof(places[0]);

			if (!nic_agree(&net_nic, NET_FEATURES))
				print("hostile: wrong: features are refused\n");
			memset(page, 0, sizeof(page));
			for (unsigned other = 0; other < NIC_QUEUES; other++)
				virtio_queue(&net_nic.device, other, &net_nic.ring[other]);
			virtio_place(&net_nic.device, queue, sizes[size], size ? (const uint64_t[3]){ good, good + 2048, good + 4096 } : places[i]);
			(void)virtio_start(&net_nic.device);
			nic_fill(&net_nic, RECEIVE);
			net_good_frame(UDP, 60);
			offer();
			ring_offer(&net_nic.ring[queue], 0);
			virtio_notify(&net_nic.device, queue);
			(void)net_wait(SEND, 3);
		}
		net_check("rings at bad places");
	}
}

void hostile_net_deeds(void)
{
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		run_deed(&deeds[i]);
	bad_commands();
	bad_places();
}
