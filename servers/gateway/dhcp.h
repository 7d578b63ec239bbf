/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DHCP server (RFC 2131): every NIC of the description has its address for good, so nothing is remembered, and a gateway that was
 * started again answers as the one before. A client that is not in the description gets no answer.
 */
#pragma once

#include "description.h"

#define DHCP_SERVER_PORT 67u
#define DHCP_CLIENT_PORT 68u
#define DHCP_MESSAGE_MAX 576u /* bytes of an answer, at most */
#define DHCP_LEASE_SECONDS 3600u

struct dhcp_answer {
	size_t length;        /* bytes; 0: no answer */
	uint32_t destination; /* address; UINT32_MAX: to all */
	const struct lease *lease;
	uint8_t message[DHCP_MESSAGE_MAX];
};

/* Answers a message that came from the NIC with this address. */
void dhcp_serve(const struct description *description, const uint8_t source[MAC_SIZE], const uint8_t *message, size_t length,
		struct dhcp_answer *answer);
