/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads and measures a guest's disk, without a C library:
 *
 *   disk stress FOLDER SEED COUNT   COUNT random operations on files, as fsstress does; what it reads it checks
 *   disk write FOLDER FIRST         for ever: makes file after file durable and says "synced N"; numbers from FIRST on
 *   disk check FOLDER LAST          every file that `write` said to be durable up to LAST is there, as it was written
 *   disk cost DEVICE                reads of 4 KiB, alone and 32 at once, and of 1 MiB, with marks between which tests/bench/count counts
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "program.h"

/* Linux system calls of riscv64 (include/uapi/asm-generic/unistd.h). */
enum {
	NR_IO_SETUP = 0,
	NR_IO_SUBMIT = 2,
	NR_IO_GETEVENTS = 4,
	NR_MKDIRAT = 34,
	NR_UNLINKAT = 35,
	NR_SYMLINKAT = 36,
	NR_FTRUNCATE = 46,
	NR_OPENAT = 56,
	NR_CLOSE = 57,
	NR_WRITE = 64,
	NR_PREAD = 67,
	NR_PWRITE = 68,
	NR_FSYNC = 82,
	NR_FDATASYNC = 83,
	NR_EXIT = 93,
	NR_RENAMEAT2 = 276,
};

#define AT_CWD (-100L)
#define REMOVE_FOLDER 0x200L
#define OPEN_READ 0L
#define OPEN_READ_WRITE 2L
#define OPEN_CREATE 0100L
#define OPEN_TRUNCATE 01000L
#define OPEN_DIRECT 040000L
#define OPEN_FOLDER 0200000L
#define ERROR_EXISTS (-17L)

#define NAMES 64u         /* files that `stress` works on */
#define SLOTS 64u         /* files that `write` goes round */
#define BLOCK 4096u
#define BLOCKS_MAX 16u    /* of a file */
#define DEPTH 32u
#define ROUNDS 64u
#define LARGE (1u << 20)

static uint8_t buffer[BLOCK * BLOCKS_MAX] __attribute__((aligned(4096)));
static char path[256];
static const char *folder;
static uint64_t random_state;

static long call(long number, long a, long b, long c, long d, long e)
{
	return call6(number, a, b, c, d, e, 0);
}

static size_t put_text(char *to, const char *text)
{
	size_t length = 0;

	while (text[length]) {
		to[length] = text[length];
		length++;
	}
	to[length] = '\0';
	return length;
}

/* One write for each line, so that lines of two programs do not mix. */
static void say(const char *text, uint64_t number)
{
	char line[128];
	size_t length = put_text(line, "disk: ");

	length += put_text(line + length, text);
	line[length++] = ' ';
	length += put_number(line + length, number);
	line[length++] = '\n';
	call(NR_WRITE, 1, (long)line, (long)length, 0, 0);
}

static _Noreturn void finish(int status)
{
	for (;;)
		call(NR_EXIT, status, 0, 0, 0, 0);
}

static _Noreturn void fail(const char *text, long number)
{
	say(text, (uint64_t)(number < 0 ? -number : number));
	finish(1);
}

static uint64_t number_of(const char *text)
{
	uint64_t number = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		number = number * 10 + (uint64_t)(*text - '0');
	return number;
}

/* The path of a file in the folder; valid until the second next call. */
static const char *name(const char *kind, uint64_t number)
{
	static unsigned turn;
	char *to = path + 128 * (turn++ & 1);
	size_t length = put_text(to, folder);

	length += put_text(to + length, kind);
	length += put_number(to + length, number);
	to[length] = '\0';
	return to;
}

