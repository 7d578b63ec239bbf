/* SPDX-License-Identifier: Apache-2.0 */
/* From a chain of descriptors to transfers. Each byte of guest memory but the data is read once. */
#include "request.h"

#include <string.h>

enum { TYPE_IN = 0, TYPE_OUT = 1, TYPE_FLUSH = 4, TYPE_GET_ID = 8, TYPE_DISCARD = 11, TYPE_WRITE_ZEROES = 13 };
enum { RANGE_UNMAP = 1 };

struct header {
	uint32_t type, reserved;
	uint64_t sector;
};

/* What the chain looks like. */
struct layout {
	union {
		struct header header;
		uint64_t word[2];
	};
	uint32_t readable;    /* pieces that the device reads; the others follow */
	uint64_t read_bytes, write_bytes; /* of data */
	bool overflow;        /* more pieces than we have room for */
};

static inline void add(struct request *request, struct layout *layout, uint8_t *data, uint64_t physical, uint32_t length)
{
	if (request->pieces == REQUEST_PIECES) {
		layout->overflow = true;
		return;
	}
	request->piece[request->pieces++] = (struct io_segment){ data, physical, length };
}

/* Adds a segment as pieces that are contiguous on the bus. */
static inline void add_segment(struct request *request, struct layout *layout, uint8_t *data, uint32_t length)
{
	const struct session *session = request->session;
	uint64_t offset = (uint64_t)(data - session->memory.host);

	for (uint32_t i = 0; i < session->ranges && length; i++) {
		uint64_t room;
		uint32_t part;

		if (offset >= session->range[i].end)
			continue;
		room = session->range[i].end - offset;
		part = length < room ? length : (uint32_t)room;
		add(request, layout, data, session->range[i].physical + (offset - session->range[i].offset), part);
		data += part;
		offset += part;
		length -= part;
	}
}

static inline void copy_header(struct layout *layout, uint32_t have, const uint8_t *from, uint32_t length)
{
	/* What drivers do: all of it at once. */
	if (length == sizeof(layout->header) && ((uintptr_t)from & 7) == 0) {
		layout->word[0] = __atomic_load_n((const uint64_t *)(const void *)from, __ATOMIC_RELAXED);
		layout->word[1] = __atomic_load_n((const uint64_t *)(const void *)(from + 8), __ATOMIC_RELAXED);
	} else {
		memcpy((uint8_t *)layout->word + have, from, length);
	}
}

/* Walks the chain: header, data, status. */
static bool parse(struct request *request, struct virtqueue *queue, struct virtqueue_chain *chain, struct layout *layout)
{
	const struct guest_memory *memory = &request->session->memory;
	struct virtqueue_segment segment;
	uint32_t have = 0;

	request->pieces = 0;
	request->status = NULL;
	while (virtqueue_next(queue, memory, chain, &segment)) {
		if (segment.length == 0)
			continue;
		if (segment.write) {
			layout->write_bytes += segment.length;
			request->status = segment.data + segment.length - 1;
		} else {
			if (have < sizeof(layout->header)) {
				uint32_t part = (uint32_t)sizeof(layout->header) - have;

				if (part > segment.length)
					part = segment.length;
				copy_header(layout, have, segment.data, part);
				have += part;
				segment.data += part;
				segment.length -= part;
				if (!segment.length)
					continue;
			}
			layout->read_bytes += segment.length;
		}
		add_segment(request, layout, segment.data, segment.length);
		if (!segment.write)
			layout->readable = request->pieces;
	}
	if (queue->broken || have < sizeof(layout->header) || !request->status)
		return false;
	/* The status byte is not data. */
	layout->write_bytes--;
	if (!layout->overflow && --request->piece[request->pieces - 1].length == 0)
		request->pieces--;
	return true;
}

static bool within(const struct volume *volume, uint64_t sector, uint64_t sectors)
{
	uint64_t mask = (volume->block_size >> SECTOR_BITS) - 1;

	return sectors != 0 && sectors <= UINT32_MAX && sector <= volume->capacity && sectors <= volume->capacity - sector &&
		((sector | sectors) & mask) == 0;
}

