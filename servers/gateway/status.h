/* SPDX-License-Identifier: Apache-2.0 */
/* What the user is shown of the gateway (<proto/gateway.h>). */
#pragma once

#include <proto/gateway.h>

#include "nat.h"

/* Writes the page anew. outside: address there, 0: none. no_room: frames for which a queue had none. */
void status_write(struct gateway_status *status, const struct description *description, const struct nat *nat, uint32_t outside,
		  uint64_t no_room);
