/* SPDX-License-Identifier: Apache-2.0 */
/* Types that kernel and tasks share. Everything here is part of the binary interface. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Version of the whole interface: loader, kernel, root task and servers of one build carry the same. */
#define SERAI_ABI_VERSION 1u

/* What a system call answers. */
enum err {
#define ERR(name, value, text) ERR_##name = (value),
#include "errors.def"
#undef ERR
};

/* Numbers of the system calls, in a7. */
enum syscall {
#define SYSCALL(NAME, name, number, text) SYS_##NAME = (number),
#include "syscalls.def"
#undef SYSCALL
};

enum {
#define RIGHT(name, bit, text) RIGHT_##name = 1 << (bit),
#include "rights.def"
#undef RIGHT
	RIGHT_ALL = 15,
};

/* Capability types; also the `type` argument of retype. */
enum object_type {
#define OBJECT(NAME, name, number, text) OBJECT_##NAME = (number),
#define OPERATION(object, name, number, arguments, text)
#include "objects.def"
#undef OBJECT
#undef OPERATION
	OBJECT_TYPES,
};

/* Operations of `invoke`, numbered per object type. */
enum operation {
#define OBJECT(NAME, name, number, text)
#define OPERATION(object, name, number, arguments, text) OP_##object##_##name = (number),
#include "objects.def"
#undef OBJECT
#undef OPERATION
};

/* Index of a slot in the caller's CNode. Slot 0 is never used, so 0 means "none". */
typedef uint32_t cptr_t;

/* Objects of fixed size: log2 of the bytes taken from an untyped. A CNode takes CNODE_SLOT_BITS more than its size_bits. */
enum {
	CNODE_SLOT_BITS = 5,
	THREAD_BITS = 10,
	SCHED_CONTEXT_BITS = 8,
	ENDPOINT_BITS = 6,
	REPLY_BITS = 6,
	NOTIFICATION_BITS = 6,
	VSPACE_BITS = 12,
	PAGE_TABLE_BITS = 12,
	GSPACE_BITS = 14,
	VCPU_BITS = 10,
	UNTYPED_MIN_BITS = 6,
	UNTYPED_MAX_BITS = 37,
	CNODE_MIN_BITS = 1,
	CNODE_MAX_BITS = 16,
	RETYPE_COUNT_MAX = 1024, /* objects made by one retype */
};

#define DEADLINE_NEVER UINT64_MAX
