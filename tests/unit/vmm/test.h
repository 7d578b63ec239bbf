/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka with the headers that it wants before it, and the naming of our tests. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define TEST(module, name) static void module##_##name(void **state)
#define RUN(module, name) cmocka_unit_test(module##_##name)
