/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the root task that look after backends share. */
#pragma once

#include <proto/attach.h>
#include <proto/block.h>
#include <proto/net.h>

#include "backend.h"
#include "layout.h"
#include "root.h"

#define BACKEND_PAGE 4096u
#define BACKEND_DEVICES_MAX 8u

/* Badges are the same for all kinds; see <proto/block.h>. */
#define BACKEND_SIGNAL_SESSION(session) BLOCK_SIGNAL_SESSION(session)
#define BACKEND_SIGNAL_DEVICE(device) BLOCK_SIGNAL_DEVICE(device)
#define BACKEND_SIGNAL_CONTROL BLOCK_SIGNAL_CONTROL

/* What distinguishes a kind of server. Sizes in bytes. */
struct backend_type {
	const char *name;    /* of the program, of its channel, and in the console's resources */
	const char *client;  /* one device of a guest, in the VMM's resources */
	const char *clients; /* how many it has, there */
	const char *device, *devices; /* one of the machine, and several of a guest, for people */
	uint32_t caller;     /* badge of its calls */
	uint32_t virtio;     /* kind of the machine's devices */
	unsigned devices_most;
	uint32_t quiet;      /* kind of those that it drives without interrupts, after the others; 0: none */
	unsigned quiet_most;
	uint64_t client_signal; /* to a VMM: bit of the guest's device 0 */
	uint64_t status_size;
	uint64_t status_guest;  /* where the status has the epochs that were answered */
	uint64_t status_ended;  /* and whether the server has ended its work as attach_table.ending asks; 0: it has none to end */
	uint64_t recovery_size; /* for each session */
	uint64_t (*dma_size)(unsigned devices);
	uint64_t (*heap_size)(unsigned sessions);
};
extern const struct backend_type backend_block, backend_net;

struct backend {
	const struct backend_type *type;
	enum backend_kind kind;
	struct task task;
	bool failed; /* cannot be started (again) */
	bool due;    /* to be started again */
	bool unsafe; /* a device could not be reset: it may still transfer data */
	struct restarts restarts;
	unsigned devices;
	unsigned quiet; /* of them, the last ones */
	const struct device *device[BACKEND_DEVICES_MAX];
	cptr_t notification, control, silence; /* the server's; the same, badged for the console; one that nobody signals */
	cptr_t accounts; /* in its CNode: <proto/attach.h> */
	cptr_t frames;
	unsigned pages;
	block_t dma; /* 0: none */
	cptr_t dma_frames;
	unsigned dma_bits; /* of a frame */
	uint64_t dma_physical;
};

/* The pages that stay: their order in the root task, in its slots, and in the server. */
#define BACKEND_TABLE_PAGES (ATTACH_TABLE_SIZE / BACKEND_PAGE)

static inline unsigned backend_status_pages(const struct backend *backend)
{
	return (unsigned)(backend->type->status_size / BACKEND_PAGE);
}

static inline unsigned backend_command_page(const struct backend *backend)
{
	return BACKEND_TABLE_PAGES + backend_status_pages(backend);
}

static inline unsigned backend_session_page(const struct backend *backend)
{
	return backend_command_page(backend) + 1;
}

static inline unsigned backend_recovery_page(const struct backend *backend)
{
	return backend_session_page(backend) + root.system.sessions[backend->kind];
}

static inline unsigned backend_recovery_pages(const struct backend *backend)
{
	return (unsigned)(root.system.sessions[backend->kind] * (backend->type->recovery_size / BACKEND_PAGE));
}

static inline uint8_t *backend_page(const struct backend *backend, unsigned number)
{
	return (uint8_t *)ROOT_BACKENDS_ADDRESS + backend->kind * ROOT_BACKEND_STRIDE + number * (uint64_t)BACKEND_PAGE;
}

static inline struct attach_table *backend_table(const struct backend *backend)
{
	return (struct attach_table *)backend_page(backend, 0);
}

/* Maps `count` of the pages. */
enum err backend_map_pages(const struct backend *backend, struct space *space, uint64_t address, unsigned first, unsigned count,
			   unsigned rights) __attribute__((warn_unused_result));

/* A session's page, emptied, and its signal under this name, for the gateway. */
enum err backend_give_session(enum backend_kind kind, struct task *client, const char *signal, unsigned session, uint64_t address)
	__attribute__((warn_unused_result));

/* Lends RAM that is not a guest's and is never used otherwise: the entry of the table is *attachment from then on; and takes it back. */
void backend_lend(enum backend_kind kind, unsigned number, const struct attachment *attachment);
void backend_take_back(enum backend_kind kind, unsigned number, const char *name);

/* backend_give.c: capabilities that the server's hold takes for its resources, and all of these but the RAM of guests. */
uint64_t backend_hold(const struct backend *backend);
enum err backend_give(struct backend *backend) __attribute__((warn_unused_result));
