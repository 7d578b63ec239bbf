/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway's own stack: lwIP, with an interface on each side. It answers ARP and ping, carries the DHCP server and the names inside, and asks
 * for an address outside. What is forwarded for guests does not come here.
 */
#pragma once

#include "description.h"
#include "link.h"

enum side { INSIDE, OUTSIDE, SIDES };

#define STACK_PORT_FIRST 61000u /* its own ports outside, and those above */

/* Before any other. now: ms. random: numbers that nobody can predict. */
void stack_init(const struct description *description, struct link link[SIDES], uint32_t (*now)(void), uint32_t (*random)(void));

/* Takes a copy of a frame, which stays the caller's; the checksum in it may be completed. */
void stack_input(enum side side, struct link_frame *frame);

/* Brings up interfaces whose NICs run, and does what is due. */
void stack_turn(void);

/* In how many ms something is due. */
uint32_t stack_wait(void);

/* The address outside, and whether a packet there is for all in its network; 0: none yet. */
uint32_t stack_outside(void);

/* The MAC to which packets for an address outside go. ask: asks for it if it is not known. */
bool stack_next_hop(uint32_t address, uint8_t mac[MAC_SIZE], bool ask);
