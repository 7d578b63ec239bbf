/* SPDX-License-Identifier: Apache-2.0 */
/* The virtio network device between a driver in the guest and a net server, both played by the test; its control queue is tested apart. */
#include <exit.h>
#include <signals.h>
#include "net_driver.h"
#include "test.h"

enum { MEMORY = 2, MASTER = 4 };
enum { LINK_UP = 1, ANNOUNCE = 2 };

static struct driver driver;

static struct net_session *const session = fake_nic_session;

static const uint64_t one_pair = BIT(NET_CSUM) | BIT(NET_GUEST_CSUM) | BIT(NET_MTU) | BIT(NET_MAC) | BIT(NET_GUEST_TSO4) |
	BIT(NET_GUEST_TSO6) | BIT(NET_GUEST_ECN) | BIT(NET_HOST_TSO4) | BIT(NET_HOST_TSO6) | BIT(NET_HOST_ECN) | BIT(NET_MRG_RXBUF) |
	BIT(NET_STATUS) | BIT(NET_CTRL_VQ) | BIT(NET_CTRL_RX) | BIT(NET_CTRL_VLAN) | BIT(NET_CTRL_RX_EXTRA) | BIT(NET_GUEST_ANNOUNCE) |
	BIT(NET_CTRL_MAC_ADDR) | BIT(NET_INDIRECT) | BIT(NET_EVENT_INDEX) | BIT(NET_VERSION_1) | BIT(NET_GUEST_USO4) |
	BIT(NET_GUEST_USO6) | BIT(NET_HOST_USO) | BIT(NET_SPEED_DUPLEX);
static const uint64_t all = one_pair | BIT(NET_MQ);

static void machine(uint32_t harts, unsigned nics)
{
	fake_reset(NULL);
	for (unsigned i = 0; i < nics; i++)
		net_describe(i);
	net_machine(&driver, harts, nics);
}

static int prepare(void **state)
{
	(void)state;
	machine(2, 2);
	return 0;
}

static bool line(unsigned device)
{
	return driver.plic.level >> (32 + device % 4) & 1;
}

static uint8_t isr(unsigned nic)
{
	return (uint8_t)pci_driver_load(&driver, NIC(nic), AREA_ISR, 0, 1);
}

static uint64_t field(unsigned nic, unsigned offset, unsigned size)
{
	return pci_driver_load(&driver, NIC(nic), AREA_DEVICE, offset, size);
}

static uint8_t status(unsigned nic)
{
	return pci_driver_status(&driver, NIC(nic));
}

static uint16_t notify_offset(unsigned nic, unsigned queue)
{
	pci_driver_store(&driver, NIC(nic), AREA_COMMON, COMMON_SELECT, 2, queue);
	return (uint16_t)pci_driver_load(&driver, NIC(nic), AREA_COMMON, COMMON_NOTIFY_OFFSET, 2);
}

TEST(net, is_a_pci_function_of_its_own)
{
	(void)state;
	machine(1, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(driver_config(&driver, 8 + i, 0, 4), 0x10411af4);
		assert_int_equal(driver_config(&driver, 8 + i, 8, 4), 0x02000001);
		assert_int_equal(driver_config(&driver, 8 + i, 0x2c, 4), 0x00011af4);
	}
	assert_int_equal(driver_config(&driver, 7, 0, 4), 0xffffffff);
	assert_int_equal(driver_config(&driver, 12, 0, 4), 0xffffffff);
}

TEST(net, describes_itself_in_all_widths)
{
	(void)state;
	assert_int_equal(field(1, 0, 4), 0x00005452);
	assert_int_equal(field(1, 5, 1), 1);
	assert_int_equal(field(1, 0, 8), UINT64_C(0x0001010000005452));
	assert_int_equal(field(0, 6, 2), LINK_UP);
	assert_int_equal(field(0, 8, 2), 2);
	assert_int_equal(field(0, 10, 2), 1500);
	assert_int_equal(field(0, 12, 4), 10000);
	assert_int_equal(field(0, 16, 1), 1);
	assert_int_equal(field(0, 16, 8), 1);
	assert_int_equal(field(0, 24, 4), 0);
	assert_int_equal(field(0, 4088, 8), 0);
	pci_driver_store(&driver, NIC(0), AREA_DEVICE, 0, 4, UINT32_MAX);
	assert_int_equal(field(0, 0, 4), 0x00005452);
}

