/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client <-> console server. A client owns one end of a channel: a memory area shared with the console, made by the root
 * task once and kept when the client restarts. Either side may write anything into it at any time: both keep their own
 * copy of the index that they own and check the other's before each use.
 *
 * Output and log are bytes; the console puts lines together. A producer adds its bytes, publishes `head`, and signals the
 * console's notification (resource "console", badge 1 << channel number) only if `console_waits` is not 0.
 * Input: the console adds bytes and signals the client's notification with CONSOLE_SIGNAL_INPUT.
 * A full output ring: the client waits for CONSOLE_SIGNAL_SPACE after setting `client_waits`, or drops and counts.
 */
#pragma once

#include <abi/types.h>

#define CONSOLE_OUTPUT_SIZE 32768u /* powers of two */
#define CONSOLE_LOG_SIZE 16384u
#define CONSOLE_INPUT_SIZE 4096u
#define CONSOLE_CHANNEL_SIZE 65536u
#define CONSOLE_CHANNELS_MAX 31u

/* Bits that the console signals to a client; a client may signal the last one to itself. */
enum { CONSOLE_SIGNAL_INPUT = 1 << 0, CONSOLE_SIGNAL_SPACE = 1 << 1, CONSOLE_SIGNAL_OWN = 1 << 2 };

/* A byte ring: indices count bytes for ever (modulo 2^32); head - tail <= size always holds, else the ring is reset. */
struct console_ring {
	uint32_t head; /* written by the producer */
	uint32_t pad0[15];
	uint32_t tail; /* written by the consumer */
	uint32_t pad1[15];
};

struct console_channel {
	struct console_ring output; /* client -> console: what a guest prints */
	struct console_ring log;    /* client -> console: the client's own messages, whole lines */
	struct console_ring input;  /* console -> client */
	uint32_t console_waits;     /* console: signal me when you add something */
	uint32_t client_waits;      /* client: signal me when there is room */
	uint64_t dropped;           /* client: output bytes dropped, ever */
	uint64_t exits;             /* client: guest exits so far */
	uint32_t columns, rows;     /* console: size of the terminal, 0 if unknown */
	uint8_t pad[4096 - 3 * 128 - 32];
	uint8_t output_bytes[CONSOLE_OUTPUT_SIZE];
	uint8_t log_bytes[CONSOLE_LOG_SIZE];
	uint8_t input_bytes[CONSOLE_INPUT_SIZE];
};
_Static_assert(sizeof(struct console_channel) <= CONSOLE_CHANNEL_SIZE, "channel size");
