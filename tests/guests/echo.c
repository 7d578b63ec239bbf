/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest for system tests that is up at once: prints a banner and a prompt "NAME> ", and answers each line.
 * Lines: "q" powers off, "r" reboots, "c" ends with a failure, "n" counts the ticks so far; others come back.
 */
#include "payload.h"

#include <string.h>

#define TICKS_PER_POLL 100000u /* 10 ms on QEMU's timebase of 10 MHz */

static char name[32] = "echo";
static char line[128];
static size_t length;
static uint64_t ticks;

static void prompt(void)
{
	print("%s> ", name);
}

static void run_line(void)
{
	line[length] = '\0';
	length = 0;
	print("\n");
	if (strcmp(line, "q") == 0) {
		print("%s: off\n", name);
		payload_exit(0);
	} else if (strcmp(line, "r") == 0) {
		print("%s: reboot\n", name);
		sbi(SBI_SRST, 0, 1, 0, 0, 0);
	} else if (strcmp(line, "c") == 0) {
		print("%s: failure\n", name);
		payload_exit(1);
	} else if (strcmp(line, "n") == 0) {
		print("%s: %u ticks\n", name, ticks);
	} else if (line[0] != '\0') {
		print("%s: you said: %s\n", name, line);
	}
	prompt();
}

static void take(int byte)
{
	if (byte == '\r' || byte == '\n') {
		run_line();
	} else if (byte == 3) {
		length = 0;
		print("^C\n");
		prompt();
	} else if (byte == 127 || byte == 8) {
		if (length > 0) {
			length--;
			print("\b \b");
		}
	} else if (length < sizeof(line) - 1) {
		line[length++] = (char)byte;
		print_bytes(&line[length - 1], 1);
	}
}

void payload_main(void)
{
	const char *given = payload_argument("serai.host", "echo");

	if (strlen(given) < sizeof(name))
		memcpy(name, given, strlen(given) + 1);
	print("%s: ready, %u MiB of memory\n", name, (payload_ram_end - payload_ram_base) >> 20);
	prompt();
	for (;;) {
		int byte;

		while ((byte = console_read()) >= 0)
			take(byte);
		/* Interrupts stay disabled: the pending timer ends the wait, and the next deadline clears it. */
		csr_write(STIMECMP, csr_read(time) + TICKS_PER_POLL);
		csr_set(sie, SIE_TIMER);
		__asm__ volatile("wfi");
		ticks++;
	}
}