TEST(net, has_a_pair_of_queues_for_each_vcpu)
{
	static const unsigned pairs[] = { 1, 2, 3, 4, 4 };

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		machine(i + 1, 1);
		assert_int_equal(field(0, 8, 2), pairs[i]);
		assert_int_equal(pci_driver_load(&driver, NIC(0), AREA_COMMON, COMMON_QUEUES, 2), 2 * pairs[i] + 1);
		assert_int_equal(pci_driver_offered(&driver, NIC(0)), i ? all : one_pair);
	}
}

/* What needs which (section 5.1.3.1); written down anew. */
static bool possible(uint64_t features)
{
	bool tso_in = features & (BIT(NET_GUEST_TSO4) | BIT(NET_GUEST_TSO6));
	bool tso_out = features & (BIT(NET_HOST_TSO4) | BIT(NET_HOST_TSO6));
	bool uso_in = features & (BIT(NET_GUEST_USO4) | BIT(NET_GUEST_USO6)), uso_out = features & BIT(NET_HOST_USO);
	bool control = features & (BIT(NET_CTRL_RX) | BIT(NET_CTRL_VLAN) | BIT(NET_CTRL_RX_EXTRA) | BIT(NET_GUEST_ANNOUNCE) | BIT(NET_MQ) |
				   BIT(NET_CTRL_MAC_ADDR));

	return (features & BIT(NET_VERSION_1)) && (!(tso_in || uso_in) || features & BIT(NET_GUEST_CSUM)) &&
		(!(tso_out || uso_out) || features & BIT(NET_CSUM)) &&
		(!(features & BIT(NET_GUEST_ECN)) || tso_in) && (!(features & BIT(NET_HOST_ECN)) || tso_out) &&
		(!control || features & BIT(NET_CTRL_VQ)) && !(features & ~all);
}

static void takes(uint64_t features)
{
	bool good = possible(features);

	assert_int_equal(pci_driver_negotiate(&driver, NIC(0), features), good);
	if (!good)
		return;
	nic_start(&driver, 0, features);
	assert_int_equal(status(0), STATUS_STARTED);
	assert_int_equal(session->setup.features, features);
	assert_int_equal(session->setup.queues, features & BIT(NET_MQ) ? 4 : 2);
	assert_int_equal(session->done, session->wanted);
	assert_int_equal(session->wanted & 1, 1);
}

TEST(net, takes_each_feature_that_it_offers_or_its_lack)
{
	(void)state;
	fake.on_nic_serve = net_obey;
	takes(all);
	for (unsigned bit = 0; bit < 64; bit++) {
		takes(all & ~BIT(bit));
		takes(all | BIT(bit));
		takes(BIT(NET_VERSION_1) | BIT(bit));
		takes(BIT(NET_VERSION_1) | BIT(NET_CTRL_VQ) | BIT(bit));
		takes(BIT(NET_VERSION_1) | BIT(NET_CSUM) | BIT(NET_GUEST_CSUM) | BIT(bit));
	}
	takes(all & ~(BIT(NET_GUEST_TSO4) | BIT(NET_GUEST_TSO6)));
	takes(all & ~(BIT(NET_HOST_TSO4) | BIT(NET_HOST_TSO6)));
}

TEST(net, hands_its_queues_but_the_last_to_the_server)
{
	(void)state;
	assert_int_equal(session->wanted, 0);
	nic_start(&driver, 0, all);
	assert_int_equal(session->wanted, 1);
	assert_int_equal(fake.nics_served[0], 1);
	assert_int_equal(fake.nics_served[1], 0);
	assert_int_equal(session->setup.queues, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(session->setup.queue[i].descriptors, NIC_RINGS(0, i));
		assert_int_equal(session->setup.queue[i].available, NIC_RINGS(0, i) + RINGS_AVAILABLE);
		assert_int_equal(session->setup.queue[i].used, NIC_RINGS(0, i) + RINGS_USED);
		assert_int_equal(session->setup.queue[i].size, RINGS_ENTRIES);
	}
	assert_int_equal(session->setup.queue[4].size, 0);
	assert_int_equal(session->filter.sequence & 1, 0);
	assert_int_equal(session->filter.pairs, 1);
	assert_int_equal(session->filter.all_multicast, 1);
	assert_int_equal(session->filter.promiscuous, 0);
	assert_memory_equal(session->filter.mac, session->mac, 6);
}

