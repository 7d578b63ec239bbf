/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a TOML file into a plain tree. The parser is toml++; this is all of it that the C code sees. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum toml_kind {
	TOML_TABLE,
	TOML_STRING,
	TOML_INTEGER,
	TOML_BOOLEAN,
	TOML_ARRAY,
	TOML_OTHER, /* floating point, dates, arrays in arrays: nothing in a system description is one */
	TOML_ANY,   /* only in lists of keys: the reader of the key checks its type */
};

/* One key with its value. Children of a table or an array stand in the order of the file; those of an array have no key. */
struct toml_node {
	char *key; /* NULL for the file itself, and in an array */
	unsigned line; /* from 1 */
	unsigned column;
	enum toml_kind kind;
	char *string; /* TOML_STRING: UTF-8; bytes after a NUL character are lost, see `truncated` */
	bool truncated; /* the string has a NUL character */
	bool boolean;
	int64_t integer;
	struct toml_node *child;
	size_t children;
};

struct toml_error {
	unsigned line;
	char text[256];
};

/* The tree of a file's text, or NULL with *error set. Free with toml_free. */
struct toml_node *toml_read(const char *text, size_t length, struct toml_error *error);

/* Also takes NULL. */
void toml_free(struct toml_node *root);

#ifdef __cplusplus
}
#endif