/* Makes the next part of a read or write: all that is left, or as many whole blocks as the volume takes at once. */
static bool next_part(struct request *request)
{
	const struct volume *volume = request->session->volume;
	struct io *io = &request->io;
	uint32_t left = request->pieces - request->at;
	uint64_t bytes = 0;

	io->sector = request->sector;
	io->segment = &request->piece[request->at];
	io->skip = request->skip;
	io->segments = left;
	io->sectors = request->sectors;
	if (left > volume->segments) {
		io->segments = volume->segments;
		for (uint32_t i = 0; i < io->segments; i++)
			bytes += io->segment[i].length;
		bytes = (bytes - io->skip) & ~(uint64_t)(volume->block_size - 1);
		if (bytes == 0)
			return false;
		if (bytes >> SECTOR_BITS < io->sectors)
			io->sectors = (uint32_t)(bytes >> SECTOR_BITS);
	}
	request->sector += io->sectors;
	request->sectors -= io->sectors;
	if (!request->sectors)
		return true;
	/* Where the rest begins. */
	bytes += request->skip;
	while (bytes && bytes >= request->piece[request->at].length)
		bytes -= request->piece[request->at++].length;
	request->skip = (uint32_t)bytes;
	return true;
}

static inline void submit(struct request *request)
{
	volume_submit(request->session->volume, &request->io);
}

static void finish(struct request *request, uint8_t status)
{
	session_give(request->session, request, status, status == REQUEST_OK ? request->written : 1);
}

/* Begins a flush that follows a write. */
static void flush(struct request *request)
{
	request->flush = false;
	request->io.operation = IO_FLUSH;
	request->io.sectors = request->io.segments = 0;
	submit(request);
}

/* The next range of a discard. */
static void next_range(struct request *request)
{
	const struct request_range *range = &request->range[request->at++];

	request->io.sector = range->sector;
	request->io.sectors = range->sectors;
	submit(request);
}

static __attribute__((hot)) void transfer_done(struct io *io, enum io_status status)
{
	struct request *request = (struct request *)(void *)io;

	if (status == IO_OK) {
		if (request->sectors) {
			if (next_part(request))
				submit(request);
			else
				finish(request, REQUEST_ERROR);
			return;
		}
		if (request->flush) {
			flush(request);
			return;
		}
	}
	finish(request, status == IO_OK ? REQUEST_OK : status == IO_UNSUPPORTED ? REQUEST_UNSUPPORTED : REQUEST_ERROR);
}

static void ranges_done(struct io *io, enum io_status status)
{
	struct request *request = (struct request *)(void *)io;

	if (status == IO_OK && request->at < request->pieces)
		next_range(request);
	else
		transfer_done(io, status);
}

/* Whether a write that ends must be on the disk. */
static bool writes_through(const struct session *session)
{
	return (session->volume->flags & BLOCK_FLAG_FLUSH) &&
		(session->write_through || __atomic_load_n(&session->shared->write_through, __ATOMIC_RELAXED));
}

static bool writable(const struct session *session)
{
	return !session->config.read_only && !(session->volume->flags & BLOCK_FLAG_READ_ONLY);
}

static void begin_transfer(struct request *request, const struct layout *layout, bool write)
{
	struct session *session = request->session;
	uint64_t bytes = write ? layout->read_bytes : layout->write_bytes;

	request->bytes = bytes;
	if (bytes > request->cost)
		request->cost = bytes;
	schedule_charge(session->schedule, &session->flow, request->cost);
	request->sector = layout->header.sector;
	request->sectors = (uint32_t)(bytes >> SECTOR_BITS);
	request->skip = 0;
	request->at = write ? 0 : layout->readable;
	if (write)
		request->pieces = layout->readable;
	else
		request->written = (uint32_t)bytes + 1;
	request->flush = write && writes_through(session);
	request->io.operation = write ? IO_WRITE : IO_READ;
	request->io.done = transfer_done;
	if (layout->overflow || (bytes & (SECTOR_SIZE - 1)) || (write && !writable(session)) ||
		!within(session->volume, layout->header.sector, bytes >> SECTOR_BITS) || !next_part(request)) {
		finish(request, REQUEST_ERROR);
		return;
	}
	submit(request);
}

