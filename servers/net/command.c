/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <libsys/log.h>
#include <stdio.h>
#include <string.h>

static struct {
	struct net_status *status;
	const struct net_command *shared;
	struct port *port;
	unsigned ports;
} state;

static bool perform(const struct net_command *command, char *answer, size_t size)
{
	bool up = command->operation == NET_LINK_UP;

	if (command->operation != NET_LINK_UP && command->operation != NET_LINK_DOWN) {
		snprintf(answer, size, "there is no such operation");
		return false;
	}
	for (unsigned i = 0; i < state.ports; i++) {
		struct port *port = &state.port[i];

		if (port->config.guest != command->guest || port->config.nic != command->nic)
			continue;
		port_set_link(port, up);
		snprintf(answer, size, "%s: link of NIC %u is %s", port->config.guest_name, port->config.nic, up ? "up" : "down");
		return true;
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
	char answer[sizeof(status->answer)];
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
