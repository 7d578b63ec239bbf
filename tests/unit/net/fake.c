/* SPDX-License-Identifier: Apache-2.0 */
#include "fake.h"

#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <driver_virtio_net.h>
#include <libsys/log.h>
#include <offload.h>

#define TREE_SIZE 8192

__typeof__(fake) fake;
static uint8_t tree[TREE_SIZE];
static struct hold holds[FAKE_SESSIONS * SERVER_HOLDS];

void log_line(enum log_level level, const char *format, ...)
{
	(void)format;
	fake.warnings += level <= LOG_WARN;
}

/* Where RAM is on the bus: halves, and the second before the first. */
#define PHYSICAL(guest, half) (UINT64_C(0x100000000) * ((guest) + 1) + ((half) ? 0 : FAKE_RAM_SIZE))

static const uint8_t *bus(uint64_t physical, uint32_t length)
{
	for (unsigned guest = 0; guest < FAKE_GUESTS; guest++) {
		for (unsigned half = 0; half < 2; half++) {
			uint64_t offset = physical - PHYSICAL(guest, half);

			if (offset < FAKE_RAM_SIZE / 2 && length <= FAKE_RAM_SIZE / 2 - offset)
				return fake.shared->ram[guest] + half * (FAKE_RAM_SIZE / 2) + offset;
		}
	}
	abort();
}

static unsigned room(struct nic *nic)
{
	(void)nic;
	return fake.room - fake.in_nic;
}

static void await(struct nic *nic)
{
	(void)nic;
	fake.awaited = true;
}

static bool send(struct nic *nic, const struct frame *frame, void *token)
{
	struct fake_sent *sent = &fake.sent[fake.in_nic];

	(void)nic;
	if (fake.in_nic == fake.room)
		return false;
	sent->header = frame->header;
	sent->length = frame->length;
	sent->token = frame->segments ? token : NULL;
	memcpy(sent->data, frame->head, frame->head_length);
	for (uint32_t i = 0, at = frame->head_length; i < frame->segments; at += frame->segment[i++].length) {
		const uint8_t *memory = bus(frame->segment[i].physical, frame->segment[i].length);

		if (memory != frame->segment[i].data)
			abort();
		memcpy(sent->data + at, memory, frame->segment[i].length);
	}
	fake.in_nic++;
	return true;
}

static uint8_t *prepare(struct nic *nic, uint32_t *room)
{
	(void)nic;
	*room = sizeof(fake.sent[0].data);
	return fake.in_nic < fake.room && fake.in_nic % 2 ? fake.sent[fake.in_nic].data : NULL; /* as it has some or has not */
}

static bool send_copy(struct nic *nic, const uint8_t *data, uint32_t length)
{
	struct fake_sent *sent = &fake.sent[fake.in_nic];

	(void)nic;
	if (fake.in_nic == fake.room)
		return false;
	sent->header = (struct net_header){ 0 };
	sent->length = length;
	sent->token = NULL;
	if (data != sent->data)
		memcpy(sent->data, data, length);
	fake.in_nic++;
	return true;
}

static void kick(struct nic *nic)
{
	(void)nic;
	fake.kicks++;
}

static bool work(struct nic *nic, unsigned most)
{
	static struct frame frame;
	unsigned done = 0, gone = 0;

	for (; gone < fake.complete && gone < fake.in_nic; gone++) {
		if (fake.sent[gone].token)
			nic->sent(nic, fake.sent[gone].token);
	}
	fake.in_nic -= gone;
	memmove(fake.sent, fake.sent + gone, fake.in_nic * sizeof(fake.sent[0]));
	fake.complete = 0;
	for (; done < most && done < fake.comes; done++) {
		uint32_t length = fake.coming[done].length;

		memset(&frame, 0xee, sizeof(frame));
		frame.header = fake.coming[done].header;
		frame.length = length;
		frame.head_length = length < FRAME_HEAD ? length : FRAME_HEAD;
		memcpy(frame.head, fake.coming[done].data, frame.head_length);
		frame.segments = length > FRAME_HEAD;
		frame.segment[0] = (struct frame_segment){ .data = fake.coming[done].data + FRAME_HEAD, .length = length - FRAME_HEAD };
		nic->received(nic, &frame);
	}
	memmove(fake.coming, fake.coming + done, (fake.comes - done) * sizeof(fake.coming[0]));
	fake.comes -= done;
	return fake.comes != 0;
}

static enum err open_nic(struct nic *nic, const struct nic_resources *resources)
{
	static const uint8_t mac[6] = { 0x52, 0x55, 0, 0, 0, 1 };