TEST(net, keeps_the_control_queue_from_the_bell)
{
	uint64_t address = pci_driver_area(&driver, NIC(0), AREA_NOTIFY);

	(void)state;
	nic_start(&driver, 0, all);
	assert_int_equal(fake.bell[0][4].address, address);
	assert_int_equal(fake.bell[0][4].signal, FAKE_NET_SERVER);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(notify_offset(0, i), 0);
	assert_int_equal(notify_offset(0, 4), 4);
	nic_start(&driver, 1, all & ~BIT(NET_MQ));
	assert_int_equal(fake.bell[0][5].address, pci_driver_area(&driver, NIC(1), AREA_NOTIFY));
	assert_int_equal(fake.bell[0][5].signal, FAKE_NET_SERVER + 1);
	assert_int_equal(notify_offset(1, 1), 0);
	assert_int_equal(notify_offset(1, 2), 2);
	assert_int_equal(notify_offset(1, 3), 0);
	/* All of these are in the area that the capability names. */
	for (unsigned cap = (unsigned)driver_config(&driver, NIC(0), 0x34, 1); cap; cap = (unsigned)driver_config(&driver, NIC(0), cap + 1, 1)) {
		if (driver_config(&driver, NIC(0), cap + 3, 1) == AREA_NOTIFY)
			assert_int_equal(driver_config(&driver, NIC(0), cap + 12, 4), 4 * 5);
	}
}

TEST(net, passes_on_what_no_bell_catches)
{
	(void)state;
	fake.bell_answer = ERR_LIMIT;
	nic_start(&driver, 0, all);
	assert_int_equal(fake.nics_served[0], 1);
	nic_notify(&driver, 0, 0);
	assert_int_equal(fake.nics_served[0], 2);
	nic_notify(&driver, 0, 3);
	assert_int_equal(fake.nics_served[0], 3);
	nic_notify(&driver, 0, 4);
	assert_int_equal(fake.nics_served[0], 3);
}

TEST(net, shares_vcpus_bells_with_disks)
{
	(void)state;
	machine(1, 4);
	for (unsigned i = 0; i < 4; i++) {
		nic_start(&driver, i, all & ~BIT(NET_MQ));
		assert_int_equal(fake.bell[0][i].address, 0);
		assert_int_equal(fake.bell[0][4 + i].signal, FAKE_NET_SERVER + i);
	}
}

TEST(net, waits_for_bus_mastering)
{
	(void)state;
	pci_driver_command(&driver, NIC(0), MEMORY);
	nic_start(&driver, 0, all);
	assert_int_equal(session->wanted, 0);
	assert_int_equal(fake.bell[0][4].address, 0);
	pci_driver_command(&driver, NIC(0), MEMORY | MASTER);
	assert_int_equal(session->wanted, 1);
	assert_int_not_equal(fake.bell[0][4].address, 0);
}

TEST(net, ends_a_reset_when_the_server_has_let_go)
{
	(void)state;
	nic_start(&driver, 0, all);
	net_obey(0);
	session->announce++;
	signals_take(NET_CLIENT_SIGNAL(0));
	assert_int_equal(field(0, 6, 2), LINK_UP | ANNOUNCE);
	pci_driver_store(&driver, NIC(0), AREA_COMMON, COMMON_STATUS, 1, 0);
	assert_int_equal(session->wanted, 2);
	assert_int_equal(fake.bell[0][4].address, 0);
	assert_int_equal(status(0), STATUS_STARTED);
	assert_int_equal(field(0, 6, 2), LINK_UP);
	*nic_used(&driver, 0, 0) = 2;
	session->link = 0;
	signals_take(NET_CLIENT_SIGNAL(0));
	assert_false(line(0));
	nic_notify(&driver, 0, 4);
	assert_int_equal(*nic_used(&driver, 0, 4), 0);
	net_obey(0);
	assert_int_equal(status(0), 0);
	assert_int_equal(field(0, 6, 2), 0);
	nic_start(&driver, 0, all);
	assert_int_equal(session->wanted, 3);
	assert_int_equal(status(0), STATUS_STARTED);
}

