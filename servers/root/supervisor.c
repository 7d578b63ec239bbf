/* SPDX-License-Identifier: Apache-2.0 */
#include <libsys/invoke.h>
#include <libsys/log.h>
#include <libsys/task.h>

#include "backend.h"
#include "gateway.h"
#include "report.h"
#include "root.h"

/* While the machine ends: how long the servers and the console may take, how often to look, and how long its last bytes take. */
#define END_LIMIT_MS 1000u
#define END_LOOK_MS 5u
#define END_GRACE_MS 50u

static struct {
	bool active, drained;
	unsigned reason;
	uint64_t until; /* ticks */
} ending;

/* Restarts of the console are bounded by the same rule as those of guests. */
static struct lifecycle console_life = { .restart_on_crash = true };

static uint64_t ticks(uint64_t milliseconds)
{
	return root.info->timebase_hz / 1000 * milliseconds;
}

static enum verdict verdict(void)
{
	const struct lifecycle *lives[SYSTEM_GUESTS_MAX];

	for (unsigned i = 0; i < root.system.guests; i++)
		lives[i] = &root.guest[i].life;
	return lifecycle_verdict(lives, root.system.guests);
}

void supervisor_end(void)
{
	bool crashed = false;

	if (ending.active)
		return;
	for (unsigned i = 0; i < root.system.guests; i++) {
		struct guest *guest = &root.guest[i];

		if (lifecycle_alive(&guest->life)) {
			guest_destroy(guest);
			lifecycle_off(&guest->life);
		} else if (guest->life.state == GUEST_CRASHED) {
			log_info("serai: guest %s crashed", guest->config->name);
			crashed = true;
		}
	}
	if (!crashed)
		log_info("serai: all guests are off");
	ending.active = true;
	ending.reason = crashed;
	ending.until = sys_time() + ticks(END_LIMIT_MS);
	backends_end();
	console_tell();
}

bool supervisor_ending(void)
{
	return ending.active;
}

uint64_t supervisor_deadline(void)
{
	return ending.active ? sys_time() + ticks(END_LOOK_MS) : DEADLINE_NEVER;
}

/* After a guest ended by itself. */
static void check_end(void)
{
	if (verdict() != VERDICT_GO_ON)
		supervisor_end();
}

static void set_priority(uint64_t priority)
{
	enum err err = thread_set_priority(ROOT_SLOT_THREAD, ROOT_SLOT_SCHED_CONTROL, priority);

	if (err)
		log_error("cannot change the root task's priority: %s", report_error(err));
}

enum root_error supervisor_start(struct guest *guest)
{
	if (lifecycle_alive(&guest->life) || ending.active)
		return ROOT_WRONG_STATE;
	/* Most of the work is zeroing its memory. A guest that reboots for ever pays for that like any other guest. */
	set_priority(GUEST_PRIORITY);
	enum err err = guest_create(guest);

	set_priority(ROOT_PRIORITY);
	if (err)
		return err == ERR_NO_MEMORY ? ROOT_NO_MEMORY : ROOT_FAILED;
	lifecycle_started(&guest->life, sys_time());
	guest->timeouts = 0;
	log_info("guest %s: started", guest->config->name);
	console_tell();
	return ROOT_OK;
}

enum root_error supervisor_stop(struct guest *guest)
{
	if (guest->life.state == GUEST_OFF)
		return ROOT_WRONG_STATE;
	if (lifecycle_alive(&guest->life)) {
		guest_destroy(guest);
		log_info("guest %s: stopped", guest->config->name);
	}
	lifecycle_off(&guest->life);
	console_tell();
	return ROOT_OK;
}

void supervisor_off(struct guest *guest)
{
	guest_destroy(guest);
	lifecycle_off(&guest->life);
	log_info("guest %s: powered off", guest->config->name);
	console_tell();
	check_end();
}

void supervisor_crashed(struct guest *guest)
{
	bool again = lifecycle_crashed(&guest->life, sys_time(), root.info->timebase_hz);

	guest_destroy(guest);
	console_tell();
	if (again) {
		log_info("guest %s: starts again", guest->config->name);
		if (supervisor_start(guest) == ROOT_OK)
			return;
	}
	check_end();
}

/* There is no such server any more: others go on. */
static void end_guests_of(enum backend_kind kind)
{
	for (unsigned i = 0; i < root.system.guests; i++) {
		struct guest *guest = &root.guest[i];

		if (!guest->config->devices[kind] || !lifecycle_alive(&guest->life))
			continue;
		log_error("guest %s: stopped because its %s are gone", guest->config->name, backend_devices(kind));
		guest->life.restart_on_crash = false;
		supervisor_crashed(guest);
	}
}

void supervisor_tick(void)
{
	uint64_t now = sys_time();

	for (unsigned i = 0; i < BACKENDS && !ending.active; i++)
		if (!backend_tick((enum backend_kind)i))
			end_guests_of((enum backend_kind)i);
	if (!ending.active) {
		gateway_tick();
		return;
	}
	if (!ending.drained && backends_ended() && channels_drained()) {
		ending.drained = true;
		if (ending.until > now + ticks(END_GRACE_MS))
			ending.until = now + ticks(END_GRACE_MS);
	}
	if (now >= ending.until && platform_control_shutdown(ROOT_SLOT_PLATFORM_CONTROL, ending.reason) != ERR_OK)
		task_fail("cannot power off");
}

void supervisor_reboot(struct guest *guest)
{
	guest_destroy(guest);
	lifecycle_off(&guest->life);
	log_info("guest %s: reboots", guest->config->name);
	if (supervisor_start(guest) != ROOT_OK)
		supervisor_crashed(guest);
}

static void console_fault(void)
{
	bool again = lifecycle_crashed(&console_life, sys_time(), root.info->timebase_hz);
	enum err err = ERR_OK;

	console_destroy();
	if (again)
		err = console_start();
	if (again && !err) {
		log_warn("the console was started again");
		return;
	}
	log_error("the console cannot be started again%s%s", err ? ": " : "", err ? report_error(err) : "");
	if (platform_control_shutdown(ROOT_SLOT_PLATFORM_CONTROL, 1) != ERR_OK)
		task_fail("cannot power off");
}

void supervisor_timeout(uint32_t number)
{
	if (number >= CALLER_GUEST && number - CALLER_GUEST < root.system.guests)
		root.guest[number - CALLER_GUEST].timeouts++;
}

void supervisor_fault(uint32_t number, const uint64_t *words)
{
	struct guest *guest = NULL;
	enum backend_kind kind = BACKENDS;
	bool backend = backend_of(number, &kind);

	if (number >= CALLER_GUEST && number - CALLER_GUEST < root.system.guests)
		guest = &root.guest[number - CALLER_GUEST];
	if (!guest && number != CALLER_CONSOLE && number != CALLER_GATEWAY && !backend)
		return;
	log_warn("the %s%s faulted: %s at pc 0x%lx, address 0x%lx, sp 0x%lx, ra 0x%lx",
		 guest ? "VMM of guest " : backend ? backend_name(kind) : number == CALLER_GATEWAY ? GATEWAY_NAME : "console",
		 guest ? guest->config->name : backend ? " server" : "",
		 report_cause(words[0]), words[1], words[2], words[3], words[4]);
	if (backend) {
		backend_fault(kind);
	} else if (number == CALLER_GATEWAY) {
		gateway_fault();
	} else if (!guest) {
		console_fault();
	} else if (lifecycle_alive(&guest->life)) {
		log_warn("guest %s: stopped because of its VMM", guest->config->name);
		supervisor_crashed(guest);
	}
}
