/* SPDX-License-Identifier: Apache-2.0 */
/* Between the two files of sessions. */
#pragma once

#include "session.h"

/* There is, or may be, something to take. */
void session_wake(struct session *session);

/* Serves no longer; what is in flight is dropped when it ends. */
void session_stop(struct session *session);

/* Begins the request of a chain that is noted. false: it makes no sense. */
bool session_begin(struct session *session, uint32_t queue, struct virtqueue_chain *chain, uint64_t *cost);
