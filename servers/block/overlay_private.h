/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of an overlay, among themselves. No part waits: each is a piece of work that runs when what it began has ended. All work of an
 * overlay is done by one loop (overlay_run), so nothing is entered twice and the stack does not grow with the number of requests.
 */
#pragma once

#include <proto/overlay.h>

#include "overlay.h"

#define OVERLAY_REQUESTS 128u  /* transfers at work */
#define OVERLAY_CHILDREN 192u  /* parts of them, besides the first of each */
#ifndef OVERLAY_COPIES_MAX     /* tests have less of these, and of notes */
#define OVERLAY_COPIES_MAX 16u /* clusters that a deletion moves until others have their turn */
#endif
#ifndef OVERLAY_EXTENT_MAX
#define OVERLAY_EXTENT_MAX 8192u /* sectors that a part of a write has at most */
#endif

#define BLOCK_SECTORS (OVERLAY_BLOCK >> SECTOR_BITS)
#define CLUSTER_SECTORS (OVERLAY_CLUSTER >> SECTOR_BITS)

/* Parts of the memory for DMA, bytes from its begin. */
#define OVERLAY_STAGING (128u << 10)    /* a journal record */
#define OVERLAY_STAGING_SIZE ((1 + OVERLAY_JOURNAL_PAGES) * OVERLAY_BLOCK)
#define OVERLAY_HEAD (OVERLAY_STAGING + OVERLAY_STAGING_SIZE) /* a superblock */
#define OVERLAY_BOUNCE (384u << 10)
#define OVERLAY_BOUNCE_SIZE (128u << 10)
_Static_assert(OVERLAY_HEAD + OVERLAY_BLOCK <= OVERLAY_BOUNCE, "parts of the memory");
_Static_assert(OVERLAY_BOUNCE + OVERLAY_BOUNCE_SIZE <= BLOCK_DMA_OVERLAY, "parts of the memory");

/*
 * Notes: changes of maps that were acknowledged and may not yet be on the disk, in order, at the begin of the memory that outlives the server.
 * A server that takes over applies them to what the disk has.
 */
struct overlay_note {
	uint32_t layer; /* id */
	uint32_t index;
	struct overlay_entry entry; /* as it is from then on */
};
struct overlay_notes {
	uint64_t magic, store;
	uint64_t head, tail; /* counts; those from tail to head are there */
	uint8_t reserved[4096 - 32];
	struct overlay_note note[];
};
#ifndef OVERLAY_NOTES
#define OVERLAY_NOTES ((OVERLAY_STAGING - 4096u) / (unsigned)sizeof(struct overlay_note))
#endif
#define OVERLAY_NOTES_MAGIC UINT64_C(0x5345544f4e494153)

struct overlay_work {
	struct overlay_work *next;
	void (*run)(struct overlay *overlay);
	bool queued;
};

enum {
	PAGE_DIRTY = 1,  /* differs from the disk */
	PAGE_CHOSEN = 2, /* will be in the commit that is going on */
	PAGE_BAD = 4,    /* only the last journal record has it, not its place in the map: must be in the next record */
};

struct overlay_map {
	struct overlay_layer layer;
	struct overlay_entry *entry; /* of each cluster of the overlay, and some zeroed ones to fill the last page */
	uint8_t *page;               /* PAGE_* */
	uint32_t low, high;          /* pages outside are clean */
};

struct overlay_request;

struct overlay_child {
	struct io io;
	struct overlay_request *request;
	struct overlay_child *next;
	uint64_t sector; /* of the overlay */
	uint32_t notes;  /* kept free for it */
};

struct overlay_request {
	struct overlay *overlay;
	struct overlay_request *next;
	struct io *io;
	uint64_t sector, end;  /* what is not begun yet */
	const struct io_segment *segment;
	uint32_t segments, skip;
	unsigned outstanding;
	enum io_status status;
	bool first_used, queued;
	struct overlay_child first;
};

enum overlay_source { SOURCE_BASE, SOURCE_STORE, SOURCE_ZERO };

