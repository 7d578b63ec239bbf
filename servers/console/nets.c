/* SPDX-License-Identifier: Apache-2.0 */
/* The net server's page may change while it is read: each port is copied first, and its texts are cut to their fields. */
#include "nets.h"

#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "command.h"
#include "screen.h"

#define UPLINK "uplink"
#define PORTS_MAX (NET_SESSIONS_MAX + NET_DEVICES_MAX)

static const char *const drop_names[NET_DROPS] = {
	[NET_DROP_NO_BUFFER] = "no buffer to receive",
	[NET_DROP_SHARE] = "share of a receiver used up",
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

static void take(struct net_port_status *out, const struct net_port_status *port)
{
	memcpy(out, port, sizeof(*out));
	__asm__ volatile("" : : "r"(out) : "memory");
	out->name[NET_NAME_MAX] = '\0';
	out->net[NET_NAME_MAX] = '\0';
}

/* nic: number among the guest's; the uplink has none. */
static void name_port(const struct net_port_status *port, unsigned nic, char name[NET_NAME_MAX + 4])
{
	if (!strcmp(port->name, UPLINK))
		strcpy(name, UPLINK);
	else
		snprintf(name, NET_NAME_MAX + 4, "%.15s.%u", port->name, nic % NET_NICS_MAX);
}

static void show_port(struct mux *mux, const struct net_port_status *port, const char *name)
{
	char sent[24], received[24];
	const uint8_t *mac = port->mac;

	command_bytes(port->sent_bytes, sent);
	command_bytes(port->received_bytes, received);
	screen_print(mux, "  %-15s %-17s %02x:%02x:%02x:%02x:%02x:%02x %-7s %-4s %10lu %9s %10lu %9s %8lu", port->net, name, mac[0], mac[1],
		     mac[2], mac[3], mac[4], mac[5], state_name(port), port->link ? "up" : "down", (unsigned long)port->sent_frames, sent,
		     (unsigned long)port->received_frames, received, (unsigned long)count_drops(port));
	show_drops(mux, port);
}

/* Calls `show` for each port, with its name. */
static void for_each_port(struct mux *mux, void (*show)(struct mux *mux, const struct net_port_status *port, const char *name))
{
	const struct net_status *status = mux->port->net_status;
	char guest[NET_NAME_MAX + 1] = "", name[NET_NAME_MAX + 4];
	unsigned count = __atomic_load_n(&status->ports, __ATOMIC_ACQUIRE), nic = 0;

	for (unsigned i = 0; i < count && i < PORTS_MAX; i++) {
		struct net_port_status port;

		take(&port, &status->port[i]);
		nic = strcmp(guest, port.name) ? 0 : nic + 1;
		strcpy(guest, port.name);
		name_port(&port, nic, name);
		show(mux, &port, name);
	}
}

void nets_show(struct mux *mux)
{
	if (!have_server(mux))
		return;
	screen_print(mux, "  %-15s %-17s %-17s %-7s %-4s %10s %9s %10s %9s %8s", "NET", "PORT", "MAC", "STATE", "LINK", "SENT", "", "RECEIVED",
		     "", "DROPPED");
	for_each_port(mux, show_port);
}

static void show_capture(struct mux *mux, const struct net_port_status *port, const char *name)
{
	const struct net_status *status = mux->port->net_status;

	if (port->capturing && port->capturing <= NET_CAPTURES_MAX)
		screen_print(mux, "  %-15s %-17s %10lu %10lu  %.*s", port->net, name, (unsigned long)port->captured,
			     (unsigned long)port->capture_lost, (int)NET_CAPTURE_FILE_MAX, status->capture_file[port->capturing - 1]);
}

/* How much is in the files. */
static void show_files(struct mux *mux)
{
	const struct net_status *status = mux->port->net_status;
	unsigned count = status->captures;

	for (unsigned i = 0; i < count && i < NET_CAPTURES_MAX; i++) {
		char bytes[24], limit[24];

		command_bytes(status->capture_bytes[i], bytes);
		command_bytes(status->capture_limit[i], limit);
		if (status->capture_bytes[i] && status->capture_limit[i])
			screen_print(mux, "  %s of at most %s in %.*s", bytes, limit, (int)NET_CAPTURE_FILE_MAX, status->capture_file[i]);
	}
}

static void show_captures(struct mux *mux)
{
	if (!have_server(mux))
		return;
	if (!mux->port->net_status->captures) {
		screen_print(mux, "the machine has no device to capture to; `./serai run` makes one");
		return;
	}
	screen_print(mux, "  %-15s %-17s %10s %10s  %s", "NET", "PORT", "CAPTURED", "LOST", "FILE");
	for_each_port(mux, show_capture);
	show_files(mux);
}

/* Asks the server to do something with a NIC, as in struct net_command; the answer is printed when it comes. */
static void ask(struct mux *mux, enum net_operation operation, uint32_t guest, uint32_t nic)
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
	command->operation = operation;
	command->guest = guest;
	command->nic = nic;
	__atomic_store_n(&command->sequence, sequence, __ATOMIC_RELEASE);
	mux->net_asked = sequence;
	mux->port->net_signal(mux->port->context);
}

