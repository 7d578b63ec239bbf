/* SPDX-License-Identifier: Apache-2.0 */
/* Commands in the control queue of a NIC: good ones, bad ones, and what is none. */
#include <signals.h>
#include <stdlib.h>
#include "net_driver.h"
#include "test.h"

enum { OK = 0, ERROR = 1, CONTROL = 4 };
enum { RX = 0, MAC = 1, VLAN = 2, ANNOUNCE = 3, MQ = 4 };

static struct driver driver;

static struct net_session *const session = fake_nic_session;
static struct net_filter *const filter = &fake_nic_session[0].filter;

static uint64_t features;

static void start(uint64_t without)
{
	fake.on_nic_serve = net_obey;
	features = pci_driver_offered(&driver, NIC(0)) & ~without;
	nic_start(&driver, 0, features);
}

static int prepare(void **state)
{
	(void)state;
	fake_reset(NULL);
	net_describe(0);
	net_machine(&driver, 2, 1);
	start(0);
	return 0;
}

static uint8_t send(const void *bytes, uint32_t length)
{
	uint8_t answer = nic_send(&driver, 0, nic_control(&driver, 0, features), bytes, length);

	/* The filter is whole at each time. */
	assert_int_equal(filter->sequence & 1, 0);
	return answer;
}

#define SEND(...) send((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static uint8_t status(void)
{
	return pci_driver_status(&driver, NIC(0));
}

static uint16_t used(void)
{
	return *nic_used(&driver, 0, CONTROL);
}

/* Two tables of these lengths; addresses are their place. */
static uint32_t tables(uint8_t *to, uint32_t unicast, uint32_t multicast)
{
	uint32_t length = 0, count[] = { unicast, multicast };

	to[length++] = MAC;
	to[length++] = 0;
	for (unsigned table = 0; table < 2; table++) {
		memcpy(to + length, &count[table], 4);
		length += 4;
		for (uint32_t i = 0; i < count[table]; i++, length += 6)
			memcpy(to + length, (const uint8_t[]){ (uint8_t)(2 + !table), 0, 0, 0, 0, (uint8_t)i }, 6);
	}
	return length;
}

TEST(net_control, sets_each_mode_on_and_off)
{
	uint8_t *const mode[] = { &filter->promiscuous, &filter->all_multicast, &filter->all_unicast, &filter->no_multicast,
				  &filter->no_unicast, &filter->no_broadcast };

	(void)state;
	for (uint8_t which = 0; which < 6; which++) {
		assert_int_equal(SEND(RX, which, 1), OK);
		assert_int_equal(*mode[which], 1);
		assert_int_equal(SEND(RX, which, 0), OK);
		assert_int_equal(*mode[which], 0);
		assert_int_equal(SEND(RX, which, 0xff), OK);
		assert_int_equal(*mode[which], 1);
	}
	assert_int_equal(SEND(RX, 6, 1), ERROR);
	assert_int_equal(SEND(RX, 0), ERROR);
	assert_int_equal(SEND(RX, 0, 0, 0), ERROR);
	assert_int_equal(filter->promiscuous, 1);
}

TEST(net_control, signals_the_server_when_something_changed)
{
	unsigned before = fake.nics_served[0];
	uint32_t sequence = filter->sequence;

	(void)state;
	assert_int_equal(SEND(RX, 0, 1), OK);
	assert_int_equal(fake.nics_served[0], before + 1);
	assert_int_equal(filter->sequence, sequence + 2);
	assert_int_equal(SEND(RX, 0, 1), OK);
	assert_int_equal(SEND(RX, 9, 1), ERROR);
	assert_int_equal(fake.nics_served[0], before + 1);
	assert_int_equal(filter->sequence, sequence + 2);
	assert_int_equal(used(), 3);
	assert_int_equal(pci_driver_load(&driver, NIC(0), AREA_ISR, 0, 1), 1);
}