struct overlay_commit {
	struct overlay_work work;
	enum { COMMIT_IDLE, COMMIT_DATA, COMMIT_RECORD, COMMIT_FLUSH, COMMIT_HOMES } step;
	bool wanted, ended;          /* ended: what the step began */
	enum io_status status;
	struct io *waiting, *waiting_tail, *current; /* flushes for the next one, and of this one */
	uint64_t sequence;           /* of the last record that may be on the disk */
	unsigned half;               /* where the next one goes */
	uint64_t mark;               /* notes before it are part of this commit */
	unsigned chosen;             /* pages not yet staged */
	unsigned staged;
	struct { struct overlay_map *map; uint32_t page; uint8_t bad; } page[OVERLAY_JOURNAL_PAGES]; /* bad: PAGE_BAD, before */
	struct io io, home[OVERLAY_JOURNAL_PAGES];
	struct io_segment segment, home_segment[OVERLAY_JOURNAL_PAGES];
	unsigned homes;              /* on their way */
	bool home_failed;
};

/* A discard, zeroes, or a write of parts of blocks: alone in the overlay. */
struct overlay_exclusive {
	struct overlay_work work;
	struct io *io;
	uint64_t sector, end;
	enum { EXCLUSIVE_NEXT, EXCLUSIVE_READ, EXCLUSIVE_WRITE, EXCLUSIVE_COMMIT } step;
	bool ended;
	enum io_status status;
	struct io inner;
	struct io_segment segment;
	uint64_t inner_end;
};

enum overlay_step {
	STEP_BEGIN, STEP_COMMIT, STEP_PAGES, STEP_PAGES_FLUSH, /* a new top */
	STEP_MERGE, STEP_MERGE_READ, STEP_MERGE_WRITE, STEP_MERGE_ROOM, STEP_MERGE_COMMIT,
	STEP_HEAD, STEP_HEAD_FLUSH, STEP_HEAD_COPY, STEP_HEAD_COPY_FLUSH,
};

/* An operation on snapshots. */
struct overlay_operation {
	struct overlay_work work;
	bool busy;     /* there is one */
	bool resting;  /* others have their turn first */
	bool pending;  /* it wants to go on, alone */
	bool going;    /* it does */
	bool ended;    /* what the step began */
	bool final;    /* of a deletion: the head that is written is without the layer */
	enum block_operation operation;
	enum overlay_step step;
	enum io_status status;
	void (*done)(struct volume *volume, const char *problem);
	char name[OVERLAY_NAME_SIZE];
	unsigned layer;  /* its place */
	struct overlay_map top; /* the new one */
	uint32_t next;   /* page or cluster */
	uint16_t need;   /* blocks of the cluster that are moved */
	unsigned moved;  /* clusters since others had their turn */
	struct io io;
	struct io_segment segment;
};

/* While the overlay is opened. */
struct overlay_opening {
	struct overlay_work work;
	enum overlay_open_step { /* what has ended */
		OPEN_HEAD, OPEN_HEAD_COPY, OPEN_BASE, OPEN_JOURNAL, OPEN_JOURNAL_OTHER, OPEN_JOURNAL_AGAIN, OPEN_PAGES, OPEN_REPAIR,
		OPEN_REPAIR_FLUSH, FORMAT_PAGES, FORMAT_JOURNAL, FORMAT_JOURNAL_OTHER, FORMAT_FLUSH, FORMAT_HEAD, FORMAT_HEAD_FLUSH,
		FORMAT_COPY, FORMAT_COPY_FLUSH,
	} step;
	bool ended, finished, announced;
	enum io_status status;
	void (*done)(struct volume *volume);
	struct overlay_superblock copy[2];
	bool blank, repair;
	unsigned good;           /* the copy that counts */
	uint64_t next;           /* sector of the base, or page */
	unsigned layer;
	uint32_t checksum;       /* of the base */
	bool valid[2];           /* journal records */
	uint64_t sequence[2];
	struct io io;
	struct io_segment segment;
};

