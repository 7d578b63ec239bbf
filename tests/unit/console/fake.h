/* SPDX-License-Identifier: Apache-2.0 */
/* Around the multiplexer: a terminal that shows what a user sees, clients, a clock and a root task. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mux.h"

#define TEST(module, behaviour) static void module##_##behaviour(void **state __attribute__((unused)))

#define FAKE_ROWS 4000
#define FAKE_COLUMNS 200
#define FAKE_OUT (1u << 20)

enum { SERAI, ALPHA, BETA, FAKE_CHANNELS };

struct fake {
	struct mux mux;
	struct console_channel shared[FAKE_CHANNELS];
	struct ring_end output[FAKE_CHANNELS], log[FAKE_CHANNELS], input[FAKE_CHANNELS]; /* the clients' ends */
	uint8_t scrollback[FAKE_CHANNELS][SCROLLBACK_SIZE_MIN];
	uint64_t now;
	size_t room;
	uint32_t signalled[FAKE_CHANNELS];
	uint64_t state[2], starts[2];
	unsigned requests; /* calls to the root task that change something */
	enum root_request last;
	uint64_t last_guest;
	unsigned answer;
	struct block_status block_status;
	struct block_command block_command;
	unsigned block_signals;
	struct net_status net_status;
	struct net_command net_command;
	unsigned net_signals;
	struct gateway_status gateway_status;
	/* the terminal */
	char row[FAKE_ROWS][FAKE_COLUMNS + 1];
	unsigned y, x;
	bool alternate, escape;
	char sequence[32];
	unsigned sequence_length;
	unsigned bells;
	/* raw bytes */
	uint8_t out[FAKE_OUT];
	size_t out_length;
};

extern struct fake fake;

/* A console with the guests alpha (focused) and beta, both running. */
int fake_setup(void **state);

/* What a client does. */
void fake_print(unsigned channel, const char *text);
void fake_log(unsigned channel, const char *text);

/* Lets the multiplexer work until nothing moves. */
void fake_run(void);

/* The user types. */
void fake_type(const char *text);

/* Time passes. */
void fake_wait(uint64_t ms);

/* What arrived in a guest's input ring; the buffer is reused. */
const char *fake_typed(unsigned channel);

/* A row of the terminal, counted from the cursor's (0) upwards. */
const char *fake_row(unsigned above);

/* Rows that contain the text. */
unsigned fake_count(const char *text);

/* Whether the raw output since the last call of fake_forget contains the text. */
bool fake_sent(const char *text);
void fake_forget(void);
