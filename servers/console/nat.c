/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's page may change while it is read: it is copied first, and its texts are cut to their fields. */
#include "nat.h"

#include <stdio.h>
#include <string.h>

#include "screen.h"

#define ADDRESS_SIZE 16u

static const char *const drop_names[NAT_DROPS] = {
	[NAT_DROP_BAD] = "bad packet",
	[NAT_DROP_FRAGMENT] = "fragment without its beginning",
	[NAT_DROP_PROTOCOL] = "protocol",
	[NAT_DROP_SOURCE] = "wrong source address",
	[NAT_DROP_TARGET] = "no way to its target",
	[NAT_DROP_FULL] = "share of connections used up",
	[NAT_DROP_UNKNOWN] = "belongs to no connection",
	[NAT_DROP_HOPS] = "hops used up",
	[NAT_DROP_NEXT_HOP] = "next hop does not answer",
	[NAT_DROP_ROOM] = "queue full",
};

static const char *write_address(uint32_t address, char text[ADDRESS_SIZE])
{
	snprintf(text, ADDRESS_SIZE, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
	return text;
}

static void show_drops(struct mux *mux, const uint64_t drops[NAT_DROPS])
{
	bool any = false;

	for (unsigned i = 0; i < NAT_DROPS; i++) {
		if (drops[i])
			screen_print(mux, "  dropped: %10lu  %s", (unsigned long)drops[i], drop_names[i]);
		any |= drops[i] != 0;
	}
	if (!any)
		screen_print(mux, "  dropped: nothing");
}

static void show_guests(struct mux *mux, const struct gateway_status *status)
{
	char address[ADDRESS_SIZE];

	screen_print(mux, "  %-15s %-15s %11s %8s %8s %8s", "GUEST", "ADDRESS", "CONNECTIONS", "OPEN TCP", "AT MOST", "FORWARDS");
	for (unsigned i = 0; i < status->guests && i < NET_SESSIONS_MAX; i++) {
		const struct gateway_guest *guest = &status->guest[i];

		screen_print(mux, "  %-15.15s %-15s %11u %8u %8u %8u", guest->name, write_address(guest->address, address), guest->flows,
			     guest->open, status->share, guest->forwards);
	}
}

void nat_show(struct mux *mux)
{
	static struct gateway_status status;
	char inside[ADDRESS_SIZE], outside[ADDRESS_SIZE];

	if (!mux->port->gateway_status) {
		screen_print(mux, "this system has no gateway; `nat = true` in a [net.NAME] makes one");
		return;
	}
	if (!__atomic_load_n(&mux->port->gateway_status->ready, __ATOMIC_ACQUIRE)) {
		screen_print(mux, "the gateway does not run at the moment");
		return;
	}
	memcpy(&status, mux->port->gateway_status, sizeof(status));
	__asm__ volatile("" : : "r"(&status) : "memory");
	screen_print(mux, "%.15s: %s/%u inside, %s%s", status.net, write_address(status.address, inside), status.prefix,
		     !status.has_outside ? "no way out" : status.outside ? write_address(status.outside, outside) : "no address yet",
		     status.has_outside ? " outside" : "");
	show_guests(mux, &status);
	show_drops(mux, status.drops);
}
