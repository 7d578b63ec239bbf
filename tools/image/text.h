/* SPDX-License-Identifier: Apache-2.0 */
/* Small readers of what people write: sizes, keys, and words that are nearly right. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* "64K", "128M", "2G" or plain bytes: a decimal number, no sign, no space. False if it is not one or exceeds 2^63. */
bool text_read_size(const char *text, uint64_t *bytes);

/* The shortest exact form: "128M". Writes at most 24 bytes. */
void text_write_size(uint64_t bytes, char out[24]);

/* "25%" with unit "%", "10ms" with "ms": a decimal number and right after it the unit. False if it is not one. */
bool text_read_quantity(const char *text, const char *unit, uint64_t *number);

/* "ctrl-]" and its like: the control character, 1 to 31. False if it is not one. */
bool text_read_control_key(const char *text, uint8_t *key);

/* The word of a list that `word` was probably meant to be, or NULL. Words are `stride` bytes apart, each a const char *. */
const char *text_suggest(const char *word, const void *words, size_t count, size_t stride);

/* A path relative to the folder of a file, or as it is if absolute. The caller frees it. */
char *text_join_path(const char *folder, const char *path);

/* strdup and malloc that end the program when memory is out. */
char *text_copy(const char *text);
void *memory_allocate(size_t bytes);
