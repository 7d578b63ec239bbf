/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture: what ports send and get goes to files of the host too. The network never waits for that: what has no room is counted, and left
 * out of the file.
 */
#pragma once

#include "pcapng.h"
#include "switch.h"

struct capture_setup {
	unsigned files;    /* at most NET_CAPTURES_MAX */
	uint32_t snaplen;  /* bytes of a frame that are kept */
	uint64_t hz;       /* ticks a second */
	uint64_t epoch;    /* ns since 1970 at tick 0 */
	uint64_t (*now)(void);
	void (*open)(struct stream *stream, unsigned number); /* or leaves it closed */
	const char *name[NET_CAPTURES_MAX]; /* of the files, for the user */
	uint64_t limit[NET_CAPTURES_MAX];   /* of them, bytes; 0: none */
	uint64_t written[NET_CAPTURES_MAX]; /* of them already, bytes */
};

/* Nothing is captured; the files have nothing yet. */
void capture_init(const struct capture_setup *setup);

/* Tells what a port is: its name, its switch, where frames are counted, and in which file it is meant to be. Pointers stay the caller's. */
void capture_name(unsigned port, const char *name, const struct net_switch *net, struct net_port_status *counters, unsigned file);

/* Captures a port into a file, by its number, from now on. NULL, or why not. */
const char *capture_begin(unsigned port, unsigned file);
void capture_end(unsigned port);

/* For the user: the one or the other, into the file where the port is meant to be. The answer is a sentence; false: it is an error. */
bool capture_ask(unsigned port, bool on, char *answer, size_t size);

/* The ports that are captured; nothing of the following is called for others. */
extern port_set capture_ports;

static inline bool capture_wants(unsigned port)
{
	return __builtin_expect((capture_ports >> port & 1) != 0, 0);
}

/* A frame came from a port. drop: why it goes no further; NET_DROPS: it does. */
void capture_sent(unsigned port, const struct frame *frame, enum net_drop drop);

/* A frame was given to a port; drop: why not, or NET_DROPS. */
void capture_received(unsigned port, const struct frame *frame, enum net_drop drop);

/* Likewise of a plain frame in one piece. */
void capture_received_plain(unsigned port, const uint8_t *data, uint32_t length, enum net_drop drop);

/* Bytes of a file so far. */
uint64_t capture_written(unsigned file);

/* Ends all captures, as the machine goes down; and whether the devices have read all of them then. */
void capture_finish(void);
bool capture_is_done(void);

/* Lets the devices look, at the end of a turn. true: something waits, and this is to be called again soon. */
bool capture_kick(void);
