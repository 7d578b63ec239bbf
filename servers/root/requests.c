/* SPDX-License-Identifier: Apache-2.0 */
#include <libsys/log.h>
#include <libsys/syscalls.h>

#include "backend.h"
#include "gateway.h"
#include "report.h"
#include "root.h"

static bool answer(struct message *message, enum root_error error, unsigned words)
{
	message->info = message_info((uint16_t)error, words);
	return true;
}

static uint64_t uptime_ms(const struct guest *guest)
{
	if (!lifecycle_alive(&guest->life))
		return 0;
	return (sys_time() - guest->life.started_at) / (root.info->timebase_hz / 1000);
}

static bool answer_status(struct message *message, const struct guest *guest)
{
	message->word[0] = (uint64_t)guest->life.state;
	message->word[1] = guest->config->memory;
	message->word[2] = uptime_ms(guest);
	message->word[3] = guest_overhead(guest);
	message->word[4] = guest->life.starts;
	return answer(message, ROOT_OK, 5);
}

static bool answer_cpu(struct message *message, const struct guest *guest)
{
	message->word[0] = guest->config->cpu_share;
	message->word[1] = guest->config->cpu_cap;
	message->word[2] = task_consumed(&guest->vmm) / (root.info->timebase_hz / 1000);
	message->word[3] = guest->timeouts;
	message->word[4] = guest->config->vcpus;
	return answer(message, ROOT_OK, 5);
}

static bool answer_memory(struct message *message)
{
	uint64_t guests = 0, servers = console_bytes() + backends_bytes() + gateway_bytes();

	for (unsigned i = 0; i < root.system.guests; i++) {
		guests += root.guest[i].ram.bytes;
		servers += root.guest[i].vmm.arena.bytes;
	}
	message->word[0] = memory_total() + root.info->kernel_bytes;
	message->word[1] = memory_available();
	message->word[2] = root.info->kernel_bytes + root.arena.bytes;
	message->word[3] = servers;
	message->word[4] = guests;
	return answer(message, ROOT_OK, 5);
}

static bool from_console(struct message *message, unsigned label)
{
	struct guest *guest = message_words(message->info) >= 1 && message->word[0] < root.system.guests ?
				      &root.guest[message->word[0]] :
				      NULL;

	switch (label) {
	case ROOT_MEMORY:
		return answer_memory(message);
	case ROOT_BLOCK_KILL:
		return answer(message, backend_kill(BACKEND_BLOCK) == ERR_OK ? ROOT_OK : ROOT_WRONG_STATE, 0);
	case ROOT_NET_KILL:
		return answer(message, backend_kill(BACKEND_NET) == ERR_OK ? ROOT_OK : ROOT_WRONG_STATE, 0);
	case ROOT_GATEWAY_KILL:
		return answer(message, gateway_kill() == ERR_OK ? ROOT_OK : ROOT_WRONG_STATE, 0);
	case ROOT_SHUTDOWN:
		supervisor_end();
		return answer(message, ROOT_OK, 0);
	default:
		break;
	}
	if (!guest)
		return answer(message, ROOT_UNKNOWN, 0);
	switch (label) {
	case ROOT_GUEST_STATUS:
		return answer_status(message, guest);
	case ROOT_GUEST_CPU:
		return answer_cpu(message, guest);
	case ROOT_GUEST_START:
		return answer(message, supervisor_start(guest), 0);
	case ROOT_GUEST_STOP:
		return answer(message, supervisor_stop(guest), 0);
	case ROOT_GUEST_REBOOT:
		if (lifecycle_alive(&guest->life))
			(void)supervisor_stop(guest);
		return answer(message, supervisor_start(guest), 0);
	case ROOT_VMM_KILL:
		if (!lifecycle_alive(&guest->life))
			return answer(message, ROOT_WRONG_STATE, 0);
		return answer(message, task_kill(&guest->vmm) == ERR_OK ? ROOT_OK : ROOT_FAILED, 0);
	default:
		return answer(message, ROOT_UNKNOWN, 0);
	}
}

/* Calls that end the caller get no answer: nobody is left to take it. */
static bool from_vmm(struct message *message, struct guest *guest, unsigned label)
{
	switch (label) {
	case ROOT_VMM_RUNNING:
		if (!lifecycle_running(&guest->life))
			return answer(message, ROOT_WRONG_STATE, 0);
		console_tell();
		return answer(message, ROOT_OK, 0);
	case ROOT_VMM_POWEROFF:
		supervisor_off(guest);
		return false;
	case ROOT_VMM_REBOOT:
		supervisor_reboot(guest);
		return false;
	case ROOT_VMM_CRASHED:
		log_warn("guest %s: stopped: %s", guest->config->name, report_crash(message->word[0]));
		supervisor_crashed(guest);
		return false;
	default:
		return answer(message, ROOT_UNKNOWN, 0);
	}
}

bool request_handle(struct message *message)
{
	uint64_t number = message->badge;
	unsigned label = message_label(message->info);

	if (label == LABEL_FAULT) {
		supervisor_fault((uint32_t)number & ~TASK_FAULT_BADGE, message->word);
		return false; /* whoever faulted is gone */
	}
	if (label == LABEL_TIMEOUT) {
		supervisor_timeout((uint32_t)number & ~TASK_FAULT_BADGE);
		return answer(message, ROOT_OK, 0); /* it waits for its refill */
	}
	if (number == CALLER_CONSOLE)
		return from_console(message, label);
	if (number >= CALLER_GUEST && number - CALLER_GUEST < root.system.guests &&
	    lifecycle_alive(&root.guest[number - CALLER_GUEST].life))
		return from_vmm(message, &root.guest[number - CALLER_GUEST], label);
	return answer(message, ROOT_UNKNOWN, 0);
}
