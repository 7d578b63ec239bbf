/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses as text. */
#pragma once

#include <abi/types.h>

/* Four numbers with dots. */
bool address_read4(const char *text, uint8_t to[4]);

/* As in RFC 4291, section 2.2, but without dots. */
bool address_read6(const char *text, uint8_t to[16]);
