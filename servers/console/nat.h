/* SPDX-License-Identifier: Apache-2.0 */
/* What the prompt shows of the gateway (<proto/gateway.h>). */
#pragma once

#include "mux.h"

/* Its addresses, the guests that it leads out and their connections, and what it dropped and why. */
void nat_show(struct mux *mux);
