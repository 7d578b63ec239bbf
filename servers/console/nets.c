/* SPDX-License-Identifier: Apache-2.0 */
/* The net server's page may change while it is read: each port is copied first, and its texts are cut to their fields. */
#include "nets.h"

#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "command.h"
#include "screen.h"

#define PORTS_MAX (NET_SESSIONS_MAX + NET_DEVICES_MAX)

static const char *const drop_names[NET_DROPS] = {
	[NET_DROP_NO_BUFFER] = "no buffer to receive",
	[NET_DROP_BAD_FRAME] = "bad frame",
	[NET_DROP_SOURCE_MAC] = "wrong source MAC",
	[NET_DROP_SOURCE_IP] = "wrong source address",
	[NET_DROP_VLAN] = "VLAN",
	[NET_DROP_RATE] = "broadcast rate",
	[NET_DROP_ISOLATED] = "isolation",
	[NET_DROP_LINK] = "link down",
};

static bool have_server(struct mux *mux)
{
	if (!mux->port->net_status)
		screen_print(mux, "this system has no networks");
	return mux->port->net_status != NULL;
}

static const char *state_name(const struct net_port_status *port)
{
	switch (port->state) {
	case NET_READY:
		return port->serving ? "in use" : "ready";
	case NET_FAILED:
		return "failed";
	default:
		return "waiting";
	}
}

static uint64_t count_drops(const struct net_port_status *port)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < NET_DROPS; i++)
		sum += port->drops[i];
	return sum;
}

static void show_drops(struct mux *mux, const struct net_port_status *port)
{
	char text[256];
	size_t used = 0;

	for (unsigned i = 0; i < NET_DROPS && used < sizeof(text); i++)
		if (port->drops[i])
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %lu", used ? ", " : "", drop_names[i],
						 (unsigned long)port->drops[i]);
	if (used)
		screen_print(mux, "    dropped: %s", text);
	if (port->throttled)
		screen_print(mux, "    held up by its limit %lu times", (unsigned long)port->throttled);
	if (port->broken)
		screen_print(mux, "    its queues made no sense %lu times", (unsigned long)port->broken);
}

/* nic: number among the guest's; the uplink has none. */
static void show_port(struct mux *mux, const struct net_port_status *port, unsigned nic, bool uplink)
{
	char name[NET_NAME_MAX + 4], sent[24], received[24];
	const uint8_t *mac = port->mac;

	if (uplink)
		snprintf(name, sizeof(name), "%.15s", port->name);
	else
		snprintf(name, sizeof(name), "%.15s.%u", port->name, nic % NET_NICS_MAX);
	command_bytes(port->sent_bytes, sent);
	command_bytes(port->received_bytes, received);
	screen_print(mux, "  %-15s %-17s %02x:%02x:%02x:%02x:%02x:%02x %-7s %-4s %10lu %9s %10lu %9s %8lu", port->net, name, mac[0], mac[1],
		     mac[2], mac[3], mac[4], mac[5], state_name(port), port->link ? "up" : "down", (unsigned long)port->sent_frames, sent,
		     (unsigned long)port->received_frames, received, (unsigned long)count_drops(port));
	show_drops(mux, port);
}

static void take(struct net_port_status *out, const struct net_port_status *port)
{
	memcpy(out, port, sizeof(*out));
	__asm__ volatile("" : : "r"(out) : "memory");
	out->name[NET_NAME_MAX] = '\0';
	out->net[NET_NAME_MAX] = '\0';
}

void nets_show(struct mux *mux)
{
	const struct net_status *status = mux->port->net_status;
	char guest[NET_NAME_MAX + 1] = "";
	unsigned count, nic = 0;

	if (!have_server(mux))
		return;
	count = __atomic_load_n(&status->ports, __ATOMIC_ACQUIRE);
	if (count > PORTS_MAX)
		count = PORTS_MAX;
	screen_print(mux, "  %-15s %-17s %-17s %-7s %-4s %10s %9s %10s %9s %8s", "NET", "PORT", "MAC", "STATE", "LINK", "SENT", "", "RECEIVED",
		     "", "DROPPED");
	for (unsigned i = 0; i < count; i++) {
		struct net_port_status port;

		take(&port, &status->port[i]);
		nic = strcmp(guest, port.name) ? 0 : nic + 1;
		strcpy(guest, port.name);
		show_port(mux, &port, nic, !strcmp(port.name, "uplink"));
	}
}

void nets_link(struct mux *mux, uint32_t guest, uint32_t nic, bool up)
{
	struct net_command *command = mux->port->net_command;
	uint32_t sequence;

	if (!have_server(mux))
		return;
	if (mux->net_asked) {
		screen_print(mux, "the net server is still busy with the last command");
		return;
	}
	sequence = ask_sequence(&mux->port->net_status->command, command->sequence);
	command->operation = up ? NET_LINK_UP : NET_LINK_DOWN;
	command->guest = guest;
	command->nic = nic;
	__atomic_store_n(&command->sequence, sequence, __ATOMIC_RELEASE);
	mux->net_asked = sequence;
	mux->port->net_signal(mux->port->context);
}

bool nets_turn(struct mux *mux)
{
	const struct net_status *status = mux->port->net_status;

	return status && ask_turn(mux, &mux->net_asked, &status->command, &status->error, status->answer, sizeof(status->answer));
}
