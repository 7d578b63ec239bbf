/* SPDX-License-Identifier: Apache-2.0 */
/* What lwIP asks of its compiler and its system. */
#pragma once

#include <stdint.h>

uint32_t stack_random(void);
_Noreturn void stack_failed(const char *what);

#define LWIP_NO_INTTYPES_H 0
#define LWIP_NO_UNISTD_H 1
#define SSIZE_MAX INT32_MAX
typedef int32_t ssize_t;
#define LWIP_RAND() stack_random()
#define LWIP_PLATFORM_DIAG(x) do { } while (0)
#define LWIP_PLATFORM_ASSERT(x) stack_failed(x)
#define BYTE_ORDER LITTLE_ENDIAN
