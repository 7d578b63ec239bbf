/* SPDX-License-Identifier: Apache-2.0 */
/* Random bytes for the guests' seeds: ChaCha20 (RFC 8439) with a new key after each request, so that the state never
 * tells what was given out before. */
#pragma once

#include <abi/types.h>

/* One block of ChaCha20: 32 bytes of key, 12 of nonce, 64 bytes out. */
void chacha20_block(const uint8_t key[32], uint32_t counter, const uint8_t nonce[12], uint8_t output[64]);

/* Mixes in seed bytes and a number that differs between boots. May be called again. */
void random_seed(const void *seed, size_t length, uint64_t number);

/* At most 64 bytes at once. */
void random_bytes(void *output, size_t length);
