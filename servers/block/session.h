/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One disk of one guest: its queues in the guest's memory, and what is in flight. All that comes from the guest or its VMM is copied, then
 * checked; what makes no sense ends this session until its driver resets it.
 */
#pragma once

#include <libsys/limit.h>
#include <libsys/schedule.h>
#include <libsys/virtqueue.h>
#include <proto/block.h>

#include "description.h"
#include "volume.h"

#define SESSION_REQUESTS 64u /* in flight at most */
#define REQUEST_PIECES 150u  /* BLOCK_SEGMENTS_MAX, and one more at each boundary of guest RAM */

struct session;

/* Fixed parts of a discard or write zeroes request (virtio 1.2, section 5.2.6). */
struct request_range {
	uint64_t sector;
	uint32_t sectors;
	uint32_t flags;
};
#define REQUEST_RANGES BLOCK_DISCARD_RANGES

struct request {
	struct io io; /* the part that is under way */
	struct session *session;
	struct request *next; /* free ones */
	uint8_t *status;      /* in guest memory */
	uint64_t cost;        /* bytes that the schedule counts */
	uint64_t bytes;       /* of data */
	uint64_t sector;      /* of what is left after the part under way */
	uint32_t sectors;     /* how much is left after it */
	uint32_t written;     /* bytes that the used ring shall say on success */
	uint32_t pieces;      /* of data */
	uint32_t at, skip;    /* piece, and bytes into it, where the rest begins */
	uint16_t head;
	uint8_t queue;
	bool flush;           /* a flush must follow */
	union {
		struct io_segment piece[REQUEST_PIECES];
		struct request_range range[REQUEST_RANGES];
	};
};

enum session_pace {
	SESSION_IDLE,   /* its queues are empty, the driver notifies */
	SESSION_QUEUED, /* its flow is in the schedule */
	SESSION_HELD,   /* over its limit, until held_until */
	SESSION_FULL,   /* as many requests in flight as there may be: goes on when one ends */
	SESSION_BUSY,   /* some in flight: goes on when one ends, or at held_until */
};

struct session {
	struct flow flow; /* first */
	unsigned number;
	struct session_config config;
	struct volume *volume;    /* NULL: the session has failed */
	char problem[108];        /* then */
	struct schedule *schedule;
	struct block_session *shared;
	struct block_recovery *recovery;
	void (*signal)(unsigned session); /* the VMM's notification */
	uint64_t (*now)(void);

	/* The guest; RAM in pieces that are contiguous on the bus. */
	bool attached, detaching;
	uint32_t epoch;
	struct guest_memory memory;
	uint32_t ranges;
	struct { uint64_t offset, end, physical; } range[ATTACH_RANGES_MAX];

	/* The driver in it. */
	uint32_t serves;          /* the odd `wanted` that is served; 0: none */
	uint32_t done;            /* the `wanted` that is in effect, as the shared page says */
	uint32_t queues, next_queue;
	bool write_through;       /* the driver knows no flush */
	struct virtqueue queue[BLOCK_QUEUES_MAX];
	uint32_t touched;         /* bit per queue: something was given back in this turn */

	/* Requests. */
	enum session_pace pace;
	uint64_t held_until;      /* ticks */
	uint64_t moment;          /* ticks that it is left alone when busy */
	bool fresh;               /* something was taken since it was left alone */
	struct limit bytes, operations;
	struct request *free;
	uint32_t in_flight;
	struct block_session_status counters;
	uint32_t complaints;      /* lines in the log */
};

/*
 * Makes the rest of a session of which number, config, volume or problem, schedule, shared, recovery, signal and now are set. hz: of now.
 * request: SESSION_REQUESTS of them; may be NULL if there is no volume.
 */
void session_init(struct session *session, struct request *request, uint64_t hz);

/* The guest is there, and its disk is shown to it. The server has been started `starts` times. What was in flight goes on. */
void session_attach(struct session *session, const struct attachment *guest, uint32_t starts);

/* The guest shall be left alone. session_detached says when it is. */
void session_detach(struct session *session);
bool session_detached(const struct session *session);

/* The client signalled, or a doorbell rang. */
void session_look(struct session *session);

/* When the session wants to go on even if nothing happens, in ticks; DEADLINE_NEVER: it does not. */
static inline uint64_t session_deadline(const struct session *session)
{
	return session->pace == SESSION_HELD || session->pace == SESSION_BUSY ? session->held_until : DEADLINE_NEVER;
}

/* Lets it go on if that time has come. */
void session_unhold(struct session *session, uint64_t now);

/* For the schedule: takes one request. */
uint64_t session_take(struct flow *flow);

/* The queues make no sense. */
void session_break(struct session *session);

/* Signals the client, if the driver in the guest wants that for what was given back. At the end of a turn. */
void session_tell(struct session *session);

/* A request of the session has ended, with this status byte of virtio: gives it back. */
void session_give(struct session *session, struct request *request, uint8_t status, uint32_t written);
