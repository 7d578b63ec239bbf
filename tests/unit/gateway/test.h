/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka with what it needs before it, and a short form of its tests. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TEST(module, what) static void module##_##what(void **state __attribute__((unused)))
#define RUN(module, what) { #module " " #what, module##_##what, NULL, NULL, NULL }
#define RUN_WITH(module, what, setup) { #module " " #what, module##_##what, setup, NULL, NULL }