/* xorshift64*: a seed gives the same operations each time. */
static uint64_t next_random(uint64_t below)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return ((random_state * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % below;
}

/* Content of a block, different for each key, block and word. */
static void fill(uint8_t *to, uint64_t key, uint64_t block)
{
	uint64_t *word = (uint64_t *)to;
	uint64_t value = (key + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (block + 1) * UINT64_C(0xc2b2ae3d27d4eb4f);

	for (unsigned i = 0; i < BLOCK / sizeof(*word); i++, value += UINT64_C(0x9e3779b97f4a7c15))
		word[i] = value;
}

static bool is_filled(const uint8_t *from, uint64_t key, uint64_t block)
{
	static uint8_t wanted[BLOCK];

	fill(wanted, key, block);
	for (unsigned i = 0; i < BLOCK; i++)
		if (from[i] != wanted[i])
			return false;
	return true;
}

/* stress */

/* What must be in a file's blocks: the key of the last write, 0: a hole. */
static uint32_t content[NAMES][BLOCKS_MAX];
static uint8_t blocks[NAMES], exists[NAMES];

static long open_file(const char *file, long flags)
{
	return call(NR_OPENAT, AT_CWD, (long)file, flags, 0600, 0);
}

static void check_file(unsigned file)
{
	long handle = open_file(name("/f", file), OPEN_READ), got;

	if (handle < 0)
		fail("a file is gone, error", handle);
	got = call(NR_PREAD, handle, (long)buffer, sizeof(buffer), 0, 0);
	if (got != (long)blocks[file] * (long)BLOCK)
		fail("a file has the wrong size", got);
	for (unsigned i = 0; i < blocks[file]; i++) {
		bool good = content[file][i] ? is_filled(buffer + i * BLOCK, content[file][i], i) : true;

		for (unsigned j = 0; !content[file][i] && j < BLOCK; j++)
			good = good && !buffer[i * BLOCK + j];
		if (!good)
			fail("a file has the wrong content", (long)file);
	}
	call(NR_CLOSE, handle, 0, 0, 0, 0);
}

static void write_file(unsigned file, uint32_t key)
{
	unsigned first = (unsigned)next_random(BLOCKS_MAX), count = 1 + (unsigned)next_random(BLOCKS_MAX - first);
	long handle = open_file(name("/f", file), OPEN_READ_WRITE | OPEN_CREATE), done;

	if (handle < 0)
		fail("cannot make a file, error", handle);
	if (!exists[file])
		blocks[file] = 0;
	for (unsigned i = blocks[file]; i < first; i++)
		content[file][i] = 0;
	for (unsigned i = 0; i < count; i++) {
		fill(buffer + i * BLOCK, key, first + i);
		content[file][first + i] = key;
	}
	done = call(NR_PWRITE, handle, (long)buffer, (long)(count * BLOCK), (long)(first * BLOCK), 0);
	if (done != (long)(count * BLOCK))
		fail("cannot write, error", done);
	exists[file] = 1;
	if (first + count > blocks[file])
		blocks[file] = (uint8_t)(first + count);
	if (next_random(8) == 0 && call(NR_FSYNC, handle, 0, 0, 0, 0) != 0)
		fail("fsync failed for file", (long)file);
	call(NR_CLOSE, handle, 0, 0, 0, 0);
}

static void cut_file(unsigned file)
{
	long handle = open_file(name("/f", file), OPEN_READ_WRITE);
	unsigned left = (unsigned)next_random(blocks[file] + 1u);

	if (handle < 0 || call(NR_FTRUNCATE, handle, (long)(left * BLOCK), 0, 0, 0) != 0)
		fail("cannot cut a file, error", handle);
	blocks[file] = (uint8_t)left;
	call(NR_CLOSE, handle, 0, 0, 0, 0);
}

static void rename_file(unsigned from, unsigned to)
{
	long error = call(NR_RENAMEAT2, AT_CWD, (long)name("/f", from), AT_CWD, (long)name("/f", to), 0);

	if (error)
		fail("cannot rename, error", error);
	if (from == to)
		return;
	memcpy(content[to], content[from], sizeof(content[to]));
	blocks[to] = blocks[from];
	exists[to] = 1;
	exists[from] = 0;
}

static void remove_file(unsigned file)
{
	long error = call(NR_UNLINKAT, AT_CWD, (long)name("/f", file), 0, 0, 0);

	if (error)
		fail("cannot remove, error", error);
	exists[file] = 0;
}

/* Folders and links come and go beside the files. */
static void work_on_names(unsigned number)
{
	long made = call(NR_MKDIRAT, AT_CWD, (long)name("/d", number), 0700, 0, 0);

	if (made == ERROR_EXISTS)
		made = call(NR_UNLINKAT, AT_CWD, (long)name("/d", number), REMOVE_FOLDER, 0, 0);
	if (made)
		fail("cannot make or remove a folder, error", made);
	made = call(NR_SYMLINKAT, (long)"/nowhere", AT_CWD, (long)name("/s", number), 0, 0);
	if (made == ERROR_EXISTS)
		made = call(NR_UNLINKAT, AT_CWD, (long)name("/s", number), 0, 0, 0);
	if (made)
		fail("cannot make or remove a link, error", made);
}

static void stress(uint64_t seed, uint64_t count)
{
	random_state = seed * 2 + 1;
	for (uint64_t i = 1; i <= count; i++) {
		unsigned file = (unsigned)next_random(NAMES);

		if (!exists[file] || next_random(3) == 0)
			write_file(file, (uint32_t)i);
		else if (next_random(2) == 0)
			check_file(file);
		else if (next_random(3) == 0)
			cut_file(file);
		else if (next_random(2) == 0)
			rename_file(file, (unsigned)next_random(NAMES));
		else
			remove_file(file);
		if (next_random(4) == 0)
			work_on_names((unsigned)next_random(NAMES));
	}
	for (unsigned file = 0; file < NAMES; file++)
		if (exists[file])
			check_file(file);
	say("stress good, operations", count);
}

static unsigned size_of(uint64_t number)
{
	return 1 + (unsigned)(number * 7 % BLOCKS_MAX);
}

static void write_for_ever(uint64_t number)
{
	long parent = open_file(folder, OPEN_READ | OPEN_FOLDER);

	for (;; number++) {
		long handle = open_file(name("/new", number % SLOTS), OPEN_READ_WRITE | OPEN_CREATE | OPEN_TRUNCATE), error;
		long size = (long)(size_of(number) * BLOCK);

		if (parent < 0 || handle < 0)
			fail("cannot make a file, error", handle);
		for (unsigned i = 0; i < size_of(number); i++)
			fill(buffer + i * BLOCK, number, i);
		if (call(NR_PWRITE, handle, (long)buffer, size, 0, 0) != size || call(NR_FDATASYNC, handle, 0, 0, 0, 0) != 0)
			fail("cannot write file", (long)number);
		call(NR_CLOSE, handle, 0, 0, 0, 0);
		error = call(NR_RENAMEAT2, AT_CWD, (long)name("/new", number % SLOTS), AT_CWD, (long)name("/w", number % SLOTS), 0);
		if (error || call(NR_FSYNC, parent, 0, 0, 0, 0) != 0)
			fail("cannot make a name durable, error", error);
		say("synced", number);
	}
}

/* The number that a file was written with, from its first word; it may be a later one that was not yet said. */
static uint64_t number_in(uint64_t slot, uint64_t least)
{
	for (uint64_t number = least; number <= least + SLOTS; number += SLOTS)
		if (is_filled(buffer, number, 0))
			return number;
	fail("a file has the wrong content, slot", (long)slot);
}

static void check_all(uint64_t last)
{
	for (uint64_t slot = 0; slot < SLOTS && slot <= last; slot++) {
		uint64_t least = last - (last - slot) % SLOTS, number;
		long handle = open_file(name("/w", slot), OPEN_READ), got;

		if (handle < 0)
			fail("a file that was made durable is gone, slot", (long)slot);
		got = call(NR_PREAD, handle, (long)buffer, sizeof(buffer), 0, 0);
		if (got < (long)BLOCK)
			fail("a file that was made durable is short, slot", (long)slot);
		number = number_in(slot, least);
		if (got != (long)(size_of(number) * BLOCK))
			fail("a file that was made durable has the wrong size, slot", (long)slot);
		for (unsigned i = 1; i < size_of(number); i++)
			if (!is_filled(buffer + i * BLOCK, number, i))
				fail("a file that was made durable has the wrong content, slot", (long)slot);
		call(NR_CLOSE, handle, 0, 0, 0, 0);
	}
	say("check good up to", last);
}

/* Linux: include/uapi/linux/aio_abi.h. */
struct iocb {
	uint64_t data;
	uint32_t key, flags;
	uint16_t operation;
	int16_t priority;
	uint32_t file;
	uint64_t buffer, bytes;
	int64_t offset;
	uint64_t reserved;
	uint32_t more_flags, event_file;
};
struct event {
	uint64_t data, object;
	int64_t result, result2;
};

/* Hints that tests/bench/count sees. */
#define MARK(number) __asm__ volatile("slti zero, zero, " #number ::: "memory")

static uint8_t read_buffers[DEPTH][BLOCK] __attribute__((aligned(4096)));

static void cost_at_depth(long handle)
{
	static struct iocb blocks_of[DEPTH];
	static struct iocb *list[DEPTH];
	static struct event events[DEPTH];
	uint64_t context = 0;

	if (call(NR_IO_SETUP, DEPTH, (long)&context, 0, 0, 0) != 0)
		fail("there is no asynchronous I/O", 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		MARK(3);
		for (unsigned i = 0; i < DEPTH; i++) {
			blocks_of[i] = (struct iocb){ .file = (uint32_t)handle, .buffer = (uintptr_t)read_buffers[i], .bytes = BLOCK,
				.offset = (int64_t)((round * DEPTH + i) * 37 % 16384) * (int64_t)BLOCK };
			list[i] = &blocks_of[i];
		}
		if (call(NR_IO_SUBMIT, (long)context, DEPTH, (long)list, 0, 0) != DEPTH ||
			call(NR_IO_GETEVENTS, (long)context, DEPTH, DEPTH, (long)events, 0) != DEPTH)
			fail("cannot read at depth", DEPTH);
		MARK(4);
		for (unsigned i = 0; i < DEPTH; i++)
			if (events[i].result != BLOCK)
				fail("a read failed", events[i].result);
	}
}

static uint8_t large_buffer[LARGE] __attribute__((aligned(4096)));

static void cost_of_large(long handle)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		MARK(5);
		if (call(NR_PREAD, handle, (long)large_buffer, LARGE, (long)(round * LARGE), 0) != LARGE)
			fail("cannot read MiB", (long)round);
		MARK(6);
	}
}

