/* SPDX-License-Identifier: Apache-2.0 */
/* Networks at the prompt: what is shown, and commands to the net server. */
#include "fake.h"

#define KEY "\035"
#define PROMPT KEY "c"

static void make_ports(void)
{
	struct net_port_status *port = fake.net_status.port;

	fake.net_status.ports = 4;
	port[0] = (struct net_port_status){ .name = "alpha", .net = "lan", .mac = { 0x52, 0x54, 0, 0, 0, 1 }, .link = 1, .state = NET_READY,
		.serving = 1, .sent_frames = 12, .sent_bytes = 2048, .received_frames = 7, .received_bytes = 1024 };
	port[0].drops[NET_DROP_SOURCE_MAC] = 3;
	port[0].drops[NET_DROP_LINK] = 5;
	port[0].throttled = 9;
	port[1] = (struct net_port_status){ .name = "alpha", .net = "inner", .mac = { 0x52, 0x54, 0, 0, 0, 2 }, .state = NET_READY, .broken = 2 };
	port[2] = (struct net_port_status){ .name = "beta", .net = "lan", .mac = { 0x52, 0x54, 0, 0, 0, 3 }, .state = NET_WAITING };
	port[3] = (struct net_port_status){ .name = "uplink", .net = "lan", .mac = { 0x52, 0x54, 0, 0, 0, 4 }, .link = 1, .state = NET_READY,
		.serving = 1 };
}

TEST(nets, lists_ports)
{
	make_ports();
	fake_type(PROMPT "nets\r");
	assert_int_equal(fake_count("  lan             alpha.0           52:54:00:00:00:01 in use  up           12     2 KiB          7     1 KiB        8"), 1);
	assert_int_equal(fake_count("    dropped: wrong source MAC 3, link down 5"), 1);
	assert_int_equal(fake_count("    held up by its limit 9 times"), 1);
	assert_int_equal(fake_count("  inner           alpha.1           52:54:00:00:00:02 ready   down "), 1);
	assert_int_equal(fake_count("    its queues made no sense 2 times"), 1);
	assert_int_equal(fake_count("  lan             beta.0            52:54:00:00:00:03 waiting down "), 1);
	assert_int_equal(fake_count("  lan             uplink            52:54:00:00:00:04 in use  up "), 1);
	assert_int_equal(fake_count("dropped:"), 1);
}

TEST(nets, bounds_what_the_server_says)
{
	memset(&fake.net_status, 0xff, sizeof(fake.net_status));
	for (unsigned i = 0; i < NET_SESSIONS_MAX + NET_DEVICES_MAX; i++) {
		memset(fake.net_status.port[i].name, 'x', sizeof(fake.net_status.port[i].name));
		memset(fake.net_status.port[i].net, 'y', sizeof(fake.net_status.port[i].net));
		memset(fake.net_status.port[i].drops, 0, (NET_DROPS - 1) * sizeof(uint64_t)); /* the fake terminal does not wrap */
	}
	fake_type(PROMPT "nets\r");
	assert_true(fake_count("yyyyyyyyyyyyyyy xxxxxxxxxxxxxxx.3") > 0);
	assert_int_equal(fake_count("xxxxxxxxxxxxxxxx"), 0);
	assert_int_equal(fake_count("yyyyyyyyyyyyyyyy"), 0);
}

TEST(nets, asks_for_a_link_and_prints_the_answer)
{
	fake_type(PROMPT "link beta.2 down\r");
	assert_int_equal(fake.net_signals, 1);
	assert_int_equal(fake.net_command.operation, NET_LINK_DOWN);
	assert_int_equal(fake.net_command.guest, 1);
	assert_int_equal(fake.net_command.nic, 2);
	fake_type("link alpha up\r");
	assert_int_equal(fake_count("the net server is still busy with the last command"), 1);
	assert_int_equal(fake.net_signals, 1);
	strcpy(fake.net_status.answer, "beta: there is no such NIC");
	fake.net_status.error = 1;
	fake.net_status.command = fake.net_command.sequence;
	fake_run();
	assert_int_equal(fake_count("error: beta: there is no such NIC"), 1);
	fake_type("link alpha up\r");
	assert_int_equal(fake.net_command.operation, NET_LINK_UP);
	assert_int_equal(fake.net_command.guest, 0);
	assert_int_equal(fake.net_command.nic, 0);
}

