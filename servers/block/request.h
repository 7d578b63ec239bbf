/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-blk requests (virtio 1.2, section 5.2.6): from a chain of descriptors to transfers, and the answer. */
#pragma once

#include "session.h"

enum { REQUEST_OK = 0, REQUEST_ERROR = 1, REQUEST_UNSUPPORTED = 2 };

/*
 * Reads the chain and begins the request. false: the chain has no room for a status or not the form of a request; nothing has begun.
 * The request may have ended on return.
 */
bool request_begin(struct request *request, struct virtqueue *queue, struct virtqueue_chain *chain);