/* The same with a guest's NIC, which is named NAME or NAME.N. */
static void ask_of_nic(struct mux *mux, char *name, enum net_operation operation)
{
	struct channel *channel;
	char *dot = strchr(name, '.');
	uint64_t nic = 0;

	if (dot && (!command_number(dot + 1, &nic) || nic >= NET_NICS_MAX)) {
		screen_print(mux, "'%s' is not the number of a NIC; `nets` shows them", dot + 1);
		return;
	}
	if (dot)
		*dot = '\0';
	channel = command_find_channel(mux, name);
	if (channel && channel->guest == MUX_NO_GUEST)
		screen_print(mux, "%s is no guest", channel->name);
	else if (channel)
		ask(mux, operation, channel->guest, (uint32_t)nic);
}

void nets_link(struct mux *mux, char *name, const char *how)
{
	bool up = !strcmp(how, "up");

	if (!up && strcmp(how, "down"))
		screen_print(mux, "'%s' is neither `up` nor `down`", how);
	else
		ask_of_nic(mux, name, up ? NET_LINK_UP : NET_LINK_DOWN);
}

/* The number of an uplink by the name of its switch, or of the only one by "uplink". False: there is none of this name. */
static bool find_uplink(struct mux *mux, const char *name, uint32_t *number)
{
	const struct net_status *status = mux->port->net_status;
	unsigned count = status ? __atomic_load_n(&status->ports, __ATOMIC_ACQUIRE) : 0, found = 0;
	uint32_t device = 0;

	for (unsigned i = 0; i < count && i < PORTS_MAX; i++) {
		struct net_port_status port;

		take(&port, &status->port[i]);
		if (strcmp(port.name, UPLINK))
			continue;
		if (*port.net && (!strcmp(name, UPLINK) || !strcmp(name, port.net))) {
			*number = device;
			found++;
		}
		device++;
	}
	return found == 1;
}

static bool is_guest(const struct mux *mux, const char *name)
{
	for (unsigned i = 0; i < mux->channels; i++)
		if (mux->channel[i].guest != MUX_NO_GUEST && !strcmp(mux->channel[i].name, name))
			return true;
	return false;
}

void nets_capture(struct mux *mux, char *name, const char *how)
{
	bool on = how && !strcmp(how, "on");
	enum net_operation operation = on ? NET_CAPTURE_ON : NET_CAPTURE_OFF;
	uint32_t uplink;

	if (!name)
		show_captures(mux);
	else if (!how || (!on && strcmp(how, "off")))
		screen_print(mux, "write `capture %s on` or `capture %s off`", name, name);
	else if (!is_guest(mux, name) && find_uplink(mux, name, &uplink))
		ask(mux, operation, NET_UPLINK, uplink);
	else
		ask_of_nic(mux, name, operation);
}

bool nets_turn(struct mux *mux)
{
	const struct net_status *status = mux->port->net_status;

	return status && ask_turn(mux, &mux->net_asked, &status->command, &status->error, status->answer, sizeof(status->answer));
}