static void cost(const char *device)
{
	long handle = open_file(device, OPEN_READ | OPEN_DIRECT);

	if (handle < 0)
		fail("cannot open the device, error", handle);
	for (unsigned round = 0; round < ROUNDS; round++) {
		MARK(1);
		if (call(NR_PREAD, handle, (long)buffer, BLOCK, (long)(round * 31 * BLOCK), 0) != BLOCK)
			fail("cannot read block", (long)round);
		MARK(2);
	}
	cost_at_depth(handle);
	cost_of_large(handle);
	say("cost, rounds:", ROUNDS);
}

static bool is(const char *text, const char *other)
{
	while (*text && *text == *other) {
		text++;
		other++;
	}
	return *text == *other;
}

_Noreturn void program_main(const long *stack)
{
	long count = stack[0];
	const char *const *words = (const char *const *)(stack + 1);

	folder = count > 2 ? words[2] : "";
	if (count == 5 && is(words[1], "stress"))
		stress(number_of(words[3]), number_of(words[4]));
	else if (count == 4 && is(words[1], "write"))
		write_for_ever(number_of(words[3]));
	else if (count == 4 && is(words[1], "check"))
		check_all(number_of(words[3]));
	else if (count == 3 && is(words[1], "cost"))
		cost(folder);
	else
		fail("usage: disk stress FOLDER SEED COUNT | write FOLDER FIRST | check FOLDER LAST | cost DEVICE; words", count);
	finish(0);
}
