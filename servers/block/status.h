/* SPDX-License-Identifier: Apache-2.0 */
/* What the console shows: counters, from time to time. */
#pragma once

#include "session.h"

/* Brings the parts of *status that count up to date. */
void status_refresh(struct block_status *status, const struct volume *volume, unsigned volumes, struct session *session,
		    unsigned sessions);
