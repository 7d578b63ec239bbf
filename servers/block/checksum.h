/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 in its two polynomials, least significant bit first, as GPT and overlays use them. */
#pragma once

#include <abi/types.h>

enum checksum_kind {
	CHECKSUM_CRC32,  /* ISO 3309, Ethernet: GPT */
	CHECKSUM_CRC32C, /* Castagnoli, RFC 3720 appendix B.4: overlays */
};

/* Goes on with a checksum; begin with 0. */
uint32_t checksum_add(enum checksum_kind kind, uint32_t checksum, const void *data, size_t length);
