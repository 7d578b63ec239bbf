/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that uses its first disk for ever and looks at all that comes back: "disk: round N" now and then, "disk: wrong: ..." if
 * something is not as it wrote it. Requests are in flight side by side. A byte of input ends it: "disk: off after N rounds".
 */
#include "virtio_disk.h"

#include <string.h>

#define REQUESTS 8u
#define SECTORS 32u /* of a request */
#define BYTES (SECTORS * 512u)
#define TELL_MS 200u
#define PATIENCE_MS 60000u /* the block server may be started anew meanwhile */

static struct disk disk;
static struct disk_header header[REQUESTS];
static volatile uint8_t status[REQUESTS];
static uint64_t data[REQUESTS][BYTES / 8] __attribute__((aligned(4096)));
static uint64_t areas; /* places for a request on the disk */
static uint64_t generation[256]; /* what each area was last written with; 0: never */

static _Noreturn void wrong(const char *what, uint64_t value)
{
	print("disk: wrong: %s (%u)\n", what, value);
	payload_exit(1);
}

static uint64_t word_of(uint64_t area, uint64_t round, unsigned i)
{
	return (area << 48 | round << 16 | i) * 0x9e3779b97f4a7c15u;
}

static void begin(uint16_t slot, uint32_t type, uint64_t area)
{
	uint16_t first = (uint16_t)(3 * slot);

	header[slot] = (struct disk_header){ .type = type, .sector = area * SECTORS };
	status[slot] = DISK_PENDING;
	disk_describe(&disk, first, &header[slot], sizeof(header[slot]), RING_NEXT, (uint16_t)(first + 1));
	disk_describe(&disk, (uint16_t)(first + 1), data[slot], BYTES, RING_NEXT | (type == DISK_IN ? RING_WRITE : 0), (uint16_t)(first + 2));
	disk_describe(&disk, (uint16_t)(first + 2), (const void *)&status[slot], 1, RING_WRITE, 0);
	disk_offer(&disk, first);
}

/* Until all that is in flight is back. */
static void finish(unsigned count)
{
	uint64_t end = csr_read(time) + (uint64_t)PATIENCE_MS * TICKS_MS;
	unsigned done[REQUESTS] = { 0 };

	disk_notify(&disk);
	while (count) {
		int head = disk_take(&disk);

		if (head < 0) {
			if (csr_read(time) > end)
				wrong("no answer, status", disk_status(&disk));
			continue;
		}
		if (head % 3 || head / 3 >= (int)REQUESTS || done[head / 3]++)
			wrong("a buffer came back that was not there", (uint64_t)head);
		if (status[head / 3] != DISK_OK)
			wrong("status", status[head / 3]);
		count--;
	}
}

static void write_some(const uint64_t *area, uint64_t round)
{
	for (uint16_t slot = 0; slot < REQUESTS; slot++) {
		for (unsigned i = 0; i < BYTES / 8; i++)
			data[slot][i] = word_of(area[slot], round, i);
		generation[area[slot]] = round;
		begin(slot, DISK_OUT, area[slot]);
	}
	finish(REQUESTS);
}

static void read_some(const uint64_t *area)
{
	for (uint16_t slot = 0; slot < REQUESTS; slot++) {
		memset(data[slot], 0, BYTES);
		begin(slot, DISK_IN, area[slot]);
	}
	finish(REQUESTS);
	for (unsigned slot = 0; slot < REQUESTS; slot++) {
		uint64_t round = generation[area[slot]];

		for (unsigned i = 0; round && i < BYTES / 8; i++) {
			if (data[slot][i] != word_of(area[slot], round, i))
				wrong("what was read is not what was written, in area", area[slot]);
		}
	}
}

/* As many different areas as there are requests. */
static void choose(uint64_t *area)
{
	uint64_t first = (random_next() >> 32) % areas, step = areas / REQUESTS;

	for (unsigned i = 0; i < REQUESTS; i++)
		area[i] = (first + i * step) % areas;
}

void payload_main(void)
{
	uint64_t told = 0, area[REQUESTS];

	if (!disk_find(&disk, 0) || !disk_start(&disk, DISK_F_FLUSH | VIRTIO_F_EVENT_INDEX | VIRTIO_F_INDIRECT))
		wrong("there is no disk", 0);
	areas = disk_sectors(&disk) / SECTORS;
	if (areas > sizeof(generation) / sizeof(generation[0]))
		areas = sizeof(generation) / sizeof(generation[0]);
	if (areas < REQUESTS)
		wrong("the disk is too small, sectors", disk_sectors(&disk));
	print("disk: ready, %u sectors\n", disk_sectors(&disk));
	for (uint64_t round = 1;; round++) {
		choose(area);
		write_some(area, round);
		choose(area);
		read_some(area);
		if (round % 16 == 0 && disk_request(&disk, DISK_FLUSH, 0, NULL, 0) != DISK_OK)
			wrong("a flush failed in round", round);
		if (csr_read(time) - told >= (uint64_t)TELL_MS * TICKS_MS) {
			told = csr_read(time);
			print("disk: round %u\n", round);
		}
		if (console_read() >= 0) {
			print("disk: off after %u rounds\n", round);
			payload_exit(0);
		}
	}
}
