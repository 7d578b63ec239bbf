/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the tests of one program: a fresh machine before each, the kernel's invariants after each. */
#include <stdlib.h>

#include "test.h"

#define TESTS_MAX 128u

static struct CMUnitTest tests[TESTS_MAX];
static size_t count;

static int set_up(void **state)
{
	(void)state;
	fixture_boot();
	return 0;
}

static int tear_down(void **state)
{
	const char *broken = invariants_broken();

	(void)state;
	if (broken)
		print_error("invariant broken: %s\n", broken);
	return broken ? -1 : 0;
}

void test_add(const char *name, CMUnitTestFunction function)
{
	if (count == TESTS_MAX)
		abort();
	tests[count++] = (struct CMUnitTest){ .name = name, .test_func = function, .setup_func = set_up, .teardown_func = tear_down };
}

int main(void)
{
	return _cmocka_run_group_tests("kernel", tests, count, NULL, NULL);
}
