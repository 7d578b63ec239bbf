/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Untyped memory: the only source of objects. The watermark says what is given out; what lies between it and `clean` is
 * zero. An untyped whose children are all gone starts over.
 */
#pragma once

#include "objects.h"

struct retype_arguments {
	uint64_t type, size_bits;
	const struct cap *cnode; /* destination */
	uint64_t index, count;
};

/*
 * Makes `count` objects in a row. No CNode may be dying. ERR_INVALID_ARGUMENT (type, size), ERR_WRONG_TYPE (device memory
 * gives frames only), ERR_RANGE and ERR_SLOT_OCCUPIED (destination), ERR_NO_MEMORY, ERR_LIMIT; ERR_RESTART: interrupted.
 */
enum err untyped_retype(struct slot *untyped, const struct retype_arguments *arguments) must_check;
