/* SPDX-License-Identifier: Apache-2.0 */
/* Fast copies and fills: those of picolibc for this target go byte by byte. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BLOCK 256u
#define SHIFTED_MIN 24u         /* bytes; below that the preparations take longer */
#define SHIFTED_HALVES_MIN 256u /* the same where half words are aligned alike */

typedef uint64_t __attribute__((may_alias)) word_t;
typedef uint32_t __attribute__((may_alias)) half_word_t;
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

/*
 * Upwards by whole words to an aligned destination from a source that is not aligned. Only words that hold bytes of the source
 * are read; what else they hold is not used. Returns how many bytes were copied.
 */
static __attribute__((no_sanitize_address)) size_t copy_shifted(uint8_t *to, const uint8_t *from, size_t length)
{
	unsigned right = 8 * ((uintptr_t)from & 7), left = 64 - right;
	const word_t *word = (const word_t *)((uintptr_t)from & ~(uintptr_t)7);
	uint64_t low = *word++;
	size_t done;

	for (done = 0; length - done >= 64; done += 64, word += 8) {
		word_t *at = (word_t *)(to + done);
		uint64_t a = word[0], b = word[1], c = word[2], d = word[3], e = word[4], f = word[5], g = word[6], h = word[7];

		at[0] = low >> right | a << left;
		at[1] = a >> right | b << left;
		at[2] = b >> right | c << left;
		at[3] = c >> right | d << left;
		at[4] = d >> right | e << left;
		at[5] = e >> right | f << left;
		at[6] = f >> right | g << left;
		at[7] = g >> right | h << left;
		low = h;
	}
	for (; length - done >= 8; done += 8) {
		uint64_t high = *word++;

		*(word_t *)(to + done) = low >> right | high << left;
		low = high;
	}
	return done;
}

/* Upwards, between places that are not aligned alike. */
static __attribute__((noinline)) void copy_unaligned(uint8_t *to, const uint8_t *from, size_t length)
{
	size_t done;

	for (; (uintptr_t)to & 7; length--)
		*to++ = *from++;
	for (done = copy_shifted(to, from, length); done < length; done++)
		to[done] = from[done];
}

/* Upwards: right for any overlap with the destination below the source. */
static void copy_up(uint8_t *to, const uint8_t *from, size_t length)
{
	uintptr_t difference = (uintptr_t)to ^ (uintptr_t)from;

	if ((difference & 3) && length >= SHIFTED_MIN) {
		copy_unaligned(to, from, length);
		return;
	}
	if ((difference & 3) == 0) {
		for (; length && ((uintptr_t)to & 7); length--)
			*to++ = *from++;
		if (difference & 4) {
			if (length >= SHIFTED_HALVES_MIN) {
				copy_unaligned(to, from, length);
				return;
			}
			for (; length >= 4; length -= 4, to += 4, from += 4)
				*(half_word_t *)to = *(const half_word_t *)from;
		} else {
			for (const uint8_t *end = from + length / BLOCK * BLOCK; from != end; to += BLOCK, from += BLOCK) {
				copy_64((word_t *)to, (const word_t *)from);
				copy_64((word_t *)(to + 64), (const word_t *)(from + 64));
				copy_64((word_t *)(to + 128), (const word_t *)(from + 128));
				copy_64((word_t *)(to + 192), (const word_t *)(from + 192));
			}
			length %= BLOCK;
			for (; length >= 8; length -= 8, to += 8, from += 8)
				*(word_t *)to = *(const word_t *)from;
		}
	}
	for (; length; length--)
		*to++ = *from++;
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
	copy_up(destination, source, length);
	return destination;
}

void *memmove(void *destination, const void *source, size_t length)
{
	if ((uintptr_t)destination <= (uintptr_t)source)
		copy_up(destination, source, length);
	else
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
