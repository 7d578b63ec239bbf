/* SPDX-License-Identifier: Apache-2.0 */
/* Fast copies and fills: those of picolibc for this target go byte by byte. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BLOCK 256u
#define SHORT 8u /* bytes; less go one by one */

typedef uint64_t __attribute__((may_alias)) word_t;
typedef uint32_t __attribute__((may_alias)) half_word_t;
typedef uint16_t __attribute__((may_alias)) quarter_word_t;
_Static_assert(sizeof(word_t) == 8, "word");

/* 64 bytes, 8 at a time: all loads of a half go before its stores, for cores that issue in order. */
static inline __attribute__((always_inline)) void copy_64(word_t *to, const word_t *from)
{
	word_t a = from[0], b = from[1], c = from[2], d = from[3], e = from[4], f = from[5], g = from[6], h = from[7];

	to[0] = a;
	to[1] = b;
	to[2] = c;
	to[3] = d;
	to[4] = e;
	to[5] = f;
	to[6] = g;
	to[7] = h;
}

/* 32 bytes of words that lie across those of the source. `low` is the word before `word`; returns the next one's. */
static inline __attribute__((always_inline)) uint64_t copy_32_shifted(word_t *to, const word_t *word, uint64_t low,
								       uint64_t right, uint64_t left)
{
	uint64_t a = word[0], b = word[1], c = word[2], d = word[3];

	to[0] = low >> right | a << left;
	to[1] = a >> right | b << left;
	to[2] = b >> right | c << left;
	to[3] = c >> right | d << left;
	return d;
}

/*
 * The next `length` bytes, 1 to 7, from any place. Only words that hold some of these are read; what else the words hold is
 * above them in the result.
 */
static inline __attribute__((always_inline, no_sanitize_address)) uint64_t load_few(const uint8_t *from, size_t length)
{
	uint64_t offset = (uintptr_t)from & 7;
	const word_t *word = (const word_t *)(from - offset);
	uint64_t value = word[0] >> 8 * offset;

	/* Then the offset is not 0. */
	if (offset + length > 8)
		value |= word[1] << (64 - 8 * offset);
	return value;
}

/* Stores as many bytes as lead to an aligned word. */
static inline __attribute__((always_inline)) void store_first(uint8_t *to, uint64_t value, size_t length)
{
	if (length & 1) {
		*to++ = (uint8_t)value;
		value >>= 8;
	}
	if (length & 2) {
		*(quarter_word_t *)to = (uint16_t)value;
		to += 2;
		value >>= 16;
	}
	if (length & 4)
		*(half_word_t *)to = (uint32_t)value;
}

/* Stores less than 8 bytes from an aligned word on. */
static inline __attribute__((always_inline)) void store_last(uint8_t *to, uint64_t value, size_t length)
{
	if (length & 4) {
		*(half_word_t *)to = (uint32_t)value;
		to += 4;
		value >>= 32;
	}
	if (length & 2) {
		*(quarter_word_t *)to = (uint16_t)value;
		to += 2;
		value >>= 16;
	}
	if (length & 1)
		*to = (uint8_t)value;
}

/* Where a copy is, and how many bytes are left. */
struct copy {
	uint8_t *to;
	const uint8_t *from;
	size_t left;
};

/* The whole words that are left, upwards to an aligned destination from an aligned source. */
static inline __attribute__((always_inline)) void copy_aligned(struct copy *copy)
{
	word_t *to = (word_t *)copy->to;
	const word_t *from = (const word_t *)copy->from, *end;

	for (end = from + copy->left / BLOCK * (BLOCK / 8); from != end; to += BLOCK / 8, from += BLOCK / 8) {
		copy_64(to, from);
		copy_64(to + 8, from + 8);
		copy_64(to + 16, from + 16);
		copy_64(to + 24, from + 24);
	}
	for (end = from + copy->left % BLOCK / 64 * 8; from != end; to += 8, from += 8)
		copy_64(to, from);
	for (end = from + copy->left % 64 / 8; from != end; to++, from++)
		*to = *from;
	copy->to = (uint8_t *)to;
	copy->from = (const uint8_t *)from;
	copy->left %= 8;
}

