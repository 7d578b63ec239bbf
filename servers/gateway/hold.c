/* SPDX-License-Identifier: Apache-2.0 */
#include "hold.h"

#include <string.h>

#define ETHERNET 14u
#define SHARE_MIN 2u

static const uint8_t *ip_of(const struct held *held)
{
	return held->frame.head + ETHERNET;
}

/* Number, protocol, source and target. */
static bool is_of(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a + 4, b + 4, 2) == 0 && a[9] == b[9] && memcmp(a + 12, b + 12, 8) == 0;
}

static unsigned share_of(const struct hold *hold, enum side side)
{
	unsigned share = hold->leases ? HOLD_PLACES / hold->leases : 0;

	if (side == OUTSIDE)
		return HOLD_SHARE;
	return share > SHARE_MIN ? share : SHARE_MIN;
}

void hold_init(struct hold *hold, unsigned leases)
{
	memset(hold, 0, sizeof(*hold));
	hold->leases = leases;
}

bool hold_keep(struct hold *hold, enum side side, const struct link_frame *frame, uint64_t now)
{
	struct held *place = NULL;
	unsigned own = 0;

	if (frame->length > HOLD_LENGTH || hold->count[side] == HOLD_PLACES)
		return false;
	for (unsigned i = 0; i < HOLD_PLACES; i++) {
		struct held *held = &hold->place[side][i];

		if (!held->used)
			place = held;
		else
			own += memcmp(ip_of(held) + 12, frame->head + ETHERNET + 12, 4) == 0;
	}
	if (!place || own >= share_of(hold, side))
		return false;
	*place = (struct held){ .used = true, .frame = *frame, .since = now };
	hold->count[side]++;
	return true;
}

static void take(struct hold *hold, enum side side, struct held *held, struct link_frame *frame)
{
	*frame = held->frame;
	held->used = false;
	hold->count[side]--;
}

bool hold_take(struct hold *hold, enum side side, const uint8_t *ip, struct link_frame *frame)
{
	for (unsigned i = 0; hold->count[side] && i < HOLD_PLACES; i++) {
		struct held *held = &hold->place[side][i];

		if (held->used && is_of(ip_of(held), ip)) {
			take(hold, side, held, frame);
			return true;
		}
	}
	return false;
}

bool hold_expire(struct hold *hold, enum side side, uint64_t now, struct link_frame *frame)
{
	for (unsigned i = 0; hold->count[side] && i < HOLD_PLACES; i++) {
		struct held *held = &hold->place[side][i];

		if (held->used && now - held->since > HOLD_MS) {
			take(hold, side, held, frame);
			return true;
		}
	}
	return false;
}
