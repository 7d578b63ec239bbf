/* SPDX-License-Identifier: Apache-2.0 */
/* What the prompt shows of networks, and what it asks of the net server (<proto/net.h>). */
#pragma once

#include "mux.h"

/* The ports of all switches: state, what went through, what was dropped and why. */
void nets_show(struct mux *mux);

/* Asks to plug (`how` is "up") or unplug ("down") the NIC of a guest, named NAME or NAME.N; the answer is printed when it comes. */
void nets_link(struct mux *mux, char *name, const char *how);

/* Likewise to capture ("on") such a NIC, or an uplink by "uplink" or the name of its switch, or not to ("off"). NULL: shows what is captured. */
void nets_capture(struct mux *mux, char *name, const char *how);

/* Prints the answer once it is there; true if it was. */
bool nets_turn(struct mux *mux);
