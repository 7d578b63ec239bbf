/* SPDX-License-Identifier: Apache-2.0 */
/* Whole server: what is captured, read from the file as another program would read it. */
#include "test.h"

#include <string.h>

#include "captured.h"
#include "scene.h"

static void check(unsigned number, const char *interface, unsigned flags, uint32_t length, const uint8_t *data)
{
	const struct seen *seen = &file.packet[number];

	assert_true(number < file.packets);
	assert_string_equal(seen->interface, interface);
	assert_int_equal(seen->flags, flags);
	assert_int_equal(seen->length, length);
	if (data)
		assert_memory_equal(seen->data, data, seen->kept);
}

enum { IN = 1, OUT = 2, UNICAST = 1 << 2, MULTICAST = 2 << 2, BROADCAST = 3 << 2 };

/* Asks as the console does. */
static bool ask(enum net_operation operation, uint32_t number, uint32_t nic)
{
	fake.command = (struct net_command){ .sequence = fake.command.sequence + 1, .operation = operation, .guest = number, .nic = nic };
	fake_turn(NET_SIGNAL_CONTROL);
	assert_int_equal(fake_status()->command, fake.command.sequence);
	return !fake_status()->error;
}

static int set_up_capture(void **state)
{
	(void)state;
	fake_reset();
	fake.options.captures = 1;
	begin(MODERN, MODERN, GUEST_INDIRECT);
	return 0;
}

/* Captures are in the description. */
static void describe(bool alpha, bool beta, bool uplink)
{
	fake_reset();
	fake.options.captures = 1;
	fake.options.capture[0] = alpha;
	fake.options.capture[1] = beta;
	fake.options.capture_uplink = uplink;
}

TEST(capture, has_frames_of_both_ends_in_order)
{
	uint32_t length;

	describe(true, true, false);
	begin(MODERN, MODERN, GUEST_INDIRECT);
	for (uint32_t payload = 0; payload < 8; payload++) {
		length = make(1, 0, payload & 1, PACKET_UDP, payload);
		guest_say(&guest[0], NULL, packet, length);
	}
	read_file();
	assert_int_equal(file.sections, 1);
	assert_int_equal(file.interfaces, 2);
	assert_int_equal(file.snaplen, 262144);
	assert_int_equal(file.packets, 16);
	for (uint32_t payload = 0; payload < 8; payload++) {
		length = make(1, 0, payload & 1, PACKET_UDP, payload);
		check(2 * payload, "alpha.0", OUT | UNICAST, length, packet);
		check(2 * payload + 1, "beta.0", IN | UNICAST, length, packet);
		assert_int_equal(file.packet[2 * payload].time, FAKE_EPOCH + (fake.time - FAKE_HZ / 3000 * (7 - payload)) * 100);
	}
}

TEST(capture, writes_nothing_unless_it_is_asked_for)
{
	guest_say(&guest[0], NULL, packet, make(1, 0, false, PACKET_UDP, 100));
	assert_int_equal(fake.file_written, 0);
	assert_true(ask(NET_CAPTURE_ON, 1, 0));
	assert_string_equal(fake_status()->answer, "beta.0 is captured to /tmp/x.pcapng");
	assert_int_equal(fake_status()->port[1].capturing, 1);
	guest_say(&guest[0], NULL, packet, make(2, 0, false, PACKET_UDP, 100));
	guest_say(&guest[0], NULL, packet, make(1, 0, false, PACKET_UDP, 101));
	assert_true(ask(NET_CAPTURE_OFF, 1, 0));
	assert_string_equal(fake_status()->answer, "beta.0 is not captured any more");
	guest_say(&guest[0], NULL, packet, make(1, 0, false, PACKET_UDP, 102));
	/* Again, as the same interface. */
	assert_true(ask(NET_CAPTURE_ON, 1, 0));
	guest_say(&guest[1], NULL, packet, make(0, 1, false, PACKET_UDP, 103));
	fake_turn(0);
	read_file();
	assert_int_equal(file.interfaces, 1);
	assert_int_equal(file.statistics, 1);
	assert_int_equal(file.received, 1);
	assert_int_equal(file.packets, 2);
	check(0, "beta.0", IN | UNICAST, make(1, 0, false, PACKET_UDP, 101), packet);
	check(1, "beta.0", OUT | UNICAST, make(0, 1, false, PACKET_UDP, 103), packet);
	assert_int_equal(fake_status()->captures, 1);
}

