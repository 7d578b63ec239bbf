/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access to device registers, in order with each other and with memory: what was written to memory before a register is written is there
 * for the device, and what is read from memory after a register is what the device had put there.
 */
#pragma once

#include <abi/types.h>

/* size: 1, 2 or 4 bytes; the address is a multiple of it. */
uint32_t io_read(const volatile uint8_t *address, unsigned size);
void io_write(volatile uint8_t *address, unsigned size, uint32_t value);
