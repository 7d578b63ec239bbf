/* SPDX-License-Identifier: Apache-2.0 */
/* Fakes. The rings and the VMM's console.c are the real ones. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <console.h>
#include <fetch.h>
#include <hsm.h>
#include <libsys/invoke.h>
#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>
#include <vmm.h>
#include "fakes.h"

struct fake fake;
struct console_channel fake_channel;
struct harts fake_harts;
struct block_session fake_session[BLOCK_DISKS_MAX];
struct net_session fake_nic_session[NET_NICS_MAX];
uint32_t fake_isr[FAKE_ISR_PAGES][1024];

#define CONSOLE_SIGNAL 7u

static _Alignas(4096) uint8_t ram[FAKE_RAM_SIZE];
static struct vcpu_page pages[HARTS_MAX];
static const struct task_info information = { .timebase_hz = 10000000 };

static void count_delivery(void)
{
	fake.delivered++;
}

void fake_reset(void (*deliver)(void))
{
	memset(&fake, 0, sizeof(fake));
	memset(&fake_channel, 0, sizeof(fake_channel));
	memset(fake_session, 0, sizeof(fake_session));
	memset(fake_nic_session, 0, sizeof(fake_nic_session));
	memset(fake_isr, 0, sizeof(fake_isr));
	fake.wait_answer = ERR_TIMED_OUT;
	fake.time = 1000;
	for (unsigned i = 0; i < VCPU_REGISTERS; i++)
		fake.csr[i] = i;
	fake_channel.console_waits = 1;
	console_kept_bits = 0;
	console_open(&fake_channel, CONSOLE_SIGNAL, deliver ? deliver : count_delivery);
	console_write("", 0);
	fake.signals = 0;
}

void fake_make_harts(uint32_t count, const struct guest_memory *memory, struct bus *bus, uint64_t *exits)
{
	memset(pages, 0, sizeof(pages));
	fake_harts = (struct harts){ .count = count, .running = 1, .holder = &fake_harts.vcpu[0] };
	for (uint32_t i = 0; i < count; i++) {
		fake_harts.vcpu[i] = (struct vcpu){
			.page = &pages[i], .harts = &fake_harts, .exits_shown = exits, .bus = bus, .memory = memory,
			.cap = FAKE_VCPU + i, .wake = FAKE_WAKE + i, .hart = i, .state = i ? HART_STOPPED : HART_STARTED,
		};
		pages[i].mode = 1;
	}
}

void fake_line(void *line, bool level)
{
	*(bool *)line = level;
}

enum err sys_vcpu_kick(cptr_t vcpu, uint64_t interrupts)
{
	if (vcpu - FAKE_VCPU >= fake_harts.count)
		return ERR_INVALID_CAP;
	fake.kicked[vcpu - FAKE_VCPU] |= interrupts;
	fake.kicks[vcpu - FAKE_VCPU] += !interrupts;
	return ERR_OK;
}

_Noreturn void task_fail(const char *format, ...)
{
	fputs(format, stderr);
	abort();
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

static void serve(unsigned disk)
{
	fake.served[disk]++;
	if (fake.on_serve)
		fake.on_serve(disk);
}

static void serve_nic(unsigned nic)
{
	fake.nics_served[nic]++;
	if (fake.on_nic_serve)
		fake.on_nic_serve(nic);
}

enum err sys_signal(cptr_t notification)
{
	if (notification == CONSOLE_SIGNAL)
		fake.signals++;
	else if (notification - FAKE_WAKE < HARTS_MAX)
		fake.woken[notification - FAKE_WAKE]++;
	else if (notification - FAKE_SERVER < BLOCK_DISKS_MAX)
		serve((unsigned)(notification - FAKE_SERVER));
	else if (notification - FAKE_NET_SERVER < NET_NICS_MAX)
		serve_nic((unsigned)(notification - FAKE_NET_SERVER));
	else
		return ERR_INVALID_CAP;
	return ERR_OK;
}

static enum err map_isr(unsigned page, uint64_t operation, const uint64_t arguments[5])
{
	if (operation == OP_FRAME_UNMAP) {
		fake.isr_at[page] = 0;
		return ERR_OK;
	}
	if (operation != OP_FRAME_MAP || arguments[0] != FAKE_GSPACE || (arguments[1] & 4095) || arguments[2] != RIGHT_READ || fake.isr_at[page])
		abort();
	if (fake.isr_answer != ERR_OK)
		return fake.isr_answer;
	fake.isr_at[page] = arguments[1];
	fake.isr_maps++;
	return ERR_OK;
}

enum err sys_invoke(cptr_t cap, uint64_t operation, const uint64_t arguments[5], uint64_t *result)
{
	(void)result;
	if (cap - FAKE_FRAME < fake.isr_pages)
		return map_isr(cap - FAKE_FRAME, operation, arguments);
	if (cap - FAKE_VCPU >= HARTS_MAX || operation != OP_VCPU_SET_BELL || arguments[0] >= VCPU_BELLS || (arguments[1] & 3))
		abort();
	if (arguments[2] && fake.bell_answer != ERR_OK)
		return fake.bell_answer;
	fake.bell[cap - FAKE_VCPU][arguments[0]] =
		(struct bell){ .address = arguments[2] ? arguments[1] : 0, .signal = (cptr_t)arguments[2] };
	return ERR_OK;
}

uint64_t task_value(const char *name, uint64_t otherwise)
{
	if (!strcmp(name, "nics"))
		return fake.nics;
	return strcmp(name, "disks") ? otherwise : fake.disks;
}

/* "KIND.NUMBER" and what follows; -1: it is not that. */
static int resource(const char *name, const char *kind, uint64_t count, const char *what)
{
	size_t length = strlen(kind);

	if (strncmp(name, kind, length) || name[length] < '0' || (uint64_t)(name[length] - '0') >= count ||
	    strcmp(name + length + 1, what))
		return -1;
	return name[length] - '0';
}

void *task_memory(const char *name, size_t *size)
{
	int disk = resource(name, "disk.", fake.disks, ".session"), nic = resource(name, "nic.", fake.nics, ".session");

	if (!strcmp(name, "isr")) {
		*size = 4096 * (size_t)fake.isr_pages;
		return fake.isr_pages ? fake_isr : NULL;
	}
	*size = BLOCK_PAGE;
	if (nic >= 0)
		return &fake_nic_session[nic];
	return disk >= 0 ? &fake_session[disk] : NULL;
}

cptr_t task_cap(const char *name)
{
	int disk = resource(name, "disk.", fake.disks, ".signal"), nic = resource(name, "nic.", fake.nics, ".signal");

	if (!strcmp(name, "gspace"))
		return FAKE_GSPACE;
	if (!strncmp(name, "isr.", 4))
		return FAKE_FRAME + (cptr_t)atoi(name + 4);
	if (nic >= 0)
		return FAKE_NET_SERVER + (cptr_t)nic;
	return disk >= 0 ? FAKE_SERVER + (cptr_t)disk : 0;
}

enum err sys_wait(cptr_t notification, uint64_t deadline, uint64_t *bits)
{
	if (++fake.waits > 1000000)
		abort(); /* nobody will ever wake it */
	if (fake.on_wait)
		fake.on_wait(notification);
	*bits = fake.wait_bits;
	if (fake.wait_drains)
		fake_channel.output.tail = fake_channel.output.head;
	if (fake.wait_answer == ERR_TIMED_OUT)
		fake.time = deadline;
	return fake.wait_answer;
}

uint64_t sys_time(void)
{
	return fake.time;
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
	return fake.csr[number];
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
