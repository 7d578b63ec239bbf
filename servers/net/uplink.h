/* SPDX-License-Identifier: Apache-2.0 */
/* NICs as ports of switches. */
#pragma once

#include "description.h"
#include "nic.h"
#include "switch.h"

/* The NICs are open, or have failed; those that are an uplink become a port of its switch. forward is set up but for uplinks. */
void uplinks_init(const struct description *description, struct net_switch *net, unsigned nics, uint64_t hz, uint64_t (*now)(void));

/* The switch of a NIC; NULL: it is no uplink. */
const struct net_switch *uplink_net(unsigned nic);

/* For the NICs: a frame came, or a buffer was sent. */
void uplink_received(struct nic *nic, struct frame *frame);
void uplink_sent(struct nic *nic, void *token);

/* Lets the NICs of the set do what they have to, a bounded part of it. Returns those that have more. */
uint32_t uplinks_work(uint32_t set);

/* After a turn: what was sent goes on its way, and changes of links are seen. Returns the NICs that have room again for those who waited. */
uint32_t uplinks_kick(void);