	(void)resources;
	memcpy(nic->mac, mac, sizeof(mac));
	nic->mtu = NET_MTU_MAX;
	nic->link = true;
	nic->features = fake.options.nic_features;
	nic->receive_features = VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6;
	return ERR_OK;
}

/* In the place of the real driver. */
const struct nic_driver driver_virtio_net = {
	.name = "fake", .open = open_nic, .room = room, .await = await, .send = send, .prepare = prepare, .send_copy = send_copy, .kick = kick, .work = work,
};

static uint64_t now(void)
{
	return fake.time;
}

static void signal_client(unsigned session)
{
	fake.signals[session]++;
}

static void acknowledge(unsigned device)
{
	(void)device;
	fake.acknowledged++;
}

static void open_device(struct nic *nic, uint32_t mtu)
{
	struct nic_resources resources = { .mtu = mtu };

	if (nic_open(nic, &resources))
		abort();
}

/* In the place of the real driver of a virtio console. */
uint32_t stream_room(const struct stream *stream)
{
	return stream->open ? stream->size - stream->waiting : 0;
}

void stream_write(struct stream *stream, const void *data, uint32_t length)
{
	if (length > stream_room(stream) || (!fake.file_discards && length > FAKE_FILE - fake.file_written))
		abort();
	stream->waiting += length;
	if (fake.file_discards)
		return;
	memcpy(fake.file + fake.file_written, data, length);
	fake.file_written += length;
}

const char *stream_kick(struct stream *stream)
{
	if (fake.file_problem)
		stream->open = false;
	else if (!fake.file_slow)
		stream->waiting = 0;
	if (!stream->waiting)
		fake.file_length = fake.file_written;
	return fake.file_problem;
}

bool stream_is_done(struct stream *stream)
{
	return !stream->open || (!stream->waiting && fake.file_length == fake.file_written);
}

static void open_stream(struct stream *stream, unsigned number)
{
	*stream = (struct stream){ .open = number == 0, .size = FAKE_STREAM };
	fake.file_written = fake.file_length;
}

static const struct server_system server_system = { .now = now, .signal = signal_client, .acknowledge = acknowledge,
						    .open = open_device, .open_stream = open_stream };

static void must(int error)
{
	if (error)
		abort();
}

static void text(const char *name, const char *value)
{
	must(fdt_property(tree, name, value, (int)strlen(value) + 1));
}

static void describe_guest(unsigned session)
{
	static const char *const names[FAKE_GUESTS] = { "alpha", "beta", "gamma" };
	const uint8_t mac[6] = { 0x52, 0x54, 0, 0, 0, (uint8_t)(0xa + session) };
	const struct fake_options *options = &fake.options;

	must(fdt_begin_node(tree, names[session]));
	must(fdt_begin_node(tree, "nics"));
	must(fdt_begin_node(tree, "0"));
	text("net", "lan");
	must(fdt_property(tree, "mac", mac, 6));
	if (options->vlan[session])
		must(fdt_property_u32(tree, "vlan", options->vlan[session]));
	if (options->group[session])
		must(fdt_property_u32(tree, "group", options->group[session]));
	if (options->address[session])
		text("addresses", options->address[session]);
	if (options->bandwidth[session]) {
		must(fdt_property_u64(tree, "bandwidth", options->bandwidth[session]));
		must(fdt_property_u64(tree, "bandwidth-burst", options->bandwidth_burst));
	}
	if (options->capture[session])
		must(fdt_property_u32(tree, "capture", 0));
	if (options->packets[session]) {
		must(fdt_property_u32(tree, "packets", (uint32_t)options->packets[session]));
		must(fdt_property_u32(tree, "packets-burst", (uint32_t)options->packets_burst));
	}
	must(fdt_end_node(tree));
	must(fdt_end_node(tree));
	must(fdt_end_node(tree));
}

static void describe(void)
{
	must(fdt_create(tree, TREE_SIZE));
	must(fdt_finish_reservemap(tree));
	must(fdt_begin_node(tree, ""));
	text("compatible", SYSTEM_COMPATIBLE);
	must(fdt_begin_node(tree, "nets"));
	must(fdt_begin_node(tree, "lan"));
	must(fdt_property(tree, "uplink", NULL, 0));
	must(fdt_property_u32(tree, "mtu", fake.options.mtu));
	if (fake.options.capture_uplink)
		must(fdt_property_u32(tree, "uplink-capture", 0));
	must(fdt_end_node(tree));
	must(fdt_end_node(tree));
	must(fdt_begin_node(tree, "captures"));
	if (fake.options.snaplen)
		must(fdt_property_u32(tree, "snaplen", fake.options.snaplen));
	must(fdt_begin_node(tree, "0"));
	text("file", "/tmp/x.pcapng");
	if (fake.options.capture_limit)
		must(fdt_property_u64(tree, "limit", fake.options.capture_limit));
	must(fdt_end_node(tree));
	must(fdt_end_node(tree));
	if (fake.options.gateway) {
		must(fdt_begin_node(tree, "gateway"));
		text("net", "lan");
		must(fdt_end_node(tree));
	}
	must(fdt_begin_node(tree, "guests"));
	for (unsigned i = 0; i < FAKE_GUESTS; i++)
		describe_guest(i);
	must(fdt_end_node(tree));
	must(fdt_end_node(tree));
	must(fdt_finish(tree));
}

