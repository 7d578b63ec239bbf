/* SPDX-License-Identifier: Apache-2.0 */
#include "capture.h"

#include <libsys/log.h>
#include <stdio.h>
#include <string.h>

#define BILLION 1000000000u
#define FULL "its file has reached its limit; `capture` shows it, capture_limit and --pcap-limit set it"
#define PART 8u /* of the ring: so much is given to the device before the turn ends */

port_set capture_ports;

/* What is known of a port. */
struct source {
	const char *name;
	const struct net_switch *net;
	struct net_port_status *counters;
	unsigned file;      /* where it is meant to be */
	uint32_t interface;
	unsigned described; /* number of the file, from 1, that describes it as that interface */
	uint64_t begin;     /* ns */
	uint64_t lost;      /* frames since the last one that was written */
};

static struct {
	struct capture_setup setup;
	struct pcapng file[NET_CAPTURES_MAX];
	struct source source[SWITCH_PORTS];
} captures;

static const char *const comments[NET_DROPS] = {
	[NET_DROP_NO_BUFFER] = "dropped: the receiver had no buffer",
	[NET_DROP_SHARE] = "dropped: the sender had its share of the buffers",
	[NET_DROP_BAD_FRAME] = "dropped: bad frame",
	[NET_DROP_SOURCE_MAC] = "dropped: wrong source MAC",
	[NET_DROP_SOURCE_IP] = "dropped: wrong source address",
	[NET_DROP_VLAN] = "dropped: VLAN",
	[NET_DROP_RATE] = "dropped: broadcast rate",
	[NET_DROP_ISOLATED] = "dropped: isolation",
	[NET_DROP_LINK] = "dropped: link down",
};

static uint64_t time_now(void)
{
	uint64_t ticks = captures.setup.now(), hz = captures.setup.hz;

	return captures.setup.epoch + ticks / hz * BILLION + ticks % hz * BILLION / hz;
}

static struct pcapng *file_of(const struct source *source)
{
	return &captures.file[source->counters->capturing - 1];
}

void capture_init(const struct capture_setup *setup)
{
	memset(&captures, 0, sizeof(captures));
	capture_ports = 0;
	captures.setup = *setup;
	for (unsigned i = 0; i < setup->files; i++) {
		captures.file[i].snaplen = setup->snaplen;
		captures.file[i].limit = setup->limit[i] ? setup->limit[i] : UINT64_MAX;
		captures.file[i].written = setup->written[i];
		setup->open(&captures.file[i].stream, i);
	}
}

void capture_name(unsigned port, const char *name, const struct net_switch *net, struct net_port_status *counters, unsigned file)
{
	captures.source[port] = (struct source){ .name = name, .net = net, .counters = counters, .file = file };
}

const char *capture_begin(unsigned port, unsigned file)
{
	struct source *source = &captures.source[port];
	struct net_port_status *counters = source->counters;
	char text[NET_NAME_MAX + 24];

	if (!captures.setup.files)
		return "the machine has no device to capture to; `./serai run` makes one";
	if (file >= captures.setup.files || !captures.file[file].stream.open)
		return "the device to capture to is missing, or has failed";
	if (counters->capturing == file + 1)
		return NULL;
	if (counters->capturing)
		capture_end(port);
	if (captures.file[file].full)
		return FULL;
	snprintf(text, sizeof(text), "port of switch %s", source->net->name);
	if (source->described != file + 1 &&
	    !pcapng_interface(&captures.file[file], source->name, text, counters->mac, &source->interface))
		return captures.file[file].full ? FULL : "the device to capture to takes nothing at the moment";
	source->described = file + 1;
	source->begin = time_now();
	source->lost = 0;
	counters->captured = counters->capture_lost = 0;
	counters->capturing = (uint8_t)(file + 1);
	capture_ports |= (port_set)1 << port;
	return NULL;
}

void capture_end(unsigned port)
{
	struct source *source = &captures.source[port];
	struct net_port_status *counters = source->counters;
	struct pcapng_counts counts = { .begin = source->begin, .end = time_now(), .frames = counters->captured + counters->capture_lost,
					.lost = counters->capture_lost };

	if (!counters->capturing)
		return;
	pcapng_statistics(file_of(source), source->interface, &counts);
	counters->capturing = 0;
	capture_ports &= ~((port_set)1 << port);
}

