/* SPDX-License-Identifier: Apache-2.0 */
/* What the device has got of a capture, read as another program would read it. */
#pragma once

#include <stdint.h>

#define PACKETS 4096u

/* A frame in the file. */
struct seen {
	unsigned section;
	char interface[24];
	uint64_t time;
	uint32_t kept, length, flags;
	uint64_t lost;
	const uint8_t *data;
	char comment[80];
};

extern struct captured {
	unsigned sections, interfaces, packets, statistics;
	uint32_t snaplen;
	char name[16][24];
	struct seen packet[PACKETS];
	uint64_t received, dropped; /* of the last statistics */
} file;

/* Reads it: whole blocks, or the test fails. */
void read_file(void);
