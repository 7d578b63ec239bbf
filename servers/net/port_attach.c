/* SPDX-License-Identifier: Apache-2.0 */
/* Ports as guests and their drivers come and go. */
#include <libsys/log.h>
#include <libsys/virtio_net.h>
#include <stdio.h>
#include <string.h>

#include "port_private.h"

#define FEATURE_INDIRECT ((uint64_t)1 << 28)
#define FEATURE_EVENT_INDEX ((uint64_t)1 << 29)
#define FILTER_TRIES 4u
#define GATHERS 4000u  /* a second: 250 us, as NICs moderate their interrupts when much comes */
#define SETTLES 10000u /* a second: 100 us */

void port_init(struct port *port, struct hold *hold, uint64_t hz)
{
	const struct port_config *config = &port->config;
	uint64_t now = port->now();

	for (unsigned i = 0; i < NET_PAIRS_MAX; i++) {
		port->send[i].hold = hold + (size_t)i * NET_QUEUE_SIZE;
		share_init(&port->share[i], port->now, hz);
	}
	limit_init(&port->bytes, config->bandwidth, config->bandwidth_burst, hz, now);
	limit_init(&port->packets, config->packets, config->packets_burst, hz, now);
	limit_init(&port->groups, PORT_GROUP_RATE, PORT_GROUP_RATE, hz, now);
	port->up = true;
	snprintf(port->name, sizeof(port->name), "%s.%u", config->guest_name, config->nic % NET_NICS_MAX);
	port->gather = hz / GATHERS;
	port->settle = hz / SETTLES;
	memcpy(port->counters.name, config->guest_name, sizeof(port->counters.name));
	memcpy(port->counters.net, port->net->name, sizeof(port->counters.net));
	memcpy(port->counters.mac, config->mac, ETHERNET_ADDRESS);
	*port->link = (struct switch_port){ .exists = true, .group = config->group, .vlan = config->vlan };
	memcpy(port->link->mac, config->mac, ETHERNET_ADDRESS);
}

static void update_link(struct port *port)
{
	port->link->up = port->up && port->serves != 0;
}

/* Our part of the shared page. */
static void publish(struct port *port, uint32_t starts)
{
	struct net_session *shared = port->shared;

	shared->state = port->failed ? NET_FAILED : NET_READY;
	shared->broken = 0;
	shared->link = port->up;
	shared->mtu = port->net->mtu;
	shared->flags = 0;
	memcpy(shared->mac, port->config.mac, ETHERNET_ADDRESS);
	memcpy(shared->problem, port->problem, sizeof(shared->problem));
	port->counters.state = shared->state;
	__atomic_store_n(&shared->server, starts, __ATOMIC_RELEASE);
}

/* Copies what the guest's RAM is; false if that makes no sense. */
static bool copy_memory(struct port *port, const struct attachment *guest)
{
	uint64_t offset = 0;

	port->memory = (struct guest_memory){ (uint8_t *)(uintptr_t)guest->address, guest->base, guest->size };
	port->ranges = guest->ranges;
	if (guest->ranges == 0 || guest->ranges > ATTACH_RANGES_MAX)
		return false;
	for (uint32_t i = 0; i < port->ranges; i++) {
		if (guest->range[i].offset != offset || guest->range[i].size > guest->size - offset)
			return false;
		port->range[i].offset = offset;
		port->range[i].physical = guest->range[i].physical;
		offset += guest->range[i].size;
		port->range[i].end = offset;
	}
	return offset == guest->size;
}

static bool set_up_queue(struct port *port, struct virtqueue *queue, const struct net_setup *setup, uint32_t number, bool resumed)
{
	virtqueue_reset(queue, NET_QUEUE_SIZE);
	if (setup->queue[number].size == 0)
		return true;
	if (setup->queue[number].size > NET_QUEUE_SIZE)
		return false;
	queue->size = (uint16_t)setup->queue[number].size;
	queue->descriptors = setup->queue[number].descriptors;
	queue->available = setup->queue[number].available;
	queue->used = setup->queue[number].used;
	queue->event_index = setup->features & FEATURE_EVENT_INDEX;
	queue->indirect = setup->features & FEATURE_INDIRECT;
	if (!virtqueue_enable(queue, &port->memory))
		return false;
	/* Buffers are given back in order: what comes next is what was not yet given back. */
	if (resumed)
		queue->next_available = queue->next_used = queue->signalled_used = virtqueue_used_index(queue);
	return true;
}

/* Copies and checks what the driver set up. */
static bool set_up(struct port *port, bool resumed)
{
	struct net_setup setup;

	memcpy(&setup, &port->shared->setup, sizeof(setup));
	__asm__ volatile("" : : "r"(&setup) : "memory");
	port->pairs = 0;
	port->next_pair = 0;
	port->touched = 0;
	if (setup.queues == 0 || setup.queues > NET_QUEUES_MAX || (setup.queues & 1))
		return false;
	port->features = setup.features;
	for (uint32_t i = 0; i < setup.queues / 2; i++) {
		struct send_queue *send = &port->send[i];

		send->first = send->next = 0;
		if (!set_up_queue(port, &port->receive[i], &setup, receive_number(i), resumed) ||
		    !set_up_queue(port, &send->ring, &setup, send_number(i), resumed))
			return false;
		share_reset(&port->share[i], port->receive[i].next_available);
		virtqueue_set_notify(&port->receive[i], false);
	}
	port->pairs = setup.queues / 2;
	return true;
}

