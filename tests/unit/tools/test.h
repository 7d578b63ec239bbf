/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka, with what it needs included before it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* TEST(module, does_x_when_y): one test. */
#define TEST(module, name) static void test_##module##_##name(__attribute__((unused)) void **state)
