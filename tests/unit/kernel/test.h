/* SPDX-License-Identifier: Apache-2.0 */
/* What every kernel test needs: cmocka with tests that enter themselves into the list of their program. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

void test_add(const char *name, CMUnitTestFunction function);

#define TEST(module, behaviour)                                                            \
	static void module##_##behaviour(void **state);                                    \
	__attribute__((constructor)) static void module##_##behaviour##_add(void)          \
	{                                                                                  \
		test_add(#module "." #behaviour, module##_##behaviour);                    \
	}                                                                                  \
	static void module##_##behaviour(void **unused_state __attribute__((unused)))

#define assert_ok(expression) assert_int_equal(expression, ERR_OK)
#define assert_err(name, expression) assert_int_equal(expression, ERR_##name)
