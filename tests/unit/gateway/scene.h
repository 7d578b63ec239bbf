/* SPDX-License-Identifier: Apache-2.0 */
/* A network for tests: gateway 10.77.0.1/24, guests alpha .10 and beta .11, outside 192.0.2.5; and packets on it. */
#pragma once

#include <nat.h>

#define INNER(host) (0x0a4d0000u | (host))
#define OUTER 0xc0000205u  /* 192.0.2.5 */
#define REMOTE 0xc6336407u /* 198.51.100.7 */

extern struct description scene;
void scene_init(bool outside);

/* The same with a way out, and a table for it that knows its address there: OUTER. */
static inline void scene_nat(struct nat *nat)
{
	static const uint32_t random[2] = { 0x12345678, 0x9abcdef0 };

	scene_init(true);
	nat_init(nat, &scene, random);
	nat_set_outside(nat, OUTER);
}

enum { ICMP = 1, TCP = 6, UDP = 17 };

/* A packet in memory of exactly its size, so that a step beyond it is seen. Checksums are right. */
struct packet {
	uint8_t *ip;
	uint32_t size;
	struct nat_packet view;
};

/* TCP and UDP with ports; ICMP: type and identifier. payload: bytes behind the transport header. */
struct packet packet_make(uint8_t protocol, uint32_t from, uint16_t from_port, uint32_t to, uint16_t to_port, uint32_t payload);
/* Of TCP. */
struct packet packet_tcp(uint32_t from, uint16_t from_port, uint32_t to, uint16_t to_port, uint8_t flags);
/* An error by ICMP about the first 28 bytes of a packet. */
struct packet packet_error(uint32_t from, uint32_t to, uint8_t type, uint8_t code, const struct packet *about);
/* A part of a packet: `size` bytes from `from` on behind its IP header, as a fragment. */
struct packet packet_fragment(const struct packet *whole, uint32_t from, uint32_t size);
/* With only the sum of the pseudo-header in the checksum. */
void packet_make_partial(struct packet *packet);
void packet_free(struct packet *packet);

/* Whether all checksums in it are right, of what an ICMP error quotes too. */
bool packet_is_right(const struct packet *packet);

uint32_t packet_source(const struct packet *packet);
uint32_t packet_target(const struct packet *packet);
uint16_t packet_source_port(const struct packet *packet);
uint16_t packet_target_port(const struct packet *packet);