void port_read_filter(struct port *port)
{
	const struct net_filter *shared = &port->shared->filter;
	struct net_filter *filter = &port->filter;
	struct switch_port *link = port->link;
	uint32_t sequence = __atomic_load_n(&shared->sequence, __ATOMIC_ACQUIRE);
	bool whole = false;
	static struct net_filter copy;

	if (sequence == port->filter_sequence)
		return;
	/* One that is always being written stays as it was: the client's own loss. */
	for (unsigned i = 0; i < FILTER_TRIES && !whole; i++) {
		sequence = __atomic_load_n(&shared->sequence, __ATOMIC_ACQUIRE);
		memcpy(&copy, shared, sizeof(copy));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		whole = !(sequence & 1) && __atomic_load_n(&shared->sequence, __ATOMIC_RELAXED) == sequence;
	}
	if (!whole)
		return;
	*filter = copy;
	port->filter_sequence = sequence;
	if (filter->macs > NET_MACS_MAX)
		filter->macs = NET_MACS_MAX;
	port->active = filter->pairs > port->pairs ? port->pairs : filter->pairs ? filter->pairs : 1;
	memcpy(link->more, filter->address, sizeof(link->more));
	link->more_count = filter->macs;
	link->promiscuous = filter->promiscuous || filter->all_unicast;
}

/* A driver that has asked for nothing yet. */
static void reset_filter(struct port *port)
{
	memset(&port->filter, 0, sizeof(port->filter));
	port->filter_sequence = 0;
	port->active = 1;
	port->link->more_count = 0;
	port->link->promiscuous = false;
	port_read_filter(port);
}

/* Tells the client that `wanted` is in effect. */
static void settle(struct port *port, uint32_t wanted)
{
	port->done = wanted;
	__atomic_store_n(&port->shared->done, wanted, __ATOMIC_RELEASE);
	port->signal(port->number);
}

void port_stop(struct port *port)
{
	if (!port->serves)
		return;
	port->serves = 0;
	port->touched = 0;
	port->settle_at = 0;
	schedule_remove(port->schedule, &port->flow);
	port->pace = PORT_IDLE;
	update_link(port);
}

static void start(struct port *port, uint32_t wanted, bool resumed)
{
	bool good = set_up(port, resumed);

	port->serves = wanted;
	settle(port, wanted);
	if (!good) {
		port_break(port);
		return;
	}
	reset_filter(port);
	update_link(port);
	port_wake(port);
}

/* Lets the driver say again where it is: switches behind us may have forgotten. */
static void announce(struct port *port)
{
	struct net_session *shared = port->shared;

	__atomic_store_n(&shared->announce, shared->announce + 1, __ATOMIC_RELEASE);
}

void port_attach(struct port *port, const struct attachment *guest, uint32_t starts)
{
	const struct net_session *shared = port->shared;
	uint32_t wanted;

	port->attached = true;
	port->detaching = false;
	port->failed = !copy_memory(port, guest);
	memset(port->problem, 0, sizeof(port->problem));
	if (port->failed)
		strcpy(port->problem, "the guest's memory is not described");
	/* A server before this one was told by the user. */
	if (__atomic_load_n(&shared->server, __ATOMIC_RELAXED))
		port->up = __atomic_load_n(&shared->link, __ATOMIC_RELAXED) != 0;
	port->done = __atomic_load_n(&shared->done, __ATOMIC_RELAXED);
	publish(port, starts);
	if (!port->failed) {
		wanted = __atomic_load_n(&shared->wanted, __ATOMIC_ACQUIRE);
		if ((wanted & 1) && port->done == wanted) {
			start(port, wanted, true);
			announce(port);
		}
		port_look(port);
	}
	port->signal(port->number);
}

void port_detach(struct port *port)
{
	port->detaching = true;
	port_stop(port);
}

bool port_detached(const struct port *port)
{
	return port->held == 0;
}

void port_set_link(struct port *port, bool up)
{
	if (port->up == up)
		return;
	port->up = up;
	update_link(port);
	if (!port->attached || port->detaching)
		return;
	__atomic_store_n(&port->shared->link, up, __ATOMIC_RELEASE);
	if (up)
		announce(port);
	port->signal(port->number);
}

void port_look(struct port *port)
{
	uint32_t wanted;

	if (!port->attached || port->detaching || port->failed)
		return;
	wanted = __atomic_load_n(&port->shared->wanted, __ATOMIC_ACQUIRE);
	if (wanted == port->done) {
		if (port->serves)
			port_read_filter(port);
		if (port->serves && (port->pace == PORT_IDLE || port->pace == PORT_PACED))
			port_wake(port);
		return;
	}
	port_stop(port);
	/* Looked at again when the last NIC has read the last buffer. */
	if (port->held)
		return;
	if (wanted & 1)
		start(port, wanted, false);
	else
		settle(port, wanted);
}