struct overlay {
	struct volume *volume, *base, *store;
	struct io_segment memory;
	struct overlay_notes *notes;
	uint32_t reserved_notes;
	/* The loop. */
	struct overlay_work *work, *work_tail;
	bool running;
	/* Maps, oldest first. */
	struct overlay_superblock head, next_head; /* as on the disk, and as an operation makes it */
	uint64_t id;                    /* first half of the uuid */
	struct overlay_map map[OVERLAY_LAYERS_MAX];
	unsigned layers;
	uint32_t clusters, pages;       /* of the overlay, and of a map */
	uint32_t map_clusters;
	/* The store. A cluster that becomes free is given out again only when the disk's maps do without it. */
	uint32_t store_clusters, used_count, next_cluster;
	uint64_t *used, *leaving, *committing; /* bit per cluster */
	uint32_t leaving_count, committing_count;
	bool broken;                    /* nothing may be changed any more */
	/* Transfers. */
	struct overlay_work admission, transfers;
	struct io *queue, *queue_tail;
	unsigned active;                /* transfers at work */
	bool alone;                     /* the exclusive one is at work */
	struct overlay_request *free_requests, *ready, *ready_tail;
	struct overlay_request *child_waiting, *note_waiting;
	struct overlay_child *free_children;
	struct overlay_request request[OVERLAY_REQUESTS], inner;
	struct overlay_child child[OVERLAY_CHILDREN];
	struct overlay_exclusive exclusive;
	struct overlay_commit commit;
	struct overlay_operation operation;
	struct overlay_opening opening;
};

static inline uint32_t overlay_min(uint64_t a, uint64_t b)
{
	return (uint32_t)(a < b ? a : b);
}

static inline struct overlay_map *overlay_top(struct overlay *overlay)
{
	return &overlay->map[overlay->layers - 1];
}

/* overlay.c: puts work into the loop, and runs the loop unless it runs. */
void overlay_queue(struct overlay *overlay, struct overlay_work *work);
void overlay_run(struct overlay *overlay);
void overlay_init(struct overlay *overlay);
/* Lets transfers that wait begin if they can. */
void overlay_admit(struct overlay *overlay);
/* What is wrong with the store: nothing is changed from now on. */
void overlay_break(struct overlay *overlay, const char *why);
struct io_segment overlay_memory(const struct overlay *overlay, uint32_t offset, uint32_t length);

/* overlay_map.c: memory for a map. false: there is none. */
bool overlay_map_make(const struct overlay *overlay, struct overlay_map *map);
void overlay_map_free(struct overlay_map *map);
/* Where the sectors from this one on are. Returns how many of them, at most `sectors`, are there in one piece; *place: in the store. */
uint32_t overlay_find(const struct overlay *overlay, uint64_t sector, uint32_t sectors, enum overlay_source *source, uint64_t *place);
/* A free cluster, or the first of several in a row; 0: there is none. */
uint32_t overlay_allocate(struct overlay *overlay);
uint32_t overlay_allocate_row(struct overlay *overlay, uint32_t count);
/* The cluster is free: now, or when the next commit has ended. */
void overlay_release(struct overlay *overlay, uint32_t cluster);
void overlay_leave(struct overlay *overlay, uint32_t cluster);
bool overlay_is_used(const struct overlay *overlay, uint32_t cluster);
void overlay_use(struct overlay *overlay, uint32_t cluster);
/* Changes an entry in memory; the cluster it had before leaves if it has another now. */
void overlay_set(struct overlay *overlay, struct overlay_map *map, uint32_t index, struct overlay_entry entry);
/* The same with a note, for which there is room. */
void overlay_change(struct overlay *overlay, struct overlay_map *map, uint32_t index, struct overlay_entry entry);
bool overlay_notes_room(const struct overlay *overlay, uint32_t count);
void overlay_mark_page(struct overlay_map *map, uint32_t page, uint8_t state);