TEST(net_control, takes_tables_of_addresses)
{
	uint8_t command[256];

	(void)state;
	assert_int_equal(send(command, tables(command, 2, 3)), OK);
	assert_int_equal(filter->macs, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_memory_equal(filter->address[i], ((const uint8_t[]){ i < 2 ? 3 : 2, 0, 0, 0, 0, (uint8_t)(i < 2 ? i : i - 2) }), 6);
	assert_int_equal(send(command, tables(command, 0, 16)), OK);
	assert_int_equal(filter->macs, 16);
	assert_int_equal(filter->all_unicast, 0);
	assert_int_equal(send(command, tables(command, 0, 0)), OK);
	assert_int_equal(filter->macs, 0);
	assert_int_equal(filter->address[0][0], 0);
}

TEST(net_control, lets_all_in_when_a_table_is_too_long)
{
	uint8_t command[2048];

	(void)state;
	assert_int_equal(SEND(RX, 1, 0), OK);
	assert_int_equal(send(command, tables(command, 17, 3)), OK);
	assert_int_equal(filter->all_unicast, 1);
	assert_int_equal(filter->all_multicast, 0);
	assert_int_equal(filter->macs, 3);
	assert_int_equal(send(command, tables(command, 10, 7)), OK);
	assert_int_equal(filter->all_unicast, 0);
	assert_int_equal(filter->all_multicast, 1);
	assert_int_equal(filter->macs, 10);
	assert_int_equal(send(command, tables(command, 100, 200)), OK);
	assert_int_equal(filter->all_unicast, 1);
	assert_int_equal(filter->all_multicast, 1);
	assert_int_equal(filter->macs, 0);
	assert_int_equal(SEND(RX, 2, 0), OK);
	assert_int_equal(filter->all_unicast, 1);
	assert_int_equal(send(command, tables(command, 1, 1)), OK);
	assert_int_equal(filter->all_unicast, 0);
	assert_int_equal(filter->all_multicast, 0);
}

TEST(net_control, refuses_tables_that_are_not_whole)
{
	uint8_t command[2048];
	uint32_t length = tables(command, 2, 3), count;
	struct net_filter before;

	(void)state;
	assert_int_equal(send(command, length), OK);
	before = *filter;
	for (uint32_t cut = 2; cut < length; cut++)
		assert_int_equal(send(command, cut), ERROR);
	assert_int_equal(send(command, length + 1), ERROR);
	for (unsigned i = 0; i < 3; i++) {
		count = (const uint32_t[]){ UINT32_MAX, 0x2aaaaaab, 17 }[i];
		length = tables(command, 2, 3);
		memcpy(command + 2, &count, 4);
		assert_int_equal(send(command, length), ERROR);
		tables(command, 2, 3);
		memcpy(command + 2 + 4 + 12, &count, 4);
		assert_int_equal(send(command, length), ERROR);
	}
	assert_memory_equal(&before, filter, sizeof(before));
	assert_int_equal(status(), STATUS_STARTED);
}

TEST(net_control, keeps_its_own_address)
{
	(void)state;
	assert_int_equal(SEND(MAC, 1, 0x52, 0x54, 0, 0, 0, 0), OK);
	assert_int_equal(SEND(MAC, 1, 0x52, 0x54, 0, 0, 0, 1), ERROR);
	assert_int_equal(SEND(MAC, 1, 0x52, 0x54, 0, 0, 0), ERROR);
	assert_int_equal(SEND(MAC, 1, 0x52, 0x54, 0, 0, 0, 0, 0), ERROR);
	assert_int_equal(SEND(MAC, 2, 0x52, 0x54, 0, 0, 0, 0), ERROR);
	assert_memory_equal(filter->mac, session->mac, 6);
	assert_int_equal(pci_driver_load(&driver, NIC(0), AREA_DEVICE, 0, 4), 0x5452);
}

TEST(net_control, filters_vlans)
{
	(void)state;
	assert_int_equal(SEND(VLAN, 0, 0, 0), OK);
	assert_int_equal(SEND(VLAN, 0, 0xff, 0x0f), OK);
	assert_int_equal(SEND(VLAN, 0, 0x0a, 0x01), OK);
	assert_int_equal(filter->vlan[0], 1);
	assert_int_equal(filter->vlan[511], 0x80);
	assert_int_equal(filter->vlan[0x10a / 8], 1 << 2);
	assert_int_equal(SEND(VLAN, 1, 0xff, 0x0f), OK);
	assert_int_equal(filter->vlan[511], 0);
	assert_int_equal(filter->vlan[0], 1);
	assert_int_equal(SEND(VLAN, 0, 0, 0x10), ERROR);
	assert_int_equal(SEND(VLAN, 1, 0xff, 0xff), ERROR);
	assert_int_equal(SEND(VLAN, 2, 1, 0), ERROR);
	assert_int_equal(SEND(VLAN, 0, 1), ERROR);
	assert_int_equal(SEND(VLAN, 0, 1, 0, 0), ERROR);
}

TEST(net_control, uses_as_many_pairs_as_there_are)
{
	(void)state;
	assert_int_equal(SEND(MQ, 0, 2, 0), OK);
	assert_int_equal(filter->pairs, 2);
	assert_int_equal(SEND(MQ, 0, 1, 0), OK);
	assert_int_equal(filter->pairs, 1);
	assert_int_equal(SEND(MQ, 0, 0, 0), ERROR);
	assert_int_equal(SEND(MQ, 0, 3, 0), ERROR);
	assert_int_equal(SEND(MQ, 0, 2, 1), ERROR);
	assert_int_equal(SEND(MQ, 1, 2, 0), ERROR);
	assert_int_equal(SEND(MQ, 0, 2), ERROR);
	assert_int_equal(filter->pairs, 1);
}

TEST(net_control, refuses_classes_that_it_does_not_know)
{
	(void)state;
	for (unsigned class = 5; class < 256; class++)
		assert_int_equal(SEND((uint8_t)class, 0, 1, 0), ERROR);
	assert_int_equal(SEND(ANNOUNCE, 1), ERROR);
	assert_int_equal(SEND(ANNOUNCE, 0, 0), ERROR);
	assert_int_equal(SEND(ANNOUNCE, 0), OK);
}

TEST(net_control, refuses_what_was_not_agreed)
{
	static const struct {
		unsigned bit;
		uint8_t command[8];
		uint32_t length;
	} needs[] = {
		{ NET_CTRL_RX, { RX, 0, 1 }, 3 }, { NET_CTRL_RX, { RX, 1, 1 }, 3 }, { NET_CTRL_RX_EXTRA, { RX, 2, 1 }, 3 },
		{ NET_CTRL_RX_EXTRA, { RX, 5, 1 }, 3 }, { NET_CTRL_MAC_ADDR, { MAC, 1, 0x52, 0x54, 0, 0, 0, 0 }, 8 },
		{ NET_CTRL_VLAN, { VLAN, 0, 1, 0 }, 4 }, { NET_CTRL_VLAN, { VLAN, 1, 1, 0 }, 4 }, { NET_MQ, { MQ, 0, 1, 0 }, 4 },
		{ NET_GUEST_ANNOUNCE, { ANNOUNCE, 0 }, 2 },
	};
	uint8_t table[64];
	uint32_t length = tables(table, 1, 1);

	(void)state;
	for (unsigned i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		start(0);
		assert_int_equal(send(needs[i].command, needs[i].length), OK);
		start(BIT(needs[i].bit));
		assert_int_equal(send(needs[i].command, needs[i].length), ERROR);
	}
	start(BIT(NET_CTRL_RX));
	assert_int_equal(send(table, length), ERROR);
}

TEST(net_control, is_the_third_queue_without_more_pairs)
{
	(void)state;
	start(BIT(NET_MQ));
	assert_int_equal(nic_control(&driver, 0, features), 2);
	assert_int_equal(SEND(RX, 0, 1), OK);
	assert_int_equal(filter->promiscuous, 1);
	assert_int_equal(session->setup.queues, 2);
}

TEST(net_control, takes_commands_in_any_pieces)
{
	uint8_t command[64];
	uint32_t length = tables(command, 2, 3);
	uint8_t *answer = memory_at(&driver.memory, NIC_ANSWER, 1);

	(void)state;
	/* A byte in each descriptor, and an empty one before the answer. */
	memcpy(memory_at(&driver.memory, NIC_COMMAND, length), command, length);
	for (uint16_t i = 0; i < length; i++)
		nic_descriptor(&driver, 0, CONTROL, i, NIC_COMMAND + i, 1, CHAIN_NEXT, (uint16_t)(i + 1));
	nic_descriptor(&driver, 0, CONTROL, length, NIC_ANSWER, 0, CHAIN_NEXT | CHAIN_WRITE, (uint16_t)(length + 1));
	nic_descriptor(&driver, 0, CONTROL, length + 1, NIC_ANSWER, 1, CHAIN_WRITE, 0);
	nic_offer(&driver, 0, CONTROL, 0);
	assert_int_equal(*answer, OK);
	assert_int_equal(filter->macs, 5);
	/* The same in a table of its own. */
	filter->macs = 0;
	*answer = NIC_SILENT;
	memcpy(memory_at(&driver.memory, NIC_COMMAND + 0x800, 16 * (length + 2)), memory_at(&driver.memory, NIC_RINGS(0, CONTROL), 16),
	       16 * (length + 2));
	nic_descriptor(&driver, 0, CONTROL, 0, NIC_COMMAND + 0x800, 16 * (length + 2), CHAIN_INDIRECT, 0);
	nic_offer(&driver, 0, CONTROL, 0);
	assert_int_equal(*answer, OK);
	assert_int_equal(used(), 2);
}

static void offer_bad(void)
{
	nic_offer(&driver, 0, CONTROL, 0);
	assert_int_equal(status(), STATUS_STARTED | STATUS_BROKEN);
	assert_int_equal(used(), 0);
	assert_int_equal(fake.bell[0][4].address, 0);
	prepare(NULL);
}

TEST(net_control, stops_at_what_is_no_command)
{
	(void)state;
	/* No place for an answer; no header; nothing at all. */
	nic_descriptor(&driver, 0, CONTROL, 0, NIC_COMMAND, 3, 0, 0);
	offer_bad();
	nic_descriptor(&driver, 0, CONTROL, 0, NIC_COMMAND, 1, CHAIN_NEXT, 1);
	nic_descriptor(&driver, 0, CONTROL, 1, NIC_ANSWER, 1, CHAIN_WRITE, 0);
	offer_bad();
	nic_descriptor(&driver, 0, CONTROL, 0, NIC_ANSWER, 1, CHAIN_WRITE, 0);
	offer_bad();
	nic_descriptor(&driver, 0, CONTROL, 0, NIC_COMMAND, 0, 0, 0);
	offer_bad();
	/* Outside of memory; round in a circle; to be read behind what is to be written. */
	nic_descriptor(&driver, 0, CONTROL, 0, 0x1000, 3, CHAIN_NEXT, 1);
	offer_bad();
	nic_descriptor(&driver, 0, CONTROL, 0, NIC_COMMAND, UINT32_MAX, CHAIN_NEXT, 1);
	offer_bad();
	nic_descriptor(&driver, 0, CONTROL, 0, NIC_COMMAND, 1, CHAIN_NEXT, 0);
	offer_bad();
	nic_descriptor(&driver, 0, CONTROL, 0, NIC_COMMAND, 1, CHAIN_NEXT, RINGS_ENTRIES);
	offer_bad();
	nic_descriptor(&driver, 0, CONTROL, 0, NIC_ANSWER, 0, CHAIN_WRITE | CHAIN_NEXT, 1);
	nic_descriptor(&driver, 0, CONTROL, 1, NIC_COMMAND, 3, 0, 0);
	offer_bad();
	nic_descriptor(&driver, 0, CONTROL, 0, NIC_COMMAND, 15, CHAIN_INDIRECT, 0);
	offer_bad();
}

TEST(net_control, does_nothing_of_a_chain_that_is_bad_at_its_end)
{
	uint8_t *command = memory_at(&driver.memory, NIC_COMMAND, 3);

	(void)state;
	memcpy(command, ((const uint8_t[]){ RX, 0, 1 }), 3);
	nic_descriptor(&driver, 0, CONTROL, 0, NIC_COMMAND, 3, CHAIN_NEXT, 1);
	nic_descriptor(&driver, 0, CONTROL, 1, 0, 1, CHAIN_WRITE, 0);
	nic_offer(&driver, 0, CONTROL, 0);
	assert_int_equal(status(), STATUS_STARTED | STATUS_BROKEN);
	assert_int_equal(filter->promiscuous, 0);
}

TEST(net_control, survives_rings_that_make_no_sense)
{
	uint16_t *available;

	(void)state;
	available = memory_at(&driver.memory, NIC_RINGS(0, CONTROL) + RINGS_AVAILABLE, 4);
	available[1] = RINGS_ENTRIES + 1;
	nic_notify(&driver, 0, CONTROL);
	assert_int_equal(status(), STATUS_STARTED | STATUS_BROKEN);
	prepare(NULL);
	available[2] = RINGS_ENTRIES;
	available[1] = 1;
	nic_notify(&driver, 0, CONTROL);
	assert_int_equal(status(), STATUS_STARTED | STATUS_BROKEN);
	/* And starts again. */
	start(0);
	assert_int_equal(status(), STATUS_STARTED);
}

/* More than it does at once: the first vCPU's thread is woken for the rest. */
TEST(net_control, lets_others_have_their_turn)
{
	uint16_t *available = memory_at(&driver.memory, NIC_RINGS(0, CONTROL) + RINGS_AVAILABLE, 4);

	(void)state;
	memcpy(memory_at(&driver.memory, NIC_COMMAND, 3), ((const uint8_t[]){ RX, 0, 1 }), 3);
	nic_descriptor(&driver, 0, CONTROL, 0, NIC_COMMAND, 3, CHAIN_NEXT, 1);
	nic_descriptor(&driver, 0, CONTROL, 1, NIC_ANSWER, 1, CHAIN_WRITE, 0);
	memset(available + 2, 0, 2 * RINGS_ENTRIES);
	available[1] = 150;
	nic_notify(&driver, 0, CONTROL);
	assert_int_equal(used(), 64);
	assert_int_equal(fake.woken[0], 1);
	assert_true(console_pending());
	harts_pass_on(&fake_harts.vcpu[1]);
	assert_int_equal(used(), 128);
	signals_take(0);
	assert_int_equal(used(), 150);
	assert_int_equal(fake.woken[0], 2);
	assert_false(console_pending());
	/* What is bad among the rest is found as well. */
	available[2 + 214] = RINGS_ENTRIES;
	available[1] = 220;
	nic_notify(&driver, 0, CONTROL);
	assert_int_equal(used(), 214);
	assert_int_equal(status(), STATUS_STARTED);
	signals_take(0);
	assert_int_equal(status(), STATUS_STARTED | STATUS_BROKEN);
}

/* With an event index the driver notifies again only if it is told where from. */
TEST(net_control, asks_to_be_notified_of_the_next)
{
	const uint16_t *event = memory_at(&driver.memory, NIC_RINGS(0, CONTROL) + RINGS_USED + 4 + 8 * RINGS_ENTRIES, 2);

	(void)state;
	for (uint16_t i = 1; i < 5; i++) {
		assert_int_equal(SEND(RX, 0, 1), OK);
		assert_int_equal(*event, i);
	}
}

int main(void)
{
#define RUN_CONTROL(name) cmocka_unit_test_setup(net_control_##name, prepare)
	const struct CMUnitTest tests[] = {
		RUN_CONTROL(sets_each_mode_on_and_off), RUN_CONTROL(signals_the_server_when_something_changed),
		RUN_CONTROL(takes_tables_of_addresses), RUN_CONTROL(lets_all_in_when_a_table_is_too_long),
		RUN_CONTROL(refuses_tables_that_are_not_whole), RUN_CONTROL(keeps_its_own_address), RUN_CONTROL(filters_vlans),
		RUN_CONTROL(uses_as_many_pairs_as_there_are), RUN_CONTROL(refuses_classes_that_it_does_not_know),
		RUN_CONTROL(refuses_what_was_not_agreed), RUN_CONTROL(is_the_third_queue_without_more_pairs),
		RUN_CONTROL(takes_commands_in_any_pieces), RUN_CONTROL(stops_at_what_is_no_command),
		RUN_CONTROL(does_nothing_of_a_chain_that_is_bad_at_its_end), RUN_CONTROL(survives_rings_that_make_no_sense),
		RUN_CONTROL(lets_others_have_their_turn), RUN_CONTROL(asks_to_be_notified_of_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