TEST(capture, refuses_what_is_not_there)
{
	assert_false(ask(NET_CAPTURE_ON, NET_UPLINK, 1));
	assert_false(ask(NET_CAPTURE_ON, NET_UPLINK, 1000));
	assert_false(ask(NET_LINK_UP, NET_UPLINK, 0));
	assert_false(ask(NET_CAPTURE_ON, 0, 1));
	assert_false(ask((enum net_operation)77, 0, 0));
	assert_true(ask(NET_CAPTURE_OFF, 0, 0));
	fake.options.captures = 0;
	begin(MODERN, MODERN, 0);
	assert_false(ask(NET_CAPTURE_ON, 0, 0));
	assert_non_null(strstr(fake_status()->answer, "no device"));
	assert_int_equal(fake.file_written, 0);
}

TEST(capture, shows_the_uplink_as_the_nic_sees_it)
{
	uint32_t length;

	describe(false, false, true);
	begin(MODERN, MODERN, 0);
	length = make(9, 0, false, PACKET_UDP, 700);
	guest_say(&guest[0], NULL, packet, length);
	length = make(8, 9, false, PACKET_UDP, 200);
	fake_come(packet, length, NULL);
	guest_say(&guest[0], NULL, packet, make(1, 0, false, PACKET_UDP, 1));
	read_file();
	assert_int_equal(file.packets, 2);
	check(0, "uplink", OUT | UNICAST, make(9, 0, false, PACKET_UDP, 700), packet);
	check(1, "uplink", IN | BROADCAST, make(8, 9, false, PACKET_UDP, 200), packet);
}

TEST(capture, tells_why_a_frame_went_no_further)
{
	uint32_t length;

	describe(true, true, false);
	fake.options.address[0] = "10.0.2.21";
	begin(MODERN, MODERN, 0);
	length = make(1, 2, false, PACKET_UDP, 10);
	guest_say(&guest[0], NULL, packet, length);
	length = make(1, 0, false, PACKET_UDP, 10);
	packet[29] = 22;
	guest_say(&guest[0], NULL, packet, length);
	guest_say(&guest[0], NULL, packet, 13);
	for (unsigned i = 0; i < GUEST_QUEUE + 1; i++) {
		guest_say(&guest[0], NULL, packet, make(1, 0, false, PACKET_UDP, 10));
		guest_poll(&guest[0]);
	}
	read_file();
	assert_int_equal(file.packets, 3 + 2 * (GUEST_QUEUE + 1));
	assert_string_equal(file.packet[0].comment, "dropped: wrong source MAC");
	assert_string_equal(file.packet[1].comment, "dropped: wrong source address");
	assert_string_equal(file.packet[2].comment, "dropped: bad frame");
	assert_int_equal(file.packet[2].length, 13);
	assert_string_equal(file.packet[3].comment, "");
	assert_string_equal(file.packet[file.packets - 1].comment, "dropped: the sender had its share of the buffers");
	check(file.packets - 1, "beta.0", IN | UNICAST, length, NULL);
}

TEST(capture, keeps_as_much_of_a_frame_as_is_asked_for)
{
	describe(true, false, false);
	fake.options.snaplen = 61;
	begin(MODERN, MODERN, 0);
	guest_say(&guest[0], NULL, packet, make(1, 0, false, PACKET_UDP, 5));
	guest_say(&guest[0], NULL, packet, make(1, 0, false, PACKET_UDP, 1000));
	read_file();
	assert_int_equal(file.snaplen, 61);
	check(0, "alpha.0", OUT | UNICAST, make(1, 0, false, PACKET_UDP, 5), packet);
	check(1, "alpha.0", OUT | UNICAST, make(1, 0, false, PACKET_UDP, 1000), packet);
	assert_int_equal(file.packet[1].kept, 61);
}

