/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First program of a guest that measures: says when it starts, does timed work if the kernel command line has
 * serai.bench=work or =load, and powers off. No C library, so that almost nothing but the kernel is measured before it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "program.h"

/* Linux system calls of riscv64 (include/uapi/asm-generic/unistd.h). */
enum {
	NR_MOUNT = 40,
	NR_FTRUNCATE = 46,
	NR_OPENAT = 56,
	NR_CLOSE = 57,
	NR_READ = 63,
	NR_WRITE = 64,
	NR_EXIT = 93,
	NR_NANOSLEEP = 101,
	NR_CLOCK_GETTIME = 113,
	NR_REBOOT = 142,
	NR_CLONE = 220,
	NR_EXECVE = 221,
	NR_MMAP = 222,
	NR_MADVISE = 233,
	NR_WAIT4 = 260,
};

#define AT_CWD (-100L)
#define SIGNAL_CHILD 17L
#define POWER_OFF 0x4321fedcL
#define REBOOT_MAGIC1 0xfee1deadL
#define REBOOT_MAGIC2 0x28121969L
#define PROT_READ_WRITE 3L
#define MAP_PRIVATE_ANONYMOUS 0x22L
#define ADVICE_NO_HUGE_PAGE 15L
#define PAGE 4096ul
#define OPEN_WRITE 1L
#define OPEN_CREATE 0100L
#define HASH_BYTES (64l << 20)
#define TOUCH_BYTES (24ul << 20)
#define FORKS 200
#define LOAD_PROGRAMS 2
#define LOAD_BYTES (32l << 20)
#define LOAD_START 150000000ull /* ticks after power-on: when slow machines have booted, too */

struct time {
	int64_t seconds;
	int64_t nanoseconds;
};

static long call5(long number, long a, long b, long c, long d, long e)
{
	return call6(number, a, b, c, d, e, 0);
}

static bool text_contains(const char *text, const char *part)
{
	for (; *text; text++) {
		size_t i = 0;

		while (part[i] && text[i] == part[i])
			i++;
		if (!part[i])
			return true;
	}
	return false;
}

/* One write per line: one exit per line in a guest. */
static void say(const char *name, uint64_t microseconds)
{
	char line[80], digits[24];
	size_t length = 0, count = 0;
	const char *start = "BENCH ";

	while (*start)
		line[length++] = *start++;
	while (*name && length < 48)
		line[length++] = *name++;
	if (microseconds != UINT64_MAX) {
		line[length++] = ' ';
		do {
			digits[count++] = (char)('0' + microseconds % 10);
			microseconds /= 10;
		} while (microseconds);
		while (count)
			line[length++] = digits[--count];
	}
	line[length++] = '\n';
	call5(NR_WRITE, 1, (long)line, (long)length, 0, 0);
}

static uint64_t now(void)
{
	struct time time = { 0, 0 };

	call5(NR_CLOCK_GETTIME, 1, (long)&time, 0, 0, 0);
	return (uint64_t)time.seconds * 1000000 + (uint64_t)time.nanoseconds / 1000;
}

/* The time counter: ticks of 100 ns since power-on, in a guest too. Under -icount shift=0 that is 100 instructions each. */
static uint64_t machine_time(void)
{
	uint64_t ticks;

	__asm__ volatile("rdtime %0" : "=r"(ticks));
	return ticks;
}

/* Starts a program; returns its process number, negative for an error. */
static long start(const char *const *arguments)
{
	static const char *const environment[] = { "PATH=/bin", NULL };
	long child = call5(NR_CLONE, SIGNAL_CHILD, 0, 0, 0, 0);

	if (child == 0) {
		call5(NR_EXECVE, (long)arguments[0], (long)arguments, (long)environment, 0, 0);
		call5(NR_EXIT, 127, 0, 0, 0, 0);
	}
	return child;
}

/* Waits for a process; false if it did not end with 0. */
static bool finish(long child)
{
	int status = -1;

	return child > 0 && call5(NR_WAIT4, child, (long)&status, 0, 0, 0) == child && status == 0;
}

