/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of system descriptions share: a folder with files for guests and disks, and a reader of texts. */
#pragma once

#include "description.h"
#include "test.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER_MAX 64
#define TEXT_MAX 32768

static char folder[FOLDER_MAX] = "/tmp/serai-description-XXXXXX";
static char toml_path[FOLDER_MAX + 16];
static char messages[TEXT_MAX];

#define GUEST(name) "[guest." name "]\nmemory = \"32M\"\nkernel = \"image\"\n"

static void write_file(const char *name, const void *data, size_t size)
{
	char path[FOLDER_MAX + 32];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

/* Reads a description from text; messages hold what was reported. Returns the number of errors. */
static unsigned read_text(const char *text, size_t length, struct system_description *system)
{
	struct report report = { .file = "t.toml" };
	bool good;

	write_file("t.toml", text, length);
	memset(messages, 0, sizeof(messages));
	report.stream = fmemopen(messages, sizeof(messages) - 1, "w");
	assert_non_null(report.stream);
	good = description_read(toml_path, folder, &report, system);
	fclose(report.stream);
	assert_int_equal(good, report.errors == 0);
	return report.errors;
}

static unsigned count_errors(const char *text)
{
	struct system_description system;
	unsigned errors = read_text(text, strlen(text), &system);

	description_free(&system);
	return errors;
}

/* A wrong text; `place` and `error` and `hint` must appear in what is reported. */
struct wrong_text {
	const char *text;
	unsigned errors;
	const char *place;
	const char *error;
	const char *hint;
};

static void check_wrong(const struct wrong_text *wrong, size_t count)
{
	unsigned faults = 0;

	for (size_t i = 0; i < count; i++) {
		unsigned errors = count_errors(wrong[i].text);

		if (errors != wrong[i].errors || !strstr(messages, wrong[i].place) || !strstr(messages, wrong[i].error) ||
				!strstr(messages, wrong[i].hint))
			faults++, print_error("case %zu, %u errors:\n%s\nreports:\n%s", i, errors, wrong[i].text, messages);
	}
	assert_int_equal(faults, 0);
}

/* Files that the descriptions name. */
static void make_files(void)
{
	uint8_t image[8192] = { 0 };

	write_file("empty", image, 0);
	memcpy(image + 56, "RSC\x05", 4);
	image[8 + 2] = 0x20;  /* text_offset 0x200000 */
	image[16 + 2] = 0xc0; /* image_size 0xc00000 */
	write_file("image", image, sizeof(image));
	image[16 + 7] = 0xff;
	write_file("huge", image, sizeof(image));
	memset(image, 0x55, sizeof(image));
	write_file("noise", image, sizeof(image));
	image[0] = 0x1f;
	image[1] = 0x8b;
	write_file("gzip", image, sizeof(image));
	memcpy(image, "QFI\xfb", 4);
	write_file("qcow2", image, sizeof(image));
	memset(image, 0x55, sizeof(image));
	write_file("odd", image, 513);
}

static void remove_files(void)
{
	static const char *const names[] = { "empty", "image", "huge", "noise", "gzip", "qcow2", "odd", "t.toml" };
	char path[FOLDER_MAX + 32];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}