/* Likewise from a source that is not aligned, of which there is a byte at least. Only words that hold bytes of it are read. */
static inline __attribute__((always_inline, no_sanitize_address)) void copy_shifted(struct copy *copy)
{
	uint64_t offset = (uintptr_t)copy->from & 7, right = 8 * offset, left = 64 - right;
	word_t *to = (word_t *)copy->to;
	const word_t *word = (const word_t *)(copy->from - offset), *end;
	uint64_t low = *word++;

	for (end = word + copy->left / BLOCK * (BLOCK / 8); word != end; to += BLOCK / 8, word += BLOCK / 8) {
		low = copy_32_shifted(to, word, low, right, left);
		low = copy_32_shifted(to + 4, word + 4, low, right, left);
		low = copy_32_shifted(to + 8, word + 8, low, right, left);
		low = copy_32_shifted(to + 12, word + 12, low, right, left);
		low = copy_32_shifted(to + 16, word + 16, low, right, left);
		low = copy_32_shifted(to + 20, word + 20, low, right, left);
		low = copy_32_shifted(to + 24, word + 24, low, right, left);
		low = copy_32_shifted(to + 28, word + 28, low, right, left);
	}
	for (end = word + copy->left % BLOCK / 32 * 4; word != end; to += 4, word += 4)
		low = copy_32_shifted(to, word, low, right, left);
	for (end = word + copy->left % 32 / 8; word != end; to++) {
		uint64_t high = *word++;

		*to = low >> right | high << left;
		low = high;
	}
	copy->to = (uint8_t *)to;
	copy->from = (const uint8_t *)(word - 1) + offset;
	copy->left %= 8;
}

/* Upwards: right for any overlap with the destination below the source. Returns the destination. */
static __attribute__((noinline)) void *copy_up(void *destination, const void *source, size_t length)
{
	struct copy copy = { destination, source, length };
	size_t first = -(uintptr_t)destination & 7;

	if (length < SHORT) {
		for (; copy.left; copy.left--)
			*copy.to++ = *copy.from++;
		return destination;
	}
	if (first) {
		store_first(copy.to, load_few(copy.from, first), first);
		copy.to += first;
		copy.from += first;
		copy.left -= first;
	}
	if ((uintptr_t)copy.from & 7)
		copy_shifted(&copy);
	else
		copy_aligned(&copy);
	if (copy.left)
		store_last(copy.to, load_few(copy.from, copy.left), copy.left);
	return destination;
}

/* Downwards: right for any overlap with the destination above the source. */
static void copy_down(uint8_t *to, const uint8_t *from, size_t length)
{
	to += length;
	from += length;
	uintptr_t difference = (uintptr_t)to ^ (uintptr_t)from;

	if ((difference & 3) == 0) {
		for (; length && ((uintptr_t)to & 7); length--)
			*--to = *--from;
		if (difference & 4) {
			for (; length >= 4; length -= 4) {
				to -= 4;
				from -= 4;
				*(half_word_t *)to = *(const half_word_t *)from;
			}
		} else {
			for (; length >= 64; length -= 64) {
				to -= 64;
				from -= 64;
				copy_64((word_t *)to, (const word_t *)from);
			}
			for (; length >= 8; length -= 8) {
				to -= 8;
				from -= 8;
				*(word_t *)to = *(const word_t *)from;
			}
		}
	}
	for (; length; length--)
		*--to = *--from;
}

void *memcpy(void *restrict destination, const void *restrict source, size_t length)
{
	return copy_up(destination, source, length);
}

void *memmove(void *destination, const void *source, size_t length)
{
	if ((uintptr_t)destination <= (uintptr_t)source)
		return copy_up(destination, source, length);
	copy_down(destination, source, length);
	return destination;
}

void *memset(void *destination, int value, size_t length)
{
	uint8_t *to = destination;
	uint64_t pattern = (uint8_t)value * UINT64_C(0x0101010101010101);

	for (; length && ((uintptr_t)to & 7); length--)
		*to++ = (uint8_t)value;
	for (; length >= 64; length -= 64, to += 64) {
		word_t *word = (word_t *)to;

		word[0] = pattern;
		word[1] = pattern;
		word[2] = pattern;
		word[3] = pattern;
		word[4] = pattern;
		word[5] = pattern;
		word[6] = pattern;
		word[7] = pattern;
	}
	for (; length >= 8; length -= 8, to += 8)
		*(word_t *)to = pattern;
	for (; length; length--)
		*to++ = (uint8_t)value;
	return destination;
}