/* overlay_transfer.c: begins a transfer of an aligned write or a read; `inner` is for the overlay's own, one at a time. */
void overlay_begin(struct overlay *overlay, struct io *io, bool inner);
void overlay_transfers_run(struct overlay *overlay);
/* The short way: begins a transfer that is one transfer of base or store and changes nothing. false: it is none, or others come first. */
bool overlay_begin_direct(struct overlay *overlay, struct io *io);
void overlay_notes_came(struct overlay *overlay, enum io_status status);

/* overlay_exclusive.c */
bool overlay_is_exclusive(struct overlay *overlay, const struct io *io);
void overlay_exclusive_begin(struct overlay *overlay, struct io *io);

/* overlay_commit.c: *io is done when all that was done before this is on the disk. */
void overlay_flush(struct overlay *overlay, struct io *io);
/* Commits because notes get many. */
void overlay_commit_now(struct overlay *overlay);
void overlay_commit_init(struct overlay *overlay);
bool overlay_commit_idle(const struct overlay *overlay);
uint32_t overlay_page_checksum(const struct overlay_page *page);
uint32_t overlay_journal_checksum(const struct overlay_journal *journal);
uint32_t overlay_head_checksum(const struct overlay_superblock *head);
/* Fills a page as it is on the disk. */
void overlay_page_fill(const struct overlay *overlay, const struct overlay_map *map, uint32_t index, uint64_t sequence,
		       struct overlay_page *page);

/* overlay_check.c: each puts what is wrong into the volume's problem; false then. The head's fields fit each other, base and store. */
bool overlay_check_head(struct overlay *overlay, const struct overlay_superblock *head, uint32_t base_checksum);
/* Takes a page as the disk has it, or as the journal record that is staged has it. */
bool overlay_take_page(struct overlay *overlay, struct overlay_map *map, uint32_t index, const struct overlay_page *page,
		       uint64_t sequence);
/* Whether the memory for staging has a valid record. */
bool overlay_check_journal(const struct overlay *overlay, uint64_t *sequence);
/* After all pages: every entry makes sense, no cluster is used twice; then the notes of the server before. */
bool overlay_check_maps(struct overlay *overlay);
bool overlay_take_notes(struct overlay *overlay);
bool overlay_problem(struct overlay *overlay, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* overlay_open.c: reads the heads, and goes on from there. */
void overlay_opening_begin(struct overlay *overlay);
/* The transfer whose end is this step, to be filled and submitted; and ready-made ones: a flush, a write of a copy of the head. */
struct io *overlay_opening_io(struct overlay *overlay, enum overlay_open_step step);
void overlay_opening_flush(struct overlay *overlay, enum overlay_open_step step);
void overlay_opening_head(struct overlay *overlay, enum overlay_open_step step, bool second);
void overlay_set_id(struct overlay *overlay, const struct overlay_superblock *head);

/* overlay_format.c: begins to format; false: it cannot be. Then each next step; the last is overlay_opening_begin. */
bool overlay_format_begin(struct overlay *overlay);
void overlay_format_step(struct overlay *overlay);

/* overlay_snapshot.c */
void overlay_operation_init(struct overlay *overlay);
void overlay_snapshot(struct volume *volume, enum block_operation operation, const char *name,
		      void (*done)(struct volume *volume, const char *problem));
/* Fills the memory between with pages of a map without entries, from this one on, and *io to write them. Returns their number. */
uint32_t overlay_new_pages(struct overlay *overlay, const struct overlay_map *map, uint32_t first, struct io_segment *segment, struct io *io);
/* What of `lower` is not hidden by `upper`: blocks, and zeros. */
uint16_t overlay_shown(const struct overlay_entry *lower, const struct overlay_entry *upper);
uint16_t overlay_shown_zero(const struct overlay_entry *lower, const struct overlay_entry *upper);
/* Fills the place for it in memory, with its checksum, from `head`; *io is to write its first or second copy. */
void overlay_head_io(struct overlay *overlay, const struct overlay_superblock *head, bool second, struct io_segment *segment,
		     struct io *io);
/* Goes on with a deletion that a server before this one had begun. */
void overlay_resume_deletion(struct overlay *overlay, unsigned layer);
