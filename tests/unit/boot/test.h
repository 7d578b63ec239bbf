/* SPDX-License-Identifier: Apache-2.0 */
/* What every cmocka test needs, and the naming of tests. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TEST(module, behaviour) static void module##_##behaviour(void **state __attribute__((unused)))