TEST(net, begins_anew_with_its_first_filter)
{
	static const uint8_t promiscuous[] = { 0, 0, 1 };
	uint32_t sequence;

	(void)state;
	fake.on_nic_serve = net_obey;
	nic_start(&driver, 0, all);
	assert_int_equal(nic_send(&driver, 0, 4, promiscuous, 3), 0);
	assert_int_equal(session->filter.promiscuous, 1);
	sequence = session->filter.sequence;
	nic_start(&driver, 0, all);
	assert_int_equal(session->filter.promiscuous, 0);
	assert_int_not_equal(session->filter.sequence, sequence);
	assert_int_equal(session->filter.sequence & 1, 0);
}

TEST(net, interrupts_for_what_came_back)
{
	(void)state;
	nic_start(&driver, 0, all);
	nic_start(&driver, 1, all);
	signals_take(NET_CLIENT_SIGNALS);
	assert_int_equal(isr(0), 0);
	*nic_used(&driver, 0, 3) = 1;
	exit_handle(&fake_harts.vcpu[0], &(struct vcpu_exit_info){ .cause = VCPU_EXIT_NOTIFIED, .bits = NET_CLIENT_SIGNAL(0) });
	assert_true(line(0));
	assert_false(line(1));
	assert_int_equal(isr(0), 1);
	assert_false(line(0));
	signals_take(NET_CLIENT_SIGNAL(0));
	assert_int_equal(isr(0), 0);
	*nic_used(&driver, 1, 0) = 9;
	signals_take(NET_CLIENT_SIGNAL(1) | CONSOLE_SIGNAL_OWN);
	assert_true(line(1));
	/* Signals of disks are not for NICs. */
	*nic_used(&driver, 0, 0) = 1;
	signals_take(BLOCK_CLIENT_SIGNALS);
	assert_int_equal(isr(0), 0);
}

TEST(net, forgets_what_came_back_before_a_reset)
{
	(void)state;
	fake.on_nic_serve = net_obey;
	nic_start(&driver, 0, all);
	*nic_used(&driver, 0, 1) = 5;
	signals_take(NET_CLIENT_SIGNAL(0));
	assert_int_equal(isr(0), 1);
	*nic_used(&driver, 0, 1) = 0;
	nic_start(&driver, 0, all);
	signals_take(NET_CLIENT_SIGNAL(0));
	assert_int_equal(isr(0), 0);
}

TEST(net, asks_for_a_reset_when_its_queues_make_no_sense)
{
	(void)state;
	nic_start(&driver, 0, all);
	session->broken = 1;
	signals_take(NET_CLIENT_SIGNAL(0));
	assert_int_equal(status(0), STATUS_STARTED | STATUS_BROKEN);
	assert_int_equal(isr(0), 2);
	assert_int_equal(fake.bell[0][4].address, 0);
	fake.on_nic_serve = net_obey;
	nic_start(&driver, 0, all);
	assert_int_equal(status(0), STATUS_STARTED);
	signals_take(NET_CLIENT_SIGNAL(0));
	assert_int_equal(status(0), STATUS_STARTED);
}

TEST(net, interrupts_once_when_the_server_began_anew)
{
	(void)state;
	nic_start(&driver, 0, all);
	session->server++;
	signals_take(NET_CLIENT_SIGNAL(0));
	assert_int_equal(isr(0), 1);
	signals_take(NET_CLIENT_SIGNAL(0));
	assert_int_equal(isr(0), 0);
	assert_int_equal(session->wanted, 1);
	assert_int_equal(status(0), STATUS_STARTED);
}

TEST(net, tells_when_the_link_changes)
{
	uint8_t generation;

	(void)state;
	nic_start(&driver, 0, all);
	generation = (uint8_t)pci_driver_load(&driver, NIC(0), AREA_COMMON, COMMON_STATUS + 1, 1);
	session->link = 0;
	signals_take(NET_CLIENT_SIGNAL(0));
	assert_int_equal(field(0, 6, 2), 0);
	assert_int_equal(isr(0), 2);
	assert_int_not_equal(pci_driver_load(&driver, NIC(0), AREA_COMMON, COMMON_STATUS + 1, 1), generation);
	signals_take(NET_CLIENT_SIGNAL(0));
	assert_int_equal(isr(0), 0);
	session->link = 7;
	signals_take(NET_CLIENT_SIGNAL(0));
	assert_int_equal(field(0, 6, 2), LINK_UP);
	assert_int_equal(isr(0), 2);
	/* Nobody is interrupted who cannot know, but it is seen later. */
	session[1].link = 0;
	signals_take(NET_CLIENT_SIGNAL(1));
	assert_int_equal(isr(1), 0);
	assert_int_equal(field(1, 6, 2), 0);
	fake.on_nic_serve = net_obey;
	nic_start(&driver, 0, all & ~(BIT(NET_STATUS)));
	session->link = 0;
	signals_take(NET_CLIENT_SIGNAL(0));
	assert_int_equal(isr(0), 0);
}

