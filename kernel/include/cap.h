/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities, the slots that hold them, and the derivation tree.
 *
 * All capabilities of the system stand in one list in pre-order of derivation. Parenthood is not stored: b was derived
 * from a exactly if b follows a, b's range lies in a's range, b's level is greater, and so for all between. A capability
 * never outlives the one it was derived from: deleting deletes the derived ones first, leaf by leaf, so each step is
 * short and the whole can be interrupted between any two.
 *
 * The list and all slots belong to capability management and are changed under the capability lock (smp.h). Other harts look
 * capabilities up meanwhile, by cap_read: docs/smp.md, "Slot".
 */
#pragma once

#include <abi/types.h>

#include "types.h"

/* Forms of a capability's last eight bytes: which one counts follows from the type (cap_form). */
struct cap {
	uint8_t type;      /* enum object_type */
	uint8_t rights;    /* RIGHT_*, CAP_DEVICE */
	uint8_t level;     /* depth of derivation */
	uint8_t size_bits; /* CNode: log2 of slots; untyped, frame: log2 of bytes; table: log2 of the bytes it maps */
	uint32_t word;     /* CNode: number of slots; badge; untyped: watermark in units; frame, table: space id of the mapping; space: its id */
	union {
		uint64_t object; /* kernel pointer; IRQ handler: source number; control capabilities: 0 */
		struct {
			uint32_t frame_number; /* frame, page table: physical address / 4 KiB */
			uint32_t page_number;  /* where it is mapped: address / 4 KiB, valid if word is not 0 */
		};
		struct {
			uint32_t base;  /* untyped: physical address / UNTYPED_UNIT */
			uint32_t clean; /* untyped: what lies from the watermark up to here, in units, is zero */
		};
	};
};

struct slot {
	struct cap cap;
	struct slot *prev, *next; /* the derivation list; NULL in an empty slot */
};
_Static_assert(sizeof(struct slot) == 1u << CNODE_SLOT_BITS, "slot size");

/* In `rights` of a frame: registers or other memory of a device untyped, which the kernel itself never touches. */
#define CAP_DEVICE 0x80u

#define UNTYPED_UNIT 64u /* bytes: the smallest object */
#define CAP_LEVEL_MAX 255u

static inline bool slot_empty(const struct slot *slot)
{
	return slot->cap.type == OBJECT_NULL;
}

/* The first eight bytes of a capability, which are read and written at once. */
union cap_head {
	uint64_t word;
	struct {
		uint8_t type, rights, level, size_bits;
		uint32_t badge;
	};
};

/* A slot's capability as it is at one moment, or an empty one. Valid until this kernel entry ends. */
static inline __attribute__((always_inline)) struct cap cap_read(const struct slot *slot)
{
	union cap_head head = { .word = __atomic_load_n((const uint64_t *)(const void *)&slot->cap, __ATOMIC_ACQUIRE) };

	return (struct cap){ .type = head.type,
			     .rights = head.rights,
			     .level = head.level,
			     .size_bits = head.size_bits,
			     .word = head.badge,
			     .object = __atomic_load_n(&slot->cap.object, __ATOMIC_RELAXED) };
}

/*
 * An emptied slot may still be looked at by other harts: before it is filled again they must have left the kernel once. In
 * an empty slot `next` holds the epoch (smp.h) in which it was emptied.
 */
void cap_prepare(const struct slot *slot);

/* Empties the derivation list and starts it anew: boot and tests. */
void cap_reset(void);

/* The range of a capability in the space in which derivation is computed: physical memory, then interrupts and controls. */
struct cap_range {
	uint64_t base, size;
};
struct cap_range cap_range(const struct cap *cap);

/* Was b derived from a, given that b stands behind a and everything between was? */
bool cap_is_descendant(const struct cap *a, const struct cap *b);

/* Puts a capability that has no parent at the end of the list: boot only. */
void cap_insert_root(struct slot *slot, struct cap cap);

/* Puts a capability derived from *parent into an empty slot and sets its level. The parent's level must be below the limit. */
void cap_insert_child(struct slot *parent, struct slot *slot, struct cap cap);

/* Moves a capability to an empty slot; its place in the tree stays. */
void cap_move(struct slot *from, struct slot *to);

bool cap_has_children(const struct slot *slot);

/*
 * One short step of deleting what was derived from *slot, or what is dying. Returns true when nothing is left to do.
 * The caller repeats it, and may let interrupts in between: the next attempt goes on where this one ended.
 */
bool cap_revoke_step(struct slot *slot);

/* One short step of deleting *slot itself with all derived from it. True when the slot is empty and nothing is dying. */
bool cap_delete_step(struct slot *slot);

/* One step of emptying dying CNodes; true when there are none. No memory is given out while there are some. */
bool cap_reap_step(void);

/* Removes a leaf that is a copy, at once: for the slots inside threads and vCPUs. Empty slots are left alone. */
void cap_drop_copy(struct slot *slot);

/* Checks the list: links, order, ranges, levels. Returns the number of violations. */
unsigned cap_check(void);
