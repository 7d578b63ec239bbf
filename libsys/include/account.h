/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose account a server's CPU time is on: that of the guest for which it works. In a turn the server says for whom it goes on; what comes
 * before the first of them is that guest's, too. Time is gathered, and passed on to the guest's vCPUs in turn. What the server used beside its
 * turns, in the kernel, is divided as these are.
 */
#pragma once

#include <proto/attach.h>

#define ACCOUNT_NOBODY UINT32_MAX
#define ACCOUNT_UNKNOWN (UINT64_MAX / 2) /* ticks */

struct account_meter {
	uint32_t guest; /* for which the server works, or ACCOUNT_NOBODY */
	uint64_t since; /* ticks */
};
extern struct account_meter account_meter;

/*
 * Once, before all others. charge: passes ticks on to a vCPU of a guest, by its number among those that pay; NULL: nobody pays. It returns the
 * ticks that this server used, in the kernel, too, and could still pass on; ACCOUNT_UNKNOWN: nothing was passed on. least: ticks that are passed on at once.
 */
void account_init(uint64_t (*charge)(unsigned guest, unsigned vcpu, uint64_t ticks), uint64_t least);

/* How many vCPUs of the guest (0 to ATTACH_MAX - 1) pay from now on; what it had not paid yet is forgotten. */
void account_open(unsigned guest, uint32_t vcpus);

/* A turn begins or ends; now in ticks, not before the last one. */
void account_begin(uint64_t now);
void account_end(uint64_t now);

/* What was done in this turn so far was for nobody. */
void account_skip(uint64_t now);

/* The server goes on for the guest. */
void account_switch(unsigned guest, uint64_t now);
static inline void account_for(unsigned guest, uint64_t now)
{
	if (account_meter.guest != guest)
		account_switch(guest, now);
}
