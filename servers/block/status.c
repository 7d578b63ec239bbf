/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

void status_refresh(struct block_status *status, const struct volume *volume, unsigned volumes, struct session *session,
		    unsigned sessions)
{
	for (unsigned i = 0; i < volumes; i++) {
		struct block_volume_status fresh = { 0 };

		volume_status(&volume[i], &fresh);
		status->volume[i] = fresh;
	}
	for (unsigned i = 0; i < sessions; i++) {
		session[i].counters.serving = session[i].serves != 0;
		session[i].counters.in_flight = session[i].in_flight;
		status->session[i] = session[i].counters;
	}
	__atomic_store_n(&status->volumes, volumes, __ATOMIC_RELEASE);
}
