/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of ports. */
#pragma once

#include "port.h"

/* There is, or may be, something to take. */
void port_wake(struct port *port);

/* Serves no longer; buffers that NICs read are dropped when they have. */
void port_stop(struct port *port);

/* Copies the client's filter, unless that is being written. */
void port_read_filter(struct port *port);

/* Numbers of queues in the session. */
static inline uint32_t receive_number(uint32_t pair)
{
	return 2 * pair;
}

static inline uint32_t send_number(uint32_t pair)
{
	return 2 * pair + 1;
}
