/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the system description (<proto/system.h>), whoever it comes from: every length is checked. Needs libfdt. */
#pragma once

#include <libfdt.h>
#include <proto/system.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Why `size` bytes are no description for this version of the system, or NULL. */
static inline const char *description_check(const void *tree, size_t size)
{
	if (size < sizeof(struct fdt_header) || fdt_check_header(tree) != 0 || fdt_totalsize(tree) > size)
		return "not a flattened device tree";
	if (fdt_node_check_compatible(tree, 0, SYSTEM_COMPATIBLE) != 0)
		return "made for another version of the system";
	return NULL;
}

/* A number of one or two cells, or `otherwise`. */
static inline uint64_t description_number(const void *tree, int node, const char *name, uint64_t otherwise)
{
	int length;
	const fdt32_t *value = fdt_getprop(tree, node, name, &length);

	if (value && length == 4)
		return fdt32_ld(value);
	if (value && length == 8)
		return (uint64_t)fdt32_ld(value) << 32 | fdt32_ld(value + 1);
	return otherwise;
}

/* Whether there is an empty property, or any other, of this name. */
static inline bool description_flag(const void *tree, int node, const char *name)
{
	return fdt_getprop(tree, node, name, NULL) != NULL;
}

/* Copies a string into `size` bytes. false: it is there, but is no string or too long. Missing: empty. */
static inline bool description_string(const void *tree, int node, const char *name, char *to, size_t size)
{
	int length;
	const char *value = fdt_getprop(tree, node, name, &length);

	*to = '\0';
	if (!value)
		return true;
	if (length < 1 || (size_t)length > size || memchr(value, '\0', (size_t)length) != value + length - 1)
		return false;
	memcpy(to, value, (size_t)length);
	return true;
}

/* Copies the name of a node into `size` bytes. false: it is empty or too long. */
static inline bool description_name(const void *tree, int node, char *to, size_t size)
{
	int length;
	const char *name = fdt_get_name(tree, node, &length);

	if (!name || length < 1 || (size_t)length >= size)
		return false;
	memcpy(to, name, (size_t)length + 1);
	return true;
}
