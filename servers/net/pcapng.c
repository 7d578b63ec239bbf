/* SPDX-License-Identifier: Apache-2.0 */
/* The section numbers below are those of draft-ietf-opsawg-pcapng. */
#include "pcapng.h"

#include <string.h>

enum block_type { BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_STATISTICS = 5, BLOCK_PACKET = 6 }; /* 4.1 to 4.3, 4.6 */

#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define LINK_ETHERNET 1u
#define NANOSECONDS 9u    /* if_tsresol: 10 to the minus that */

enum option {
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	SECTION_APPLICATION = 4,
	INTERFACE_NAME = 2, INTERFACE_TEXT = 3, INTERFACE_MAC = 6, INTERFACE_RESOLUTION = 9,
	PACKET_FLAGS = 2, PACKET_LOST = 4,
	STATISTICS_BEGIN = 2, STATISTICS_END = 3, STATISTICS_RECEIVED = 4, STATISTICS_OS_DROP = 7,
};

/* All of a block but the data of a frame. */
struct block {
	uint32_t length;
	uint8_t data[256];
};

static void put(struct block *block, const void *data, uint32_t length)
{
	memcpy(block->data + block->length, data, length);
	block->length += length;
}

static void put16(struct block *block, uint16_t value)
{
	put(block, &value, sizeof(value));
}

static void put32(struct block *block, uint32_t value)
{
	put(block, &value, sizeof(value));
}

/* The high half first, whatever the byte order (4.3). */
static void put_time(struct block *block, uint64_t time)
{
	put32(block, (uint32_t)(time >> 32));
	put32(block, (uint32_t)time);
}

static inline uint32_t padded(uint32_t length)
{
	return (length + 3) & ~3u;
}

static void put_option(struct block *block, enum option code, const void *value, uint32_t length)
{
	put16(block, (uint16_t)code);
	put16(block, (uint16_t)length);
	put(block, value, length);
	memset(block->data + block->length, 0, padded(length) - length);
	block->length += padded(length) - length;
}

static void put_text(struct block *block, enum option code, const char *text)
{
	put_option(block, code, text, (uint32_t)strnlen(text, 64));
}

static void put_end(struct block *block)
{
	put16(block, OPTION_END);
	put16(block, 0);
}

static void begin(struct block *block, enum block_type type)
{
	block->length = 0;
	put32(block, type);
	put32(block, 0);
}

/* The length of the whole block stands at its beginning and its end; `more` bytes of it are written elsewhere. */
static uint32_t finish(struct block *block, uint32_t more)
{
	uint32_t length = block->length + 4 + more;

	put32(block, length);
	memcpy(block->data + 4, &length, sizeof(length));
	return length;
}

/* Whether there is room for a block, and then still `end` bytes. */
static bool fits(struct pcapng *file, uint32_t length, uint32_t end)
{
	if (stream_room(&file->stream) < length + end)
		return false;
	if (file->written + length + end > file->limit)
		file->full = true;
	return file->written + length + end <= file->limit && (!file->full || !end);
}

static bool write_block(struct pcapng *file, struct block *block, uint32_t end)
{
	uint32_t length = finish(block, 0);

	if (!fits(file, length, end))
		return false;
	stream_write(&file->stream, block->data, length);
	file->written += length;
	return true;
}

static bool write_section(struct pcapng *file)
{
	const uint64_t unknown = UINT64_MAX;
	struct block block;

	begin(&block, BLOCK_SECTION);
	put32(&block, BYTE_ORDER_MAGIC);
	put16(&block, 1); /* version 1.0 */
	put16(&block, 0);
	put(&block, &unknown, sizeof(unknown));
	put_text(&block, SECTION_APPLICATION, "Serai net server");
	put_end(&block);
	return write_block(file, &block, PCAPNG_END);
}