/* Gathers the ranges from the readable pieces, for they may be cut anywhere. Returns their number. */
static uint32_t gather_ranges(const struct request *request, uint32_t readable, struct request_range *range)
{
	uint8_t *to = (uint8_t *)range;
	size_t have = 0;

	for (uint32_t i = 0; i < readable; i++) {
		memcpy(to + have, request->piece[i].data, request->piece[i].length);
		have += request->piece[i].length;
	}
	return (uint32_t)(have / sizeof(*range));
}

/* What is wrong with the ranges, or REQUEST_OK. */
static uint8_t check_ranges(const struct session *session, const struct request_range *range, uint32_t ranges, bool zeroes)
{
	for (uint32_t i = 0; i < ranges; i++) {
		if (range[i].flags & ~(uint32_t)(zeroes ? RANGE_UNMAP : 0))
			return REQUEST_UNSUPPORTED;
		if (range[i].sectors > session->volume->discard_sectors ||
			!within(session->volume, range[i].sector, range[i].sectors))
			return REQUEST_ERROR;
	}
	return REQUEST_OK;
}

static void begin_ranges(struct request *request, const struct layout *layout, bool zeroes)
{
	struct session *session = request->session;
	uint32_t needed = zeroes ? BLOCK_FLAG_WRITE_ZEROES : BLOCK_FLAG_DISCARD;
	struct request_range range[REQUEST_RANGES];
	uint8_t status = REQUEST_ERROR;

	if (!(session->volume->flags & needed)) {
		status = REQUEST_UNSUPPORTED;
	} else if (writable(session) && !layout->overflow && layout->read_bytes && layout->read_bytes <= sizeof(range) &&
		   layout->read_bytes % sizeof(*range) == 0) {
		request->pieces = gather_ranges(request, layout->readable, range);
		status = check_ranges(session, range, request->pieces, zeroes);
		request->cost *= request->pieces;
	}
	schedule_charge(session->schedule, &session->flow, request->cost);
	if (status != REQUEST_OK) {
		finish(request, status);
		return;
	}
	memcpy(request->range, range, request->pieces * sizeof(*range));
	request->at = 0;
	request->flush = writes_through(session);
	request->io.operation = zeroes ? IO_WRITE_ZEROES : IO_DISCARD;
	request->io.done = ranges_done;
	next_range(request);
}

static void charge(struct request *request)
{
	schedule_charge(request->session->schedule, &request->session->flow, request->cost);
}

static void begin_flush(struct request *request)
{
	charge(request);
	request->io.operation = IO_FLUSH;
	request->io.done = transfer_done;
	submit(request);
}

/* The serial number, cut to the room that there is. */
static void answer_id(struct request *request, const struct layout *layout)
{
	char id[BLOCK_SERIAL_SIZE] = { 0 };
	uint32_t done = 0;

	charge(request);
	memcpy(id, request->session->config.serial, strnlen(request->session->config.serial, sizeof(id)));
	for (uint32_t i = layout->readable; i < request->pieces && done < sizeof(id); i++) {
		uint32_t part = (uint32_t)sizeof(id) - done;

		if (part > request->piece[i].length)
			part = request->piece[i].length;
		memcpy(request->piece[i].data, id + done, part);
		done += part;
	}
	request->written = done + 1;
	finish(request, layout->overflow ? REQUEST_ERROR : REQUEST_OK);
}

__attribute__((hot)) bool request_begin(struct request *request, struct virtqueue *queue, struct virtqueue_chain *chain)
{
	struct layout layout = { 0 };

	if (!parse(request, queue, chain, &layout))
		return false;
	request->cost = SCHEDULE_COST_MIN;
	request->bytes = 0;
	request->written = 1;
	request->sectors = 0;
	request->flush = false;
	request->io.sectors = request->io.segments = request->io.skip = 0;
	switch (layout.header.type) {
	case TYPE_IN:
		begin_transfer(request, &layout, false);
		break;
	case TYPE_OUT:
		begin_transfer(request, &layout, true);
		break;
	case TYPE_FLUSH:
		begin_flush(request);
		break;
	case TYPE_GET_ID:
		answer_id(request, &layout);
		break;
	case TYPE_DISCARD:
	case TYPE_WRITE_ZEROES:
		begin_ranges(request, &layout, layout.header.type == TYPE_WRITE_ZEROES);
		break;
	default:
		charge(request);
		finish(request, REQUEST_UNSUPPORTED);
		break;
	}
	return true;
}
