/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A naive model of capability management: every capability knows its parent, its place and its object; every object its
 * memory. Nothing is computed that can be stored, and every question is answered by looking at everything.
 */
#pragma once

#include "fixture.h"

#define MODEL_CAPS 512
#define MODEL_OBJECTS 1024
#define MODEL_NONE (-1)
#define MODEL_ENTRIES 2 /* entries of a table that the fuzzer ever uses: address bits 30, 21 and 12 */

enum model_inner { INNER_CSPACE, INNER_VSPACE, INNER_FAULT, INNER_GSPACE, INNER_FRAME, INNER_IRQ };

struct model_cap {
	bool live;
	uint8_t type, rights, size_bits;
	uint32_t badge;
	int object, parent;
	int holder;     /* the CNode, thread, vCPU or interrupt in which it lies */
	unsigned index; /* slot, or enum model_inner */
	int mapped_in;  /* a space, maybe dead, or MODEL_NONE */
	uint64_t mapped_at;
	unsigned level; /* page table: covers of its entry, set when mapped */
};

struct model_entry {
	int object; /* a page table or frame; MODEL_NONE */
	unsigned rights;
};

struct model_object {
	bool dead;
	uint8_t type, size_bits;
	uint64_t base, size; /* bytes of memory; size 0: none */
	uint64_t watermark;  /* untyped: bytes given out since its children were all gone last */
	unsigned source;     /* interrupt */
	struct model_entry entry[MODEL_ENTRIES];
};

struct model {
	struct model_cap cap[MODEL_CAPS];
	struct model_object object[MODEL_OBJECTS];
	int objects;
};

/* Stops the fuzzer with a message unless the condition holds. */
#define REQUIRE(condition)                                                                                \
	do {                                                                                              \
		if (!(condition))                                                                         \
			model_failed(__FILE__, __LINE__, #condition);                                     \
	} while (0)
_Noreturn void model_failed(const char *file, int line, const char *text);

/* The model of the freshly booted machine of the fixture. */
void model_boot(struct model *model);

/* The kernel's slot in which a capability must lie. */
struct slot *model_slot(const struct model *model, const struct model_cap *cap);

/* The capability in a slot of a CNode, or NULL. */
struct model_cap *model_find(struct model *model, int holder, uint64_t index);

/* The capability that the root task names so, or NULL. */
struct model_cap *model_lookup(struct model *model, uint64_t cptr);

bool model_has_children(const struct model *model, const struct model_cap *cap);
unsigned model_depth(const struct model *model, const struct model_cap *cap);
int model_add_object(struct model *model, unsigned type, unsigned size_bits, uint64_t base);

/* A copy of *source elsewhere, derived from it. */
struct model_cap *model_derive(struct model *model, const struct model_cap *source, int holder, unsigned index);

/* A capability to a new object. parent may be NULL. */
struct model_cap *model_add(struct model *model, int object, const struct model_cap *parent, int holder, unsigned index);

/* Deletes what derives from a capability, and the capability itself if `self`. */
void model_delete(struct model *model, struct model_cap *cap, bool self);

/* Empties dead CNodes. */
void model_reap(struct model *model);

/* Takes out one capability, as the kernel was seen to have done. */
void model_remove(struct model *model, struct model_cap *cap);

/* The model's MMU. */
struct model_entry *model_walk(struct model *model, int space, uint64_t at, unsigned level);
void model_unmap(struct model *model, struct model_cap *cap);

/* Compares everything with the kernel. */
void model_compare(struct model *model);

/* One invocation by the root task, and what the model does with it. */
struct request {
	cptr_t cap;
	uint64_t number, a[5];
	enum err (*model)(const struct request *request, struct model_cap *cap);
};

/* The model that the operations below work on. */
extern struct model the_model;

enum err model_retype(const struct request *request, struct model_cap *cap);
enum err model_mint(const struct request *request, struct model_cap *cap);
enum err model_move(const struct request *request, struct model_cap *cap);
enum err model_end(const struct request *request, struct model_cap *cap);
enum err model_thread(const struct request *request, struct model_cap *cap);
enum err model_vcpu(const struct request *request, struct model_cap *cap);
enum err model_frame(const struct request *request, struct model_cap *cap);
enum err model_table(const struct request *request, struct model_cap *cap);
enum err model_irq_get(const struct request *request, struct model_cap *cap);
enum err model_irq_bind(const struct request *request, struct model_cap *cap);