void fake_reset(void)
{
	struct fake_shared *shared = fake.shared;
	struct fake_sent *sent = fake.sent;
	uint8_t *file = fake.file;

	if (!shared) {
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		sent = mmap(NULL, FAKE_SENT * sizeof(*sent), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		file = mmap(NULL, FAKE_FILE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
	if (shared == MAP_FAILED || sent == MAP_FAILED || file == MAP_FAILED)
		abort();
	memset(&fake, 0, sizeof(fake));
	fake.shared = shared;
	fake.sent = sent;
	fake.file = file;
	memset(shared->sessions, 0, sizeof(shared->sessions));
	memset(shared->status, 0, sizeof(shared->status));
	fake.time = 12345;
	fake.room = 256;
	fake.options.mtu = 1500;
	fake.table.guests = FAKE_GUESTS;
	for (unsigned guest = 0; guest < FAKE_GUESTS; guest++) {
		struct attachment *attachment = &fake.table.guest[guest];

		attachment->base = FAKE_RAM_BASE;
		attachment->size = FAKE_RAM_SIZE;
		attachment->address = (uint64_t)(uintptr_t)shared->ram[guest];
		attachment->ranges = 2;
		for (unsigned half = 0; half < 2; half++) {
			attachment->range[half].offset = half * (FAKE_RAM_SIZE / 2);
			attachment->range[half].physical = PHYSICAL(guest, half);
			attachment->range[half].size = FAKE_RAM_SIZE / 2;
		}
	}
}

void fake_start(void)
{
	struct server_resources resources = {
		.system = &server_system, .hz = FAKE_HZ, .tree = tree, .tree_size = TREE_SIZE, .nic = fake.nic, .nics = 1,
		.sessions = fake.shared->sessions[0], .session_count = FAKE_SESSIONS, .hold = holds, .table = &fake.table,
		.status = fake_status(), .command = &fake.command, .captures = fake.options.captures, .epoch = FAKE_EPOCH,
	};

	describe();
	memset(holds, 0, sizeof(holds));
	fake.in_nic = fake.complete = fake.comes = 0;
	fake.table.starts++;
	if (server_start(&resources))
		abort();
}

void fake_turn(uint64_t bits)
{
	unsigned turns = 0;

	fake.more = server_turn(bits);
	while (fake.more && turns++ < 1000)
		fake.more = server_turn(0);
	/* It never waits for a time that is past: that would be a loop. */
	turns = 0;
	while (server_deadline() <= fake.time && turns++ < 8)
		fake.more = server_turn(0);
	if (turns >= 8)
		abort();
}

void fake_settle(void)
{
	fake.time += FAKE_HZ / 4000;
	fake_turn(0);
}

void fake_complete(unsigned count)
{
	fake.complete = count;
	fake_turn(NET_SIGNAL_DEVICE(0));
}

void fake_come(const uint8_t *data, uint32_t length, const struct net_header *header)
{
	memcpy(fake.coming[fake.comes].data, data, length);
	fake.coming[fake.comes].length = length;
	fake.coming[fake.comes++].header = header ? *header : (struct net_header){ 0 };
	fake_turn(NET_SIGNAL_DEVICE(0));
}

void fake_attach(unsigned guest)
{
	memset(fake.shared->sessions[guest], 0, NET_PAGE);
	memset(fake.shared->ram[guest], 0, FAKE_RAM_SIZE);
	fake.table.guest[guest].epoch++;
	fake_turn(NET_SIGNAL_CONTROL);
}

void fake_detach(unsigned guest)
{
	fake.table.guest[guest].epoch++;
	fake_turn(NET_SIGNAL_CONTROL);
}

struct net_session *fake_session(unsigned session)
{
	return (struct net_session *)(void *)fake.shared->sessions[session];
}

struct net_status *fake_status(void)
{
	return (struct net_status *)(void *)fake.shared->status;
}
