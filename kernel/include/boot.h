/* SPDX-License-Identifier: Apache-2.0 */
/* From the loader's handover to the first task. */
#pragma once

#include <abi/root_info.h>

#include "types.h"

/* Makes the root task with all capabilities of the machine; it runs when the kernel is left next. */
void boot_root_task(const struct handover *handover);

/* Cuts a region into naturally aligned powers of two of at least 4 KiB; returns how many, at most `limit`. */
unsigned boot_split(uint64_t base, uint64_t size, struct untyped_info *out, unsigned limit);

/* Kernel memory outside all untyped, in bytes. */
extern uint64_t kernel_bytes;