bool capture_ask(unsigned port, bool on, char *answer, size_t size)
{
	const struct source *source = &captures.source[port];
	const char *problem = NULL;

	if (!source->counters) {
		snprintf(answer, size, "there is no such uplink");
		return false;
	}
	if (on)
		problem = capture_begin(port, source->file);
	else
		capture_end(port);
	if (problem)
		snprintf(answer, size, "%s: %s", source->name, problem);
	else if (on)
		snprintf(answer, size, "%s is captured to %s", source->name, captures.setup.name[source->counters->capturing - 1]);
	else
		snprintf(answer, size, "%s is not captured any more", source->name);
	return !problem;
}

/* Ends the captures to a file in order, with their counts. */
static void end_all(unsigned number)
{
	for (unsigned port = 0; port < SWITCH_PORTS; port++) {
		const struct source *source = &captures.source[port];

		if (source->counters && source->counters->capturing == number + 1)
			capture_end(port);
	}
}

/* A device that takes no more; its ports go on without it. */
static void fail(unsigned number, const char *reason)
{
	log_warn("capture %u has ended: %s", number, reason);
	for (unsigned port = 0; port < SWITCH_PORTS; port++) {
		struct source *source = &captures.source[port];

		if (source->counters && source->counters->capturing == number + 1) {
			source->counters->capturing = 0;
			capture_ports &= ~((port_set)1 << port);
		}
	}
}

static void kick(unsigned number)
{
	const char *problem = stream_kick(&captures.file[number].stream);

	if (problem)
		fail(number, problem);
}

static __attribute__((cold)) void write_frame(unsigned port, const struct frame *frame, bool to_switch, const char *comment)
{
	struct source *source = &captures.source[port];
	struct net_port_status *counters = source->counters;
	struct pcapng *file = file_of(source);
	/* As the NIC of the port sees it: the switch is what a guest's NIC sends to, and what a machine's NIC receives for. */
	bool outbound = (port < NET_SESSIONS_MAX) == to_switch;
	struct pcapng_packet packet = { .interface = source->interface, .direction = outbound ? PCAPNG_OUTBOUND : PCAPNG_INBOUND,
					.time = time_now(), .comment = comment, .lost = source->lost };

	if (pcapng_frame(file, &packet, frame)) {
		source->lost = 0;
		counters->captured++;
	} else if (file->full) {
		unsigned number = counters->capturing - 1u;

		log_info("capture to %s has ended: the file has its limit of %lu bytes", captures.setup.name[number], (unsigned long)file->limit);
		end_all(number);
		return;
	} else {
		source->lost++;
		counters->capture_lost++;
	}
	if (file->stream.waiting >= file->stream.size / PART)
		kick(counters->capturing - 1u);
}

void capture_sent(unsigned port, const struct frame *frame, enum net_drop drop)
{
	write_frame(port, frame, true, drop < NET_DROPS ? comments[drop] : NULL);
}

void capture_received(unsigned port, const struct frame *frame, enum net_drop drop)
{
	write_frame(port, frame, false, drop < NET_DROPS ? comments[drop] : NULL);
}

void capture_received_plain(unsigned port, const uint8_t *data, uint32_t length, enum net_drop drop)
{
	struct frame frame = { .length = length, .segments = 1, .segment = { { .data = data, .length = length } } };

	capture_received(port, &frame, drop);
}

uint64_t capture_written(unsigned file)
{
	return captures.file[file].written;
}

void capture_finish(void)
{
	for (unsigned i = 0; i < captures.setup.files; i++)
		end_all(i);
}

bool capture_is_done(void)
{
	bool done = true;

	for (unsigned i = 0; i < captures.setup.files; i++)
		done &= stream_is_done(&captures.file[i].stream);
	return done;
}

bool capture_kick(void)
{
	bool waits = false;

	for (unsigned i = 0; i < captures.setup.files; i++) {
		if (!stream_waits(&captures.file[i].stream))
			continue;
		kick(i);
		waits |= stream_waits(&captures.file[i].stream);
	}
	return waits;
}
