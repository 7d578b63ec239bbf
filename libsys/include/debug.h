/* SPDX-License-Identifier: Apache-2.0 */
/* The debug system call. Kernels without SERAI_DEBUG answer it with an error, and these do nothing. */
#pragma once

#include <abi/types.h>

/* One byte to the firmware's console. */
void debug_putchar(char c);

/* Lets the kernel check its invariants; false if this kernel cannot. */
bool debug_check(uint64_t *violations);

/* From now on the kernel checks them after every so many system calls, and panics; 0: no longer. */
void debug_watch(uint64_t calls);
