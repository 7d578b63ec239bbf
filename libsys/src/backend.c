/* SPDX-License-Identifier: Apache-2.0 */
#include <libsys/account.h>
#include <libsys/backend.h>
#include <libsys/invoke.h>
#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>
#include <stdio.h>

#define CHARGES 10000u /* in a second, at most, for a guest */
#define KEY_SIZE sizeof(((struct task_resource *)0)->name)

static cptr_t interrupt[BACKEND_DEVICES_MAX], client[BACKEND_SESSIONS_MAX], accounts;

static cptr_t find(const char *kind, unsigned number, const char *what)
{
	char key[KEY_SIZE];

	snprintf(key, sizeof(key), "%s.%u.%s", kind, number, what);
	return task_cap(key);
}

static uint64_t charge(unsigned guest, unsigned vcpu, uint64_t ticks)
{
	uint64_t left;

	/* Less is passed on if others interrupted this server: the kernel knows. */
	if (sched_context_charge(accounts + guest * ATTACH_VCPUS_MAX + vcpu, ticks, &left) == ERR_OK)
		return left;
	account_open(guest, 0); /* it is gone */
	return ACCOUNT_UNKNOWN;
}

void backend_find(unsigned devices, unsigned sessions)
{
	if (devices > BACKEND_DEVICES_MAX || sessions > BACKEND_SESSIONS_MAX)
		task_fail("more devices or sessions than there may be");
	for (unsigned i = 0; i < devices; i++)
		interrupt[i] = find("device", i, "irq");
	for (unsigned i = 0; i < sessions; i++)
		client[i] = find("session", i, "signal");
	accounts = task_cap("accounts");
	account_init(accounts ? charge : NULL, task_info()->timebase_hz / CHARGES);
}

void *backend_memory(const char *name, size_t least)
{
	size_t size;
	void *memory = task_memory(name, &size);

	if (!memory || size < least)
		task_fail("no memory \"%s\" of %lu bytes was given", name, (unsigned long)least);
	return memory;
}

void *backend_device_memory(unsigned device, const char *what, size_t *size)
{
	char key[KEY_SIZE];

	snprintf(key, sizeof(key), "device.%u.%s", device, what);
	return task_memory(key, size);
}

void backend_signal(unsigned session)
{
	/* A VMM that is gone needs no signal. */
	if (client[session])
		(void)sys_signal(client[session]);
}

void backend_acknowledge(unsigned device)
{
	static const uint64_t none[5];

	/* Of devices that share a line, one has the handler. */
	if (interrupt[device] && sys_invoke(interrupt[device], OP_IRQ_HANDLER_ACKNOWLEDGE, none, NULL) != ERR_OK)
		task_fail("the interrupt of device %u cannot be acknowledged", device);
}

void backend_log(void)
{
	struct console_channel *channel = task_memory("channel", NULL);

	if (channel)
		log_set_channel(channel, task_cap("console"));
}

void backend_run(bool (*turn)(uint64_t bits), uint64_t (*deadline)(void))
{
	bool more = true; /* what a server before this one left may be waiting */

	for (;;) {
		uint64_t bits = 0;
		enum err err = more ? sys_poll(TASK_SLOT_NOTIFICATION, &bits) : sys_wait(TASK_SLOT_NOTIFICATION, deadline(), &bits);

		if (err != ERR_OK && err != ERR_TIMED_OUT && err != ERR_WOULD_BLOCK)
			task_fail("waiting failed with error %d", err);
		account_begin(sys_time());
		more = turn(err == ERR_OK ? bits : 0);
		account_end(sys_time());
	}
}
