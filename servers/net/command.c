/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <libsys/log.h>
#include <stdio.h>
#include <string.h>

#include "capture.h"

static struct {
	struct net_status *status;
	const struct net_command *shared;
	struct port *port;
	unsigned ports;
} state;

static bool perform_on_uplink(uint32_t number, uint32_t operation, char *answer, size_t size)
{
	if (number < NET_DEVICES_MAX && (operation == NET_CAPTURE_ON || operation == NET_CAPTURE_OFF))
		return capture_ask(NET_SESSIONS_MAX + number, operation == NET_CAPTURE_ON, answer, size);
	snprintf(answer, size, "there is no such uplink, or operation");
	return false;
}

static bool perform_on_port(struct port *port, uint32_t operation, char *answer, size_t size)
{
	bool up = operation == NET_LINK_UP;

	if (up || operation == NET_LINK_DOWN) {
		port_set_link(port, up);
		snprintf(answer, size, "%s: link of NIC %u is %s", port->config.guest_name, port->config.nic, up ? "up" : "down");
		return true;
	}
	if (operation == NET_CAPTURE_ON || operation == NET_CAPTURE_OFF)
		return capture_ask(port->number, operation == NET_CAPTURE_ON, answer, size);
	snprintf(answer, size, "there is no such operation");
	return false;
}

static bool perform(const struct net_command *command, char *answer, size_t size)
{
	if (command->guest == NET_UPLINK)
		return perform_on_uplink(command->nic, command->operation, answer, size);
	for (unsigned i = 0; i < state.ports; i++) {
		if (state.port[i].config.guest == command->guest && state.port[i].config.nic == command->nic)
			return perform_on_port(&state.port[i], command->operation, answer, size);
	}
	snprintf(answer, size, "there is no such NIC");
	return false;
}

void command_init(struct net_status *status, const struct net_command *command, struct port *port, unsigned ports)
{
	state.status = status;
	state.shared = command;
	state.port = port;
	state.ports = ports;
}

void command_look(void)
{
	struct net_status *status = state.status;
	struct net_command command;
	char answer[sizeof(status->answer)] = "";
	uint32_t sequence = __atomic_load_n(&state.shared->sequence, __ATOMIC_ACQUIRE);
	bool good;

	if (sequence == status->command)
		return;
	memcpy(&command, state.shared, sizeof(command));
	__asm__ volatile("" : : "r"(&command) : "memory");
	good = perform(&command, answer, sizeof(answer));
	log_info("%s", answer);
	memcpy(status->answer, answer, sizeof(answer));
	status->error = !good;
	__atomic_store_n(&status->command, sequence, __ATOMIC_RELEASE);
}