TEST(nets, looks_for_the_answer_without_a_signal)
{
	assert_true(mux_deadline(&fake.mux) == MUX_NEVER);
	fake_type(PROMPT "link alpha down\r");
	assert_true(mux_deadline(&fake.mux) <= fake.now + 100);
	fake.net_status.command = fake.net_command.sequence;
	fake_run();
	assert_true(mux_deadline(&fake.mux) == MUX_NEVER);
}

TEST(nets, refuses_what_is_no_nic_or_no_state)
{
	static const struct {
		const char *line, *answer;
	} wrong[] = {
		{ "link alpha off\r", "'off' is neither `up` nor `down`" },
		{ "link alpha.4 up\r", "'4' is not the number of a NIC; `nets` shows them" },
		{ "link alpha.x up\r", "'x' is not the number of a NIC; `nets` shows them" },
		{ "link alpha. up\r", "'' is not the number of a NIC; `nets` shows them" },
		{ "link serai down\r", "serai is no guest" },
		{ "link gamma down\r", "no guest is named 'gamma'" },
		{ "link alpha\r", "usage: link NAME[.N] up|down" },
		{ "capture alpha\r", "write `capture alpha on` or `capture alpha off`" },
		{ "capture beta now\r", "write `capture beta on` or `capture beta off`" },
		{ "capture delta on\r", "no guest is named 'delta'" },
		{ "capture alpha.7 on\r", "'7' is not the number of a NIC" },
	};

	fake_type(PROMPT);
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		fake_type(wrong[i].line);
		assert_int_equal(fake_count(wrong[i].answer), 1);
	}
	assert_int_equal(fake.net_signals, 0);
}

TEST(nets, asks_for_captures)
{
	static const struct {
		const char *line;
		uint32_t operation, guest, nic;
	} right[] = {
		{ "capture beta.1 on\r", NET_CAPTURE_ON, 1, 1 },
		{ "capture alpha off\r", NET_CAPTURE_OFF, 0, 0 },
		{ "capture 2 on\r", NET_CAPTURE_ON, 1, 0 },
		{ "capture uplink on\r", NET_CAPTURE_ON, NET_UPLINK, 0 },
		{ "capture lan off\r", NET_CAPTURE_OFF, NET_UPLINK, 0 },
	};

	make_ports();
	fake_type(PROMPT);
	for (unsigned i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		fake_type(right[i].line);
		assert_int_equal(fake.net_signals, i + 1);
		assert_int_equal(fake.net_command.operation, right[i].operation);
		assert_int_equal(fake.net_command.guest, right[i].guest);
		assert_int_equal(fake.net_command.nic, right[i].nic);
		fake.net_status.command = fake.net_command.sequence;
		fake_run();
	}
}

TEST(nets, name_one_of_several_uplinks_by_its_switch)
{
	struct net_port_status *port = fake.net_status.port;

	make_ports();
	fake.net_status.ports = 6;
	port[4] = (struct net_port_status){ .name = "uplink" }; /* of no switch */
	port[5] = (struct net_port_status){ .name = "uplink", .net = "alpha" };
	fake_type(PROMPT "capture uplink on\r");
	assert_int_equal(fake_count("no guest is named 'uplink'"), 1);
	assert_int_equal(fake.net_signals, 0);
	fake_type("capture alpha on\r");
	assert_int_equal(fake.net_command.guest, 0);
	fake.net_status.command = fake.net_command.sequence;
	fake_run();
	strcpy(port[5].net, "wan");
	fake_type("capture wan on\r");
	assert_int_equal(fake.net_command.guest, NET_UPLINK);
	assert_int_equal(fake.net_command.nic, 2);
}

TEST(nets, list_captures)
{
	make_ports();
	fake_type(PROMPT "capture\r");
	assert_int_equal(fake_count("the machine has no device to capture to"), 1);
	fake.net_status.captures = 2;
	strcpy(fake.net_status.capture_file[1], "/tmp/beta.pcapng");
	fake.net_status.port[2].capturing = 2;
	fake.net_status.port[2].captured = 17;
	fake.net_status.port[2].capture_lost = 3;
	fake.net_status.capture_bytes[1] = 9 << 20;
	fake.net_status.capture_limit[1] = 64 << 20;
	fake.net_status.port[3].capturing = 200; /* the page is not trusted */
	fake_type("capture\r");
	assert_int_equal(fake_count("  lan             beta.0                    17          3  /tmp/beta.pcapng"), 1);
	assert_int_equal(fake_count("  9 MiB of at most 64 MiB in /tmp/beta.pcapng"), 1);
	assert_int_equal(fake_count("uplink"), 0);
}

