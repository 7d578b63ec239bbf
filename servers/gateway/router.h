/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of each frame: the gateway's own stack, the other side with its addresses translated, or nothing. */
#pragma once

#include "nat.h"
#include "stack.h"

/* Before any other; nat and links are ready. */
void router_init(const struct description *description, struct link link[SIDES], struct nat *nat);

/* Deals with what came on both sides. now: ms. true: there is more. */
bool router_turn(uint64_t now);