TEST(capture, has_large_segments_as_they_pass)
{
	struct net_header large;
	uint32_t length, sum = 0;

	describe(true, true, false);
	begin(MODERN, MODERN, GUEST_INDIRECT);
	assert_true(ask(NET_CAPTURE_ON, 2, 0));
	length = make(1, 0, false, PACKET_TCP, 65000);
	large = offloads(false, PACKET_TCP, 1400);
	guest_say(&guest[0], &large, packet, length);
	read_file();
	assert_int_equal(file.packets, 2);
	check(0, "alpha.0", OUT | UNICAST, length, packet);
	check(1, "beta.0", IN | UNICAST, length, packet);
	/* Gamma gets it in pieces. */
	length = make(2, 0, false, PACKET_TCP, 14000);
	large = offloads(false, PACKET_TCP, 1400);
	guest_say(&guest[0], &large, packet, length);
	read_file();
	assert_int_equal(file.packets, 3 + 10);
	check(2, "alpha.0", OUT | UNICAST, length, packet);
	for (unsigned i = 3; i < file.packets; i++) {
		assert_string_equal(file.packet[i].interface, "gamma.0");
		assert_true(packet_good(file.packet[i].data, file.packet[i].length));
		sum += file.packet[i].length - (length - 14000);
	}
	assert_int_equal(sum, 14000);
}

TEST(capture, shows_tags_where_they_are)
{
	uint32_t length;

	describe(true, false, true);
	fake.options.vlan[0] = 5;
	begin(MODERN, MODERN, 0);
	length = make(9, 0, false, PACKET_UDP, 300);
	guest_say(&guest[0], NULL, packet, length);
	read_file();
	assert_int_equal(file.packets, 2);
	check(0, "alpha.0", OUT | UNICAST, length, packet);
	check(1, "uplink", OUT | UNICAST, length + 4, NULL);
	assert_int_equal(file.packet[1].data[12] << 8 | file.packet[1].data[13], 0x8100);
	assert_int_equal(file.packet[1].data[15], 5);
	assert_memory_equal(file.packet[1].data + 16, packet + 12, length - 12);
}

TEST(capture, loses_frames_rather_than_time)
{
	unsigned frames = 3000, written;
	uint32_t length;

	describe(true, false, false);
	begin(MODERN, MODERN, 0);
	fake.file_slow = true;
	length = make(1, 0, false, PACKET_UDP, 1000);
	for (unsigned i = 0; i < frames; i++) {
		guest_say(&guest[0], NULL, packet, length);
		assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
		guest_fill(&guest[1], 0, 1);
		guest_poll(&guest[0]);
	}
	/* It looks again by itself. */
	assert_true(server_deadline() <= fake.time + FAKE_HZ / 1000);
	fake.file_slow = false;
	fake.time += FAKE_HZ;
	fake_turn(0);
	assert_true(server_deadline() == DEADLINE_NEVER);
	guest_say(&guest[0], NULL, packet, length);
	read_file();
	written = file.packets - 1;
	assert_in_range(written, FAKE_STREAM / 2 / length, frames - 1);
	assert_int_equal(file.packet[written].lost, frames - written);
	assert_int_equal(file.packet[written - 1].lost, 0);
	fake.time += FAKE_HZ;
	fake_turn(NET_SIGNAL_CONTROL);
	assert_int_equal(fake_status()->port[0].captured, written + 1);
	assert_int_equal(fake_status()->port[0].capture_lost, frames - written);
	assert_true(ask(NET_CAPTURE_OFF, 0, 0));
	read_file();
	assert_int_equal(file.received, frames + 1);
	assert_int_equal(file.dropped, frames - written);
}

TEST(capture, goes_on_in_a_new_section_after_a_restart)
{
	describe(true, false, false);
	begin(MODERN, MODERN, 0);
	guest_say(&guest[0], NULL, packet, make(1, 0, false, PACKET_UDP, 1));
	/* The user changed it meanwhile: that counts, not the description. */
	assert_true(ask(NET_CAPTURE_ON, NET_UPLINK, 0));
	assert_true(ask(NET_CAPTURE_OFF, 0, 0));
	assert_true(ask(NET_CAPTURE_ON, 1, 0));
	/* What the device has not got is lost with the server, and nothing else. */
	fake.file_slow = true;
	guest_say(&guest[0], NULL, packet, make(1, 0, false, PACKET_UDP, 2));
	assert_true(fake.file_written > fake.file_length);
	fake_settle();
	fake.file_slow = false;
	fake_start();
	fake_turn(0);
	guest_say(&guest[0], NULL, packet, make(8, 0, false, PACKET_UDP, 3));
	read_file();
	assert_int_equal(file.sections, 2);
	assert_int_equal(file.packets, 3);
	check(0, "alpha.0", OUT | UNICAST, make(1, 0, false, PACKET_UDP, 1), packet);
	assert_int_equal(file.packet[1].section, 2);
	check(1, "beta.0", IN | BROADCAST, make(8, 0, false, PACKET_UDP, 3), packet);
	check(2, "uplink", OUT | BROADCAST, make(8, 0, false, PACKET_UDP, 3), packet);
}

