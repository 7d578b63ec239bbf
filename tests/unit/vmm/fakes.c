/* SPDX-License-Identifier: Apache-2.0 */
/* Fakes. The rings and the VMM's console.c are the real ones. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <console.h>
#include <fetch.h>
#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>
#include <vmm.h>
#include "fakes.h"

struct fake fake;
struct console_channel fake_channel;

static _Alignas(4096) uint8_t ram[FAKE_RAM_SIZE];
static const struct task_info information = { .timebase_hz = 10000000 };

static void count_delivery(void)
{
	fake.delivered++;
}

void fake_reset(void (*deliver)(void))
{
	memset(&fake, 0, sizeof(fake));
	memset(&fake_channel, 0, sizeof(fake_channel));
	fake.wait_answer = ERR_TIMED_OUT;
	fake_channel.console_waits = 1;
	console_kept_bits = 0;
	console_open(&fake_channel, 7, deliver ? deliver : count_delivery);
	console_write("", 0);
	fake.signals = 0;
}

struct guest_memory fake_memory(void)
{
	memset(ram, 0, sizeof(ram));
	return (struct guest_memory){ .host = ram, .base = FAKE_RAM_BASE, .size = sizeof(ram) };
}

size_t fake_output(char *text, size_t size)
{
	struct console_ring *ring = &fake_channel.output;
	size_t used = 0;

	while (ring->tail != ring->head && used + 1 < size)
		text[used++] = (char)fake_channel.output_bytes[ring->tail++ % CONSOLE_OUTPUT_SIZE];
	text[used] = '\0';
	return used;
}

void fake_type(const char *text)
{
	struct console_ring *ring = &fake_channel.input;

	while (*text)
		fake_channel.input_bytes[ring->head++ % CONSOLE_INPUT_SIZE] = (uint8_t)*text++;
}

enum err sys_signal(cptr_t notification)
{
	(void)notification;
	fake.signals++;
	return ERR_OK;
}

enum err sys_wait(cptr_t notification, uint64_t deadline, uint64_t *bits)
{
	(void)notification;
	(void)deadline;
	fake.waits++;
	*bits = fake.wait_bits;
	if (fake.wait_drains)
		fake_channel.output.tail = fake_channel.output.head;
	return fake.wait_answer;
}

uint64_t sys_time(void)
{
	return 1000;
}

const struct task_info *task_info(void)
{
	return &information;
}

uint64_t fetch_instruction(uint64_t pc, uint32_t *instruction)
{
	(void)pc;
	if (fake.fetch_cause == 0)
		*instruction = fake.instruction;
	return fake.fetch_cause;
}

void vcpu_reset(struct vcpu *vcpu, uint64_t pc, uint64_t a0, uint64_t a1)
{
	fake.resets++;
	vcpu->page->pc = pc;
	vcpu->page->gpr[REG_A0] = a0;
	vcpu->page->gpr[REG_A1] = a1;
	vcpu->page->mode = 1;
}

uint64_t vcpu_csr(const struct vcpu *vcpu, enum vcpu_register number)
{
	(void)vcpu;
	return number;
}

void vmm_poweroff(void)
{
	fake.poweroffs++;
}

void vmm_reboot(void)
{
	fake.reboots++;
}

void vmm_crash(enum vmm_crash reason)
{
	fake.crashes++;
	fake.crash = reason;
}

void log_line(enum log_level level, const char *format, ...)
{
	size_t used = strlen(fake.log_text);
	va_list arguments;

	fake.log_lines++;
	if (level == LOG_ERROR)
		fake.log_errors++;
	if (used > sizeof(fake.log_text) - 1024)
		used = 0;
	va_start(arguments, format);
	vsnprintf(fake.log_text + used, 1024, format, arguments);
	va_end(arguments);
	strcat(fake.log_text, "\n");
}