TEST(net, asks_for_announcements_until_they_are_made)
{
	static const uint8_t acknowledge[] = { 3, 0 };

	(void)state;
	session->announce = 5;
	nic_start(&driver, 0, all);
	signals_take(NET_CLIENT_SIGNAL(0));
	assert_int_equal(field(0, 6, 2), LINK_UP);
	session->announce++;
	signals_take(NET_CLIENT_SIGNAL(0));
	assert_int_equal(field(0, 6, 2), LINK_UP | ANNOUNCE);
	assert_int_equal(isr(0), 2);
	signals_take(NET_CLIENT_SIGNAL(0));
	assert_int_equal(isr(0), 0);
	assert_int_equal(field(0, 6, 2), LINK_UP | ANNOUNCE);
	assert_int_equal(nic_send(&driver, 0, 4, acknowledge, 2), 0);
	assert_int_equal(field(0, 6, 2), LINK_UP);
	signals_take(NET_CLIENT_SIGNAL(0));
	assert_int_equal(field(0, 6, 2), LINK_UP);
	fake.on_nic_serve = net_obey;
	nic_start(&driver, 0, all & ~BIT(NET_GUEST_ANNOUNCE));
	session->announce++;
	signals_take(NET_CLIENT_SIGNAL(0));
	assert_int_equal(field(0, 6, 2), LINK_UP);
	assert_int_equal(nic_send(&driver, 0, 4, acknowledge, 2), 1);
}

TEST(net, loses_no_signal_that_came_elsewhere)
{
	(void)state;
	nic_start(&driver, 1, all);
	*nic_used(&driver, 1, 0) = 1;
	console_kept_bits = NET_CLIENT_SIGNAL(1);
	harts_pass_on(&fake_harts.vcpu[1]);
	assert_false(console_pending());
	assert_int_equal(isr(1), 1);
}

/* A session page that another server or guest left behind. */
TEST(net, starts_from_even_numbers)
{
	(void)state;
	fake_reset(NULL);
	net_describe(0);
	session->wanted = session->done = UINT32_MAX;
	session->filter.sequence = 7;
	fake.on_nic_serve = net_obey;
	net_machine(&driver, 1, 1);
	assert_int_equal(session->wanted, 0);
	nic_start(&driver, 0, one_pair);
	assert_int_equal(session->wanted, 1);
	assert_int_equal(session->filter.sequence, 10);
}

int main(void)
{
#define RUN_NET(name) cmocka_unit_test_setup(net_##name, prepare)
	const struct CMUnitTest tests[] = {
		RUN_NET(is_a_pci_function_of_its_own), RUN_NET(describes_itself_in_all_widths),
		RUN_NET(has_a_pair_of_queues_for_each_vcpu), RUN_NET(takes_each_feature_that_it_offers_or_its_lack),
		RUN_NET(hands_its_queues_but_the_last_to_the_server), RUN_NET(keeps_the_control_queue_from_the_bell),
		RUN_NET(passes_on_what_no_bell_catches), RUN_NET(shares_vcpus_bells_with_disks), RUN_NET(waits_for_bus_mastering),
		RUN_NET(ends_a_reset_when_the_server_has_let_go), RUN_NET(begins_anew_with_its_first_filter),
		RUN_NET(interrupts_for_what_came_back), RUN_NET(forgets_what_came_back_before_a_reset),
		RUN_NET(asks_for_a_reset_when_its_queues_make_no_sense),
		RUN_NET(interrupts_once_when_the_server_began_anew), RUN_NET(tells_when_the_link_changes),
		RUN_NET(asks_for_announcements_until_they_are_made), RUN_NET(loses_no_signal_that_came_elsewhere),
		RUN_NET(starts_from_even_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
