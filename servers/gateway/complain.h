/* SPDX-License-Identifier: Apache-2.0 */
/* Errors by ICMP (RFC 792, RFC 1122 section 3.2.2) that tell a guest at once why its packet went nowhere. */
#pragma once

#include "link.h"

#define ETHERNET 14u /* bytes of a header */
#define IP_HEADER 20u
#define TYPE_IPV4 0x0800u
#define COMPLAIN_MOST 100u /* to a guest in a second */

enum complaint { COMPLAIN_NET, COMPLAIN_PROTOCOL, COMPLAIN_PORT, COMPLAIN_PROHIBITED, COMPLAIN_HOPS };

/* Before the other. */
void complain_init(const struct description *description, struct link *inside);

/* Sends one about a guest's packet as it came, whose source has been checked; not about errors and later fragments. now: ms. */
void complain(const struct link_frame *about, enum complaint complaint, uint64_t now);