TEST(nets, are_not_there_without_the_server)
{
	struct port port = *fake.mux.port;

	port.net_status = NULL;
	port.net_command = NULL;
	fake.mux.port = &port;
	fake_type(PROMPT "nets\r");
	assert_int_equal(fake_count("this system has no networks"), 1);
	fake_type("link alpha up\r");
	assert_int_equal(fake_count("this system has no networks"), 2);
	fake_type("capture\r");
	assert_int_equal(fake_count("this system has no networks"), 3);
	fake_type("capture uplink on\r");
	assert_int_equal(fake_count("no guest is named 'uplink'"), 1);
	assert_int_equal(fake.net_signals, 0);
}

TEST(nets, show_the_gateway)
{
	struct gateway_status *status = &fake.gateway_status;

	fake_type(PROMPT "nat\r");
	assert_int_equal(fake_count("the gateway does not run at the moment"), 1);
	*status = (struct gateway_status){ .ready = 1, .address = 0x0a4d0001, .prefix = 24, .has_outside = 1, .share = 2048, .guests = 2,
		.net = "lan", .guest = { { .name = "alpha", .address = 0x0a4d000a, .flows = 17, .open = 3 },
		{ .name = "beta", .address = 0x0a4d000b, .forwards = 1 } } };
	fake_type("nat\r");
	assert_int_equal(fake_count("lan: 10.77.0.1/24 inside, no address yet outside"), 1);
	assert_int_equal(fake_count("  alpha           10.77.0.10               17        3     2048        0"), 1);
	assert_int_equal(fake_count("  beta            10.77.0.11                0        0     2048        1"), 1);
	assert_int_equal(fake_count("dropped: nothing"), 1);
	status->outside = 0x0a00020f;
	status->drops[NAT_DROP_UNKNOWN] = 12;
	status->drops[NAT_DROP_ROOM] = 3;
	fake_type("nat\r");
	assert_int_equal(fake_count("lan: 10.77.0.1/24 inside, 10.0.2.15 outside"), 1);
	assert_int_equal(fake_count("  dropped:         12  belongs to no connection"), 1);
	assert_int_equal(fake_count("  dropped:          3  queue full"), 1);
	status->has_outside = 0;
	fake_type("nat\r");
	assert_int_equal(fake_count("lan: 10.77.0.1/24 inside, no way out"), 1);
}

TEST(nets, bound_what_the_gateway_says)
{
	struct port port = *fake.mux.port;

	memset(&fake.gateway_status, 'x', sizeof(fake.gateway_status));
	fake_type(PROMPT "nat\r");
	assert_true(fake_count("  xxxxxxxxxxxxxxx 120.120.120.120") > 0);
	assert_int_equal(fake_count("xxxxxxxxxxxxxxxx"), 0);
	port.gateway_status = NULL;
	fake.mux.port = &port;
	fake_type("nat\r");
	assert_int_equal(fake_count("this system has no gateway"), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nets_lists_ports, fake_setup),
		cmocka_unit_test_setup(nets_bounds_what_the_server_says, fake_setup),
		cmocka_unit_test_setup(nets_asks_for_a_link_and_prints_the_answer, fake_setup),
		cmocka_unit_test_setup(nets_looks_for_the_answer_without_a_signal, fake_setup),
		cmocka_unit_test_setup(nets_refuses_what_is_no_nic_or_no_state, fake_setup),
		cmocka_unit_test_setup(nets_asks_for_captures, fake_setup),
		cmocka_unit_test_setup(nets_name_one_of_several_uplinks_by_its_switch, fake_setup),
		cmocka_unit_test_setup(nets_list_captures, fake_setup),
		cmocka_unit_test_setup(nets_show_the_gateway, fake_setup),
		cmocka_unit_test_setup(nets_bound_what_the_gateway_says, fake_setup),
		cmocka_unit_test_setup(nets_are_not_there_without_the_server, fake_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
