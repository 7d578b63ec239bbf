/* SPDX-License-Identifier: Apache-2.0 */
/* Frames for tests, and a naive model of checksums: one byte after the other. */
#pragma once

#include <frame.h>

#define ADDRESS_A { 0x52, 0x54, 0, 0, 0, 0xa }
#define ADDRESS_B { 0x52, 0x54, 0, 0, 0, 0xb }

enum { PACKET_TCP = 6, PACKET_UDP = 17 };

/* Writes Ethernet, IPv4 or IPv6 and TCP or UDP with `payload` bytes of a pattern; all checksums are right but the transport's, which is that of
 * the pseudo header. `tags`: VLANs, 0: no more. Returns the length. */
uint32_t packet_write(uint8_t *to, bool ipv6, uint8_t protocol, uint32_t payload, const uint16_t tags[3]);

/* Where the transport header of such a packet begins. */
uint32_t packet_transport(const uint8_t *packet);

/* Whether the IPv4 header's checksum, and that of TCP or UDP over its pseudo header, are right, and all lengths match. */
bool packet_good(const uint8_t *packet, uint32_t length);

/* A frame over this memory, of which the head is copied; the rest is in pieces of at most `piece` bytes. */
void packet_frame(struct frame *frame, const uint8_t *packet, uint32_t length, uint32_t piece);
