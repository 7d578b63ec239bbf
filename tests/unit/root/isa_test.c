/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "isa.h"

static char output[ISA_STRING_MAX];

TEST(isa, keeps_what_a_guest_may_have)
{
	const struct isa_features all = { true, true }, none = { false, false };
	const char *machine = "rv64imafdchv_zicbom_zicboz_zicsr_zifencei_zawrs_zba_zbb_zbc_zbs_sscofpmf_sstc_svadu";

	assert_true(isa_filter(machine, &all, output));
	assert_string_equal(output, "rv64imafdc_zicbom_zicboz_zicsr_zifencei_zba_zbb_zbc_zbs_sstc");
	assert_true(isa_filter(machine, &none, output));
	assert_string_equal(output, "rv64imafdc_zicsr_zifencei_zba_zbb_zbc_zbs");
	assert_true(isa_filter("rv64imac", &all, output));
	assert_string_equal(output, "rv64imac");
	assert_true(isa_filter("rv64ima_", &all, output));
	assert_string_equal(output, "rv64ima");
}

TEST(isa, leaves_out_what_does_not_fit)
{
	const struct isa_features all = { true, true };
	char large[2 * ISA_STRING_MAX] = "rv64imafdch_zbb";

	/* QEMU 10 lists more than 256 characters. */
	while (strlen(large) < sizeof(large) - 8)
		strcat(large, "_zfoo");
	strcat(large, "_sstc");
	assert_true(isa_filter(large, &all, output));
	assert_string_equal(output, "rv64imafdc_zbb_sstc");
	memset(large, 'm', sizeof(large) - 1);
	memcpy(large, "rv64i", 5);
	large[sizeof(large) - 1] = 0;
	assert_true(isa_filter(large, &all, output));
	assert_int_equal(strlen(output), ISA_STRING_MAX - 1);
}

TEST(isa, refuses_other_machines)
{
	const struct isa_features all = { true, true };

	assert_false(isa_filter("rv32imac", &all, output));
	assert_false(isa_filter("", &all, output));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(isa, keeps_what_a_guest_may_have),
		RUN(isa, leaves_out_what_does_not_fit),
		RUN(isa, refuses_other_machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
