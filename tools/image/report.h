/* SPDX-License-Identifier: Apache-2.0 */
/* Messages about the system description, in the form that editors and people know: "file:line: error: text". */
#pragma once

#include <stdio.h>

struct report {
	const char *file; /* as the user named it */
	FILE *stream;
	unsigned errors; /* reported so far */
};

/* An error at a line (from 1; 0: the file as a whole). */
__attribute__((format(printf, 3, 4))) void report_error(struct report *report, unsigned line, const char *format, ...);

/* What the user could do about the error reported last. */
__attribute__((format(printf, 3, 4))) void report_hint(struct report *report, unsigned line, const char *format, ...);
