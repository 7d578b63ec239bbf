/* SPDX-License-Identifier: Apache-2.0 */
/* What the user asks for at the prompt. */
#pragma once

#include "port.h"

/* ports: of all sessions. A command that a server before this one had not answered is answered now. */
void command_init(struct net_status *status, const struct net_command *command, struct port *port, unsigned ports);

/* The command page may have changed. */
void command_look(void);
