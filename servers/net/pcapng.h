/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captured frames as a pcapng file (draft-ietf-opsawg-pcapng): blocks in a stream, each written whole or not at all. Time stamps are in
 * nanoseconds since 1970.
 */
#pragma once

#include "frame.h"
#include "stream.h"

#define PCAPNG_END 8192u /* bytes that are kept free for the counts of interfaces at the end */
#define PCAPNG_SNAPLEN 262144u /* bytes of a frame that are kept, unless the user says so */

struct pcapng {
	struct stream stream;
	uint32_t snaplen;    /* bytes */
	uint32_t interfaces; /* of the section; 0: it has not begun */
	uint64_t written, limit; /* bytes of the file so far, and at most */
	bool full;           /* a block was beyond the limit: none but counts follow */
};

/* Directions as a NIC sees them: epb_flags, bits 0 and 1. */
enum pcapng_direction { PCAPNG_INBOUND = 1, PCAPNG_OUTBOUND = 2 };

/* What is known of a frame. */
struct pcapng_packet {
	uint32_t interface;
	enum pcapng_direction direction;
	uint64_t time;       /* ns */
	const char *comment; /* at most 64 characters; NULL: none */
	uint64_t lost;       /* frames of this interface that had no room since the last one */
};

/* Counts of an interface, for its end. */
struct pcapng_counts {
	uint64_t begin, end;   /* ns */
	uint64_t frames, lost; /* that came by, and of these had no room */
};

/*
 * Describes an interface, and begins the section with the first; *number is what its frames name. false: there is no room, or the file is full.
 * Texts: at most 63 bytes.
 */
bool pcapng_interface(struct pcapng *file, const char *name, const char *text, const uint8_t mac[ETHERNET_ADDRESS], uint32_t *number)
	__attribute__((warn_unused_result));

/* Writes a frame, as much of it as snaplen says. false: there is no room, or the file is full. */
bool pcapng_frame(struct pcapng *file, const struct pcapng_packet *packet, const struct frame *frame) __attribute__((warn_unused_result));

/* Writes the counts of an interface, if there is room. */
void pcapng_statistics(struct pcapng *file, uint32_t interface, const struct pcapng_counts *counts);