/* At the limit the file ends with counts, and nothing is written beyond it, whatever is asked for afterwards. */
TEST(capture, ends_in_order_at_its_limit)
{
	uint32_t length = 0, end;

	describe(true, true, false);
	fake.options.capture_limit = 100000;
	begin(MODERN, MODERN, 0);
	for (unsigned i = 0; i < 200; i++) {
		length = make(1, 0, false, PACKET_UDP, 1000);
		guest_say(&guest[0], NULL, packet, length);
		assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
		guest_fill(&guest[1], 0, 1);
		guest_poll(&guest[0]);
	}
	fake.time += FAKE_HZ;
	fake_turn(NET_SIGNAL_CONTROL);
	read_file();
	assert_int_equal(file.statistics, 2);
	assert_int_equal(fake_status()->port[0].capturing, 0);
	assert_int_equal(fake_status()->port[1].capturing, 0);
	assert_in_range(fake.file_length, 100000 - 8192 - 1200, 100000);
	assert_int_equal(fake_status()->capture_bytes[0], fake.file_length);
	assert_int_equal(fake_status()->capture_limit[0], 100000);
	assert_in_range(file.packets, 80, 90);
	assert_int_equal(file.received, fake_status()->port[1].captured);
	end = fake.file_length;
	assert_false(ask(NET_CAPTURE_ON, 0, 0));
	assert_non_null(strstr(fake_status()->answer, "has reached its limit"));
	/* Nor by a new server, which knows how much there was. */
	fake_start();
	fake_turn(0);
	for (unsigned i = 0; i < 20; i++) {
		(void)ask(NET_CAPTURE_ON, 0, 0);
		guest_say(&guest[0], NULL, packet, length);
		(void)ask(NET_CAPTURE_OFF, 0, 0);
		guest_poll(&guest[0]);
	}
	assert_in_range(fake.file_length, end, 100000);
	read_file();
}

TEST(capture, ends_in_order_before_the_machine_does)
{
	describe(true, true, false);
	begin(MODERN, MODERN, 0);
	fake.file_slow = true;
	guest_say(&guest[0], NULL, packet, make(1, 0, false, PACKET_UDP, 10));
	fake.table.ending = 1;
	fake_turn(NET_SIGNAL_CONTROL);
	assert_int_equal(fake_status()->ended, 0);
	assert_true(server_deadline() <= fake.time + FAKE_HZ / 1000);
	guest_say(&guest[0], NULL, packet, make(1, 0, false, PACKET_UDP, 10));
	fake.file_slow = false;
	fake_turn(0);
	assert_int_equal(fake_status()->ended, 1);
	read_file();
	assert_int_equal(file.statistics, 2);
	assert_int_equal(file.packets, 2);
	assert_int_equal(file.received, 1);
}

TEST(capture, ends_without_the_network_if_the_device_fails)
{
	uint32_t length = 0;

	describe(true, true, true);
	begin(MODERN, MODERN, 0);
	fake.file_problem = "broken";
	for (unsigned i = 0; i < 3; i++) {
		length = make(1, 0, false, PACKET_UDP, 1);
		guest_say(&guest[0], NULL, packet, length);
		assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
	}
	fake.time += FAKE_HZ;
	fake_turn(NET_SIGNAL_CONTROL);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(fake_status()->port[i].capturing, 0);
	assert_int_equal(fake.warnings, 1);
	assert_false(ask(NET_CAPTURE_ON, 0, 0));
	assert_non_null(strstr(fake_status()->answer, "has failed"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup(capture_##name, set_up_capture)
	static const struct CMUnitTest tests[] = {
		CASE(has_frames_of_both_ends_in_order),
		CASE(writes_nothing_unless_it_is_asked_for),
		CASE(refuses_what_is_not_there),
		CASE(shows_the_uplink_as_the_nic_sees_it),
		CASE(tells_why_a_frame_went_no_further),
		CASE(keeps_as_much_of_a_frame_as_is_asked_for),
		CASE(has_large_segments_as_they_pass),
		CASE(shows_tags_where_they_are),
		CASE(loses_frames_rather_than_time),
		CASE(goes_on_in_a_new_section_after_a_restart),
		CASE(ends_in_order_at_its_limit),
		CASE(ends_in_order_before_the_machine_does),
		CASE(ends_without_the_network_if_the_device_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
