/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdarg.h>

static void print_place(const struct report *report, unsigned line, const char *kind)
{
	if (line)
		fprintf(report->stream, "%s:%u: %s: ", report->file, line, kind);
	else
		fprintf(report->stream, "%s: %s: ", report->file, kind);
}

void report_error(struct report *report, unsigned line, const char *format, ...)
{
	va_list arguments;

	print_place(report, line, "error");
	va_start(arguments, format);
	vfprintf(report->stream, format, arguments);
	va_end(arguments);
	fputc('\n', report->stream);
	report->errors++;
}

void report_hint(struct report *report, unsigned line, const char *format, ...)
{
	va_list arguments;

	print_place(report, line, "hint");
	va_start(arguments, format);
	vfprintf(report->stream, format, arguments);
	va_end(arguments);
	fputc('\n', report->stream);
}
