/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name server inside: answers what it knows, and hands on the rest to the server outside, each question from a port and with a number of
 * its own that nobody can guess. A guest has a few questions open at most.
 */
#pragma once

#include "description.h"
#include "lwip.h"

#define PROXY_QUESTIONS 32u /* that are open */
#define PROXY_SHARE 8u      /* of them, of one guest */
#define PROXY_MS 5000u      /* that an answer may take */

/* outside: NULL without one. */
void proxy_init(const struct description *description, struct netif *inside, struct netif *outside);