bool pcapng_interface(struct pcapng *file, const char *name, const char *text, const uint8_t mac[ETHERNET_ADDRESS], uint32_t *number)
{
	const uint8_t resolution = NANOSECONDS;
	struct block block;

	if (stream_room(&file->stream) < 2 * sizeof(block) + PCAPNG_END || (file->interfaces == 0 && !write_section(file)))
		return false;
	begin(&block, BLOCK_INTERFACE);
	put16(&block, LINK_ETHERNET);
	put16(&block, 0);
	put32(&block, file->snaplen);
	put_text(&block, INTERFACE_NAME, name);
	put_text(&block, INTERFACE_TEXT, text);
	put_option(&block, INTERFACE_MAC, mac, ETHERNET_ADDRESS);
	put_option(&block, INTERFACE_RESOLUTION, &resolution, sizeof(resolution));
	put_end(&block);
	if (!write_block(file, &block, PCAPNG_END))
		return false;
	*number = file->interfaces++;
	return true;
}

/* epb_flags, bits 2 to 4: what kind of receiver the frame has. */
static uint32_t reception(const struct frame *frame)
{
	static const uint8_t broadcast[ETHERNET_ADDRESS] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint8_t receiver[ETHERNET_ADDRESS];

	if (frame->length < sizeof(receiver))
		return 0;
	frame_copy(frame, 0, receiver, sizeof(receiver));
	if (memcmp(receiver, broadcast, sizeof(receiver)) == 0)
		return 3;
	return receiver[0] & 1 ? 2 : 1;
}

static void write_data(struct stream *stream, const struct frame *frame, uint32_t length)
{
	static const uint8_t zero[4];
	uint32_t part = length < frame->head_length ? length : frame->head_length, left = length - part;

	stream_write(stream, frame->head, part);
	for (uint32_t i = 0; left; i++) {
		part = left < frame->segment[i].length ? left : frame->segment[i].length;
		stream_write(stream, frame->segment[i].data, part);
		left -= part;
	}
	stream_write(stream, zero, padded(length) - length);
}

bool pcapng_frame(struct pcapng *file, const struct pcapng_packet *packet, const struct frame *frame)
{
	uint32_t kept = frame->length < file->snaplen ? frame->length : file->snaplen;
	uint32_t flags = (uint32_t)packet->direction | reception(frame) << 2, before, length;
	struct block block;

	begin(&block, BLOCK_PACKET);
	put32(&block, packet->interface);
	put_time(&block, packet->time);
	put32(&block, kept);
	put32(&block, frame->length);
	before = block.length;
	put_option(&block, PACKET_FLAGS, &flags, sizeof(flags));
	if (packet->lost)
		put_option(&block, PACKET_LOST, &packet->lost, sizeof(packet->lost));
	if (packet->comment)
		put_text(&block, OPTION_COMMENT, packet->comment);
	put_end(&block);
	length = finish(&block, padded(kept));
	if (!fits(file, length, PCAPNG_END))
		return false;
	file->written += length;
	stream_write(&file->stream, block.data, before);
	write_data(&file->stream, frame, kept);
	stream_write(&file->stream, block.data + before, block.length - before);
	return true;
}

void pcapng_statistics(struct pcapng *file, uint32_t interface, const struct pcapng_counts *counts)
{
	const uint32_t first[] = { (uint32_t)(counts->begin >> 32), (uint32_t)counts->begin };
	const uint32_t last[] = { (uint32_t)(counts->end >> 32), (uint32_t)counts->end };
	struct block block;

	begin(&block, BLOCK_STATISTICS);
	put32(&block, interface);
	put_time(&block, counts->end);
	put_option(&block, STATISTICS_BEGIN, first, sizeof(first));
	put_option(&block, STATISTICS_END, last, sizeof(last));
	put_option(&block, STATISTICS_RECEIVED, &counts->frames, sizeof(counts->frames));
	put_option(&block, STATISTICS_OS_DROP, &counts->lost, sizeof(counts->lost));
	put_end(&block);
	(void)write_block(file, &block, 0);
}
