/* SPDX-License-Identifier: Apache-2.0 */
/* Harts that stop, start, suspend and wake each other from threads of their own: nothing is lost, whatever the order. */
#include <disks.h>
#include <hsm.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>
#include <nics.h>
#include <pthread.h>
#include <stdlib.h>
#include <vmm.h>
#include "test.h"

#define HARTS 4u
#define ROUNDS 20000u

enum { HSM = 0x48534d, IPI = 0x735049, DBCN = 0x4442434e, START = 0, STOP = 1, STATUS = 2, SUSPEND = 3 };

/* Notifications: vCPU i has i, the lock has HARTS. */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t signalled;
	uint64_t bits;
} notification[HARTS + 1];

static struct harts harts;
static struct lock lock;
static struct vcpu_page pages[HARTS];
static struct guest_memory memory;
static unsigned inside, finished;
static unsigned started[HARTS], begun[HARTS];
static uint8_t ram[4096];

uint64_t console_kept_bits;

enum err sys_signal(cptr_t cap)
{
	pthread_mutex_lock(&notification[cap].mutex);
	notification[cap].bits |= CONSOLE_SIGNAL_OWN;
	pthread_cond_signal(&notification[cap].signalled);
	pthread_mutex_unlock(&notification[cap].mutex);
	return ERR_OK;
}

enum err sys_wait(cptr_t cap, uint64_t deadline, uint64_t *bits)
{
	if (deadline != DEADLINE_NEVER)
		abort();
	pthread_mutex_lock(&notification[cap].mutex);
	while (!notification[cap].bits)
		pthread_cond_wait(&notification[cap].signalled, &notification[cap].mutex);
	*bits = notification[cap].bits;
	notification[cap].bits = 0;
	pthread_mutex_unlock(&notification[cap].mutex);
	return ERR_OK;
}

enum err sys_vcpu_kick(cptr_t vcpu, uint64_t interrupts)
{
	return vcpu < HARTS && interrupts ? ERR_OK : ERR_INVALID_CAP;
}

uint64_t sys_time(void)
{
	return 1;
}

_Noreturn void task_fail(const char *format, ...)
{
	fputs(format, stderr);
	abort();
}

void vcpu_reset(struct vcpu *vcpu, uint64_t pc, uint64_t a0, uint64_t a1)
{
	if (a1 >> 32 != vcpu->hart || a0 != vcpu->hart)
		abort();
	vcpu->page->pc = pc;
	begun[vcpu->hart]++;
}

uint64_t vcpu_csr(const struct vcpu *vcpu, enum vcpu_register number)
{
	(void)vcpu;
	return number == VCPU_VSIE ? 2 : UINT64_MAX;
}

/* The console's part: whoever is in it has the lock. */
void console_write(const void *data, size_t length)
{
	(void)data;
	(void)length;
	if (__atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST) != 0)
		abort();
	__atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
}

void console_put(uint8_t byte)
{
	console_write(&byte, 1);
}

void console_flush(void)
{
}

size_t console_read(void *data, size_t length)
{
	(void)data;
	return length - length;
}

uint64_t console_signalled(uint64_t bits)
{
	(void)bits;
	abort(); /* nobody types */
}

void disks_signalled(uint64_t bits)
{
	(void)bits;
	abort(); /* there are none */
}

void nics_signalled(uint64_t bits)
{
	(void)bits;
	abort(); /* there are none */
}

void vmm_poweroff(void)
{
	abort(); /* the first hart never stops */
}

void vmm_reboot(void)
{
	abort();
}

void vmm_crash(enum vmm_crash reason)
{
	(void)reason;
	abort();
}

static long call(struct vcpu *vcpu, uint64_t extension, uint64_t function, uint64_t a0, uint64_t a1, uint64_t a2)
{
	uint64_t *gpr = vcpu->page->gpr;

	gpr[10] = a0;
	gpr[11] = a1;
	gpr[12] = a2;
	gpr[16] = function;
	gpr[17] = extension;
	sbi_handle(vcpu);
	return (long)gpr[10];
}

static void help_others(struct vcpu *vcpu, unsigned round)
{
	uint64_t other = round % HARTS;

	if (call(vcpu, HSM, START, other, 0x80000000, other << 32 | round) == SBI_SUCCESS)
		__atomic_fetch_add(&started[other], 1, __ATOMIC_SEQ_CST);
	if (call(vcpu, IPI, 0, 0, UINT64_MAX, 0) != SBI_SUCCESS || call(vcpu, HSM, STATUS, other, 0, 0) != SBI_SUCCESS)
		abort();
	if (call(vcpu, DBCN, 2, 'x', 0, 0) != SBI_SUCCESS)
		abort();
}

static void *run_hart(void *argument)
{
	struct vcpu *vcpu = argument;
	unsigned seed = vcpu->hart;

	hsm_wait_for_start(vcpu);
	for (unsigned round = 0; round < ROUNDS; round++) {
		switch (rand_r(&seed) % 4) {
		case 0:
			(void)call(vcpu, HSM, STOP, 0, 0, 0);
			break;
		case 1:
			if (call(vcpu, HSM, SUSPEND, 0, 0, 0) != SBI_SUCCESS)
				abort();
			break;
		default:
			help_others(vcpu, (unsigned)rand_r(&seed));
			break;
		}
		if (__atomic_load_n(&vcpu->state, __ATOMIC_SEQ_CST) != HART_STARTED)
			abort();
	}
	__atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

TEST(harts, lose_no_start_and_no_interrupt)
{
	pthread_t thread[HARTS];

	(void)state;
	memory = (struct guest_memory){ .host = ram, .base = 0x80000000, .size = sizeof(ram) };
	lock_init(&lock, HARTS, 50);
	harts = (struct harts){ .lock = &lock, .count = HARTS, .running = 1, .holder = &harts.vcpu[0] };
	for (unsigned i = 0; i <= HARTS; i++) {
		pthread_mutex_init(&notification[i].mutex, NULL);
		pthread_cond_init(&notification[i].signalled, NULL);
	}
	for (unsigned i = 0; i < HARTS; i++)
		harts.vcpu[i] = (struct vcpu){ .page = &pages[i], .harts = &harts, .memory = &memory, .cap = i, .wake = i,
					       .hart = i, .state = i ? HART_STOPPED : HART_STARTED };
	for (unsigned i = 1; i < HARTS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, run_hart, &harts.vcpu[i]), 0);
	/* The first hart helps until all are through; it would wait for ever for one that missed something. */
	for (unsigned round = 0; __atomic_load_n(&finished, __ATOMIC_SEQ_CST) < HARTS - 1; round++)
		help_others(&harts.vcpu[0], round);
	for (unsigned i = 1; i < HARTS; i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		assert_int_equal(started[i], begun[i]);
		assert_true(begun[i] > 1);
	}
	assert_int_equal(started[0] + begun[0], 0);
	assert_int_equal(harts.running, HARTS);
	assert_int_equal(lock.word, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { RUN(harts, lose_no_start_and_no_interrupt) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
