/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What others signal to this VMM, in one word: bits of the console (<proto/console.h>), the block server
 * (<proto/block.h>) and the net server (<proto/net.h>).
 */
#pragma once

#include "console.h"
#include "disks.h"
#include "nics.h"

/* Deals with these bits, and with those that a thread took before while it waited for something else. The caller has the lock. */
static inline void signals_take(uint64_t bits)
{
	bits = console_signalled(bits);
	disks_signalled(bits);
	nics_signalled(bits);
}
