/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The multiplexer: channels of guests on one side, one terminal on the other. Pure logic; what it needs from the system
 * comes through struct port. One thread; nothing here waits.
 *
 * The focused guest's bytes go to the terminal as they are; labels stand before its lines until the user types to it.
 * Everybody else's output appears in whole lines. When such a line comes while the focused guest (or the prompt) is in the
 * middle of a line, that line is taken away, and printed again afterwards. While a full-screen program has the terminal,
 * others' lines wait in the scrollback.
 */
#pragma once

#include <libsys/channel.h>
#include <proto/block.h>
#include <proto/gateway.h>
#include <proto/net.h>
#include <proto/root.h>
#include <proto/system.h>

#include "input.h"
#include "prompt.h"
#include "scrollback.h"
#include "terminal.h"

#define MUX_CHANNELS (SYSTEM_GUESTS_MAX + 4u) /* and those of root task, block and net server, and gateway */
#define MUX_NO_GUEST UINT32_MAX
#define MUX_PENDING_MAX 2048u /* typed bytes that wait for a guest with a full input ring */
#define MUX_CREDIT 65536u     /* bytes that an unfocused channel may send in a burst */
#define MUX_LABEL_MAX 48u     /* bytes of a label with its colours */
/* What the terminal queue must have room for before one step of work. */
#define MUX_ROOM 20480u
#define MUX_NEVER UINT64_MAX

/* What the multiplexer needs from outside. */
struct port {
	void *context;
	/* Bytes that `write` takes now. */
	size_t (*room)(void *context);
	/* To the terminal; never more than room. */
	void (*write)(void *context, const void *bytes, size_t length);
	/* CONSOLE_SIGNAL_* to the client of a channel. */
	void (*signal)(void *context, unsigned channel, uint32_t bits);
	/* A call to the root task: word[0] in is the guest; the answer's words come back. Returns enum root_error. */
	unsigned (*call)(void *context, enum root_request request, uint64_t word[5]);
	/* Milliseconds since some start. */
	uint64_t (*now)(void *context);
	/* The block server (<proto/block.h>): its pages, NULL if the system has no disks, and its signal. */
	const struct block_status *block_status;
	struct block_command *block_command;
	void (*block_signal)(void *context);
	/* The net server (<proto/net.h>), likewise. */
	const struct net_status *net_status;
	struct net_command *net_command;
	void (*net_signal)(void *context);
	/* The gateway's page (<proto/gateway.h>), NULL if the system has none. */
	const struct gateway_status *gateway_status;
};

struct label {
	size_t length;
	char text[MUX_LABEL_MAX];
};

struct channel {
	char name[SYSTEM_NAME_MAX + 1];
	uint8_t color;  /* ANSI colour 1 to 7 */
	uint32_t guest; /* number for the root task, or MUX_NO_GUEST */
	struct label label, log_label; /* before its lines, before its VMM's */
	struct console_channel *shared;
	struct ring_end output, log, input;
	struct terminal terminal;     /* what the guest prints */
	struct terminal log_terminal; /* what its VMM logs */
	struct scrollback scrollback;

	bool interactive;     /* the user has typed to this guest: no labels in its focused output */
	bool labelled;        /* the focused guest's current line has a label */
	bool returned;        /* a carriage return came in a labelled line */
	bool enter_typed;     /* since the last cursor addressing */
	uint64_t addressed_at; /* ms: last sequence in full-screen mode */

	unsigned shown;       /* cells of the current line that are on the screen, unfocused */
	uint64_t last_byte;   /* ms */
	uint64_t window;      /* ms: start of the current second of flood control */
	unsigned window_lines;
	bool flooding;
	uint64_t skipped;     /* latest lines that are in the scrollback only and not yet reported */
	uint64_t credit;      /* bytes that may be taken from the rings, unfocused */
	uint64_t credit_at;   /* ms */

	bool state_known;
	bool stop_asked;      /* the user stops it: the next "off" is no surprise */
	uint64_t state;       /* enum guest_state */
	uint64_t starts;
	uint64_t refuse_again; /* ms: until then the user knows that typing is in vain */
};

/* The scrollback being printed by the `log` command. */
struct mux_job {
	bool active;
	unsigned channel;
	uint64_t position, end;
};

struct mux {
	const struct port *port;
	unsigned channels;
	unsigned focus; /* channel */
	bool owner_shown; /* the line of the focused guest or of the prompt is on the terminal, and the cursor in it */
	bool shutdown;  /* ROOT_SHUTDOWN was asked for */
	struct input input;
	struct prompt prompt;
	struct mux_job job;
	uint32_t asked; /* sequence of the command that the block server has not answered yet; 0: none */
	uint32_t net_asked; /* likewise, the net server */
	bool input_added; /* signal the focused guest */
	unsigned pending_length;
	uint64_t pending_since; /* ms: last progress */
	uint8_t pending[MUX_PENDING_MAX];
	uint8_t text[TERMINAL_TEXT_MAX];
	struct channel channel[MUX_CHANNELS];
};

void mux_init(struct mux *mux, const struct port *port, uint8_t escape);

/* Adds a channel; the rings start at the state found. False if there are MUX_CHANNELS already, or the name is too long. */
bool mux_add(struct mux *mux, const char *name, uint8_t color, uint32_t guest, struct console_channel *shared,
	uint8_t *scrollback, size_t scrollback_size);

/* After the last mux_add: shows the greeting and focuses the first guest. */
void mux_start(struct mux *mux);

/* Bytes that mux_input can take now. */
size_t mux_input_room(const struct mux *mux);

/* One typed byte. */
void mux_input(struct mux *mux, uint8_t byte);

/* One bounded step for each channel, the focused one first. True: another one is due, whatever mux_prepare_wait says. */
bool mux_turn(struct mux *mux);

/* Takes what a client that has ended left in its rings, as far as the terminal's queue takes it. */
void mux_take_rest(struct mux *mux, struct channel *channel);

/* Asks the clients to signal what they add from now on. False if something is there already: call mux_turn again. */
bool mux_prepare_wait(struct mux *mux);

/* Asks the clients not to signal: mux_turn will be called soon. */
void mux_hold_signals(struct mux *mux);

/* A client has added something that mux_turn has not taken yet. */
bool mux_readable(const struct mux *mux);

/* When mux_turn has to be called even without a signal: ms, or MUX_NEVER. */
uint64_t mux_deadline(const struct mux *mux);

/* CONSOLE_SIGNAL_STATE: asks the root task for each guest's state and reports changes. */
void mux_states(struct mux *mux);

/* A line of the console's own log. */
void mux_log(struct mux *mux, const char *text, size_t length);

/* Hands waiting input to the focused guest; true if some moved. Part of mux_turn. */
bool mux_flush_input(struct mux *mux);

/* Commands use these. */
void mux_focus(struct mux *mux, unsigned channel);
void mux_close_prompt(struct mux *mux);
void mux_help(struct mux *mux);
