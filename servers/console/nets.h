/* SPDX-License-Identifier: Apache-2.0 */
/* What the prompt shows of networks, and what it asks of the net server (<proto/net.h>). */
#pragma once

#include "mux.h"

/* The ports of all switches: state, what went through, what was dropped and why. */
void nets_show(struct mux *mux);

/* Asks to plug or unplug the NIC of a guest; the answer is printed when it comes. */
void nets_link(struct mux *mux, uint32_t guest, uint32_t nic, bool up);

/* Prints the answer once it is there; true if it was. */
bool nets_turn(struct mux *mux);