static bool run(const char *const *arguments)
{
	return finish(start(arguments));
}

static const char *const hash[] = { "/bin/busybox", "sha256sum", "/tmp/zero", NULL };

/* A file of holes: one program reads it, so nothing but its own work is measured, no pipe and no switching. */
static bool make_file(long bytes)
{
	long file;

	if (call5(NR_MOUNT, (long)"tmpfs", (long)"/tmp", (long)"tmpfs", 0, 0) != 0)
		return false;
	file = call5(NR_OPENAT, AT_CWD, (long)"/tmp/zero", OPEN_CREATE | OPEN_WRITE, 0600, 0);
	if (file < 0 || call5(NR_FTRUNCATE, file, bytes, 0, 0, 0) != 0)
		return false;
	call5(NR_CLOSE, file, 0, 0, 0, 0);
	return true;
}

static bool work_sha256(void)
{
	return make_file(HASH_BYTES) && run(hash);
}

/* As many programs at once as processors may be there. */
static bool work_load(void)
{
	long child[LOAD_PROGRAMS];
	bool good = true;

	for (int i = 0; i < LOAD_PROGRAMS; i++)
		child[i] = start(hash);
	for (int i = 0; i < LOAD_PROGRAMS; i++)
		good = finish(child[i]) && good;
	return good;
}

static bool work_fork(void)
{
	static const char *const arguments[] = { "/bin/busybox", "true", NULL };

	for (int i = 0; i < FORKS; i++)
		if (!run(arguments))
			return false;
	return true;
}

static bool work_touch(void)
{
	long area = call5(NR_MMAP, 0, TOUCH_BYTES, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1);

	if (area < 0 && area > -4096)
		return false;
	/* One fault per 4 KiB page, whatever the kernel's default for huge pages is. */
	call5(NR_MADVISE, area, TOUCH_BYTES, ADVICE_NO_HUGE_PAGE, 0, 0);
	for (size_t i = 0; i < TOUCH_BYTES; i += PAGE)
		*(volatile char *)(area + (long)i) = 1;
	return true;
}

static void measure(const char *name, bool (*work)(void))
{
	uint64_t start = now();
	bool good = work();
	uint64_t end = now();

	if (good)
		say(name, end - start);
	else
		say("failed", UINT64_MAX);
}

static char command_line[2048];

static void read_command_line(void)
{
	long file, length;

	call5(NR_MOUNT, (long)"proc", (long)"/proc", (long)"proc", 0, 0);
	file = call5(NR_OPENAT, AT_CWD, (long)"/proc/cmdline", 0, 0, 0);
	length = call5(NR_READ, file, (long)command_line, sizeof(command_line) - 1, 0, 0);
	call5(NR_CLOSE, file, 0, 0, 0, 0);
	command_line[length > 0 ? length : 0] = 0;
}

/* Sleeps until a time after power-on, the same for all that shall start at once; false if it is over. */
static bool sleep_until(uint64_t ticks)
{
	const struct time pause = { 0, 1000000 };

	if (machine_time() >= ticks)
		return false;
	while (machine_time() < ticks)
		call5(NR_NANOSLEEP, (long)&pause, 0, 0, 0, 0);
	return true;
}

void program_main(const long *stack)
{
	(void)stack;
	say("init", machine_time());
	read_command_line();
	if (text_contains(command_line, "serai.bench=work")) {
		measure("sha256", work_sha256);
		measure("fork", work_fork);
		measure("touch", work_touch);
		say("done", UINT64_MAX);
	} else if (text_contains(command_line, "serai.bench=load")) {
		if (!make_file(LOAD_BYTES))
			say("failed", UINT64_MAX);
		else if (!sleep_until(LOAD_START))
			say("late", UINT64_MAX);
		else
			measure("load", work_load);
	}
	call5(NR_REBOOT, REBOOT_MAGIC1, REBOOT_MAGIC2, POWER_OFF, 0, 0);
	for (;;)
		call5(NR_EXIT, 1, 0, 0, 0, 0);
}
