/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <proto/root.h>

const char *report_cause(uint64_t cause)
{
	static const char *const names[] = {
		"instruction address misaligned", "instruction access fault", "illegal instruction", "breakpoint",
		"load address misaligned",        "load access fault",        "store address misaligned", "store access fault",
		"unknown system call",            "system call",              "unknown cause",            "unknown cause",
		"instruction page fault",         "load page fault",          "unknown cause",            "store page fault",
	};

	return cause < sizeof(names) / sizeof(names[0]) ? names[cause] : "unknown cause";
}

const char *report_error(enum err err)
{
	switch (err) {
#define ERR(name, value, text) \
	case ERR_##name:       \
		return text;
#include <abi/errors.def>
#undef ERR
	}
	return "unknown error";
}

const char *report_crash(uint64_t reason)
{
	switch (reason) {
	case VMM_CRASH_UNSUPPORTED:
		return "it did something that is not supported";
	case VMM_CRASH_CONFIG:
		return "it could not be loaded";
	case VMM_CRASH_GUEST:
		return "its system failed";
	default:
		return "its VMM gave up";
	}
}
