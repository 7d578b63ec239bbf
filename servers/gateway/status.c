/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include <string.h>

static unsigned count_open(const struct nat *nat, unsigned owner)
{
	unsigned count = 0;

	for (uint16_t at = nat->list[owner][NAT_TCP_OPEN].first; at != NAT_NONE; at = nat->flow[at].next_used)
		count++;
	return count;
}

static void write_guest(struct gateway_guest *guest, const struct description *description, const struct nat *nat, unsigned number)
{
	const struct lease *lease = &description->lease[number];
	unsigned forwards = 0;

	for (unsigned i = 0; i < description->forwards; i++)
		forwards += description->forward[i].lease == number;
	memcpy(guest->name, lease->name, sizeof(guest->name));
	guest->address = lease->address;
	guest->flows = nat->flows[number];
	guest->open = count_open(nat, number);
	guest->forwards = forwards;
}

void status_write(struct gateway_status *status, const struct description *description, const struct nat *nat, uint32_t outside,
		  uint64_t no_room)
{
	memcpy(status->net, description->net, sizeof(status->net));
	status->address = description->address;
	status->prefix = (uint32_t)__builtin_popcount(description->mask);
	status->has_outside = description->outside;
	status->outside = outside;
	status->share = nat->share;
	status->guests = description->leases;
	for (unsigned i = 0; i < NAT_DROPS; i++)
		status->drops[i] = nat->drops[i] + (i == NAT_DROP_ROOM ? no_room : 0);
	for (unsigned i = 0; i < description->leases; i++)
		write_guest(&status->guest[i], description, nat, i);
	__atomic_store_n(&status->ready, 1, __ATOMIC_RELEASE);
}
