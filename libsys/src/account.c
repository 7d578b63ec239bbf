/* SPDX-License-Identifier: Apache-2.0 */
#include <libsys/account.h>
#include <stddef.h>

struct account_meter account_meter = { .guest = ACCOUNT_NOBODY };

static struct {
	uint64_t ticks; /* not passed on yet */
	uint32_t vcpus;
	uint32_t next;
} account[ATTACH_MAX];

static uint64_t (*pass_on)(unsigned guest, unsigned vcpu, uint64_t ticks);
static uint64_t enough;
static uint64_t known;  /* ticks not passed on of which it is known for whom they were, or that it was nobody */
static uint64_t worked; /* ticks of turns since something was passed on */

void account_init(uint64_t (*charge)(unsigned guest, unsigned vcpu, uint64_t ticks), uint64_t least)
{
	pass_on = charge;
	enough = least;
	worked = 0;
	known = ACCOUNT_UNKNOWN; /* what was used until something is passed on is nobody's */
}

void account_open(unsigned guest, uint32_t vcpus)
{
	account[guest].ticks = 0;
	account[guest].vcpus = vcpus;
	account[guest].next = 0;
}

/* Passes on what is the guest's, and takes down for the next time its part of what nobody knew of. */
static void settle(unsigned guest)
{
	uint64_t ticks = account[guest].ticks, before = known - ticks, part = 0;

	known = pass_on(guest, account[guest].next, ticks);
	if (++account[guest].next == account[guest].vcpus)
		account[guest].next = 0;
	if (known > before && known != ACCOUNT_UNKNOWN)
		part = ticks < worked ? (known - before) * ticks / worked : known - before;
	account[guest].ticks = part;
	worked = 0;
}

/* What was done since the last look was for this guest, if for any. */
static void add(unsigned guest, uint64_t now)
{
	uint64_t ticks = now - account_meter.since;

	account_meter.since = now;
	worked += ticks;
	known += ticks;
	if (guest >= ATTACH_MAX || !account[guest].vcpus || !pass_on)
		return;
	account[guest].ticks += ticks;
	if (account[guest].ticks >= enough)
		settle(guest);
}

void account_begin(uint64_t now)
{
	account_meter = (struct account_meter){ .guest = ACCOUNT_NOBODY, .since = now };
}

void account_end(uint64_t now)
{
	add(account_meter.guest, now);
	account_meter.guest = ACCOUNT_NOBODY;
}

void account_skip(uint64_t now)
{
	add(ACCOUNT_NOBODY, now);
	account_meter.guest = ACCOUNT_NOBODY;
}

void account_switch(unsigned guest, uint64_t now)
{
	if (account_meter.guest != ACCOUNT_NOBODY)
		add(account_meter.guest, now);
	account_meter.guest = guest;
}
