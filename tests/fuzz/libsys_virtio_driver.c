/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Driver side of virtio, on a device that answers anything, and writes anything into the memory of a queue at any time. Whatever it does,
 * the driver stays within its registers and memory, and each buffer comes back once.
 */
#include <libsys/io.h>
#include <libsys/virtio_driver.h>
#include "vmm_fuzz.h"

enum { CONFIG = 256, BUFFERS = 64 };

static struct input input;
static uint8_t *registers, *configuration, *memory; /* the last of malloc: one byte beyond it is seen */
static size_t registers_size, memory_size;
static struct virtio_driver driver;
static struct virtio_driver_queue queue;
static bool is_open;
static struct {
	bool used;
	uint64_t writable;
} buffer[BUFFERS];
static unsigned used;

uint32_t io_read(const volatile uint8_t *address, unsigned size)
{
	const uint8_t *at = (const uint8_t *)address;
	uint32_t value = 0;

	CHECK((uintptr_t)at % size == 0);
	if (at >= configuration && at + size <= configuration + CONFIG) {
		memcpy(&value, at, size);
		return value;
	}
	CHECK(at >= registers && at + size <= registers + registers_size);
	return (uint32_t)input_take(&input, size);
}

void io_write(volatile uint8_t *address, unsigned size, uint32_t value)
{
	uint8_t *at = (uint8_t *)address;

	(void)value;
	CHECK((uintptr_t)at % size == 0);
	CHECK(at >= registers && at + size <= registers + registers_size);
}

/* A function whose capabilities may be good. Mostly its areas are within 4 KiB. */
static void make_configuration(void)
{
	static const uint8_t types[] = { 1, 2, 3, 4, 5 };
	static const uint8_t identity[] = { 0xf4, 0x1a, 0x42, 0x10, 0, 0, 0x10, 0 };

	memset(configuration, 0, CONFIG);
	memcpy(configuration, identity, sizeof(identity));
	configuration[0x34] = 0x40;
	for (unsigned i = 0; i < sizeof(types); i++) {
		uint8_t *cap = configuration + 0x40 + 0x18 * i;
		const uint8_t head[] = { 9, (uint8_t)(0x58 + 0x18 * i), 20, types[i], 0 };
		uint64_t where = input_take(&input, 1);
		uint32_t offset = (uint32_t)(where & 15) * 0x100, size = 0x100 + (uint32_t)(where >> 4) / 14 * 0x100;

		memcpy(cap, head, sizeof(head));
		memcpy(cap + 8, &offset, 4);
		memcpy(cap + 12, &size, 4);
		cap[16] = 4;
	}
	for (uint64_t changes = input_take(&input, 1) & 7; changes; changes--) {
		size_t offset = input_take(&input, 1);

		configuration[offset] = (uint8_t)input_take(&input, 1);
	}
}

static bool open_device(void)
{
	uint8_t how = (uint8_t)input_take(&input, 1);

	registers_size = how & 2 ? input_take(&input, 2) : 0x1000;
	registers = aligned_alloc(4096, (registers_size + 4096) & ~(size_t)4095);
	make_configuration();
	if (how & 1)
		return !virtio_pci_open(&driver, configuration, registers, registers_size);
	return !virtio_mmio_open(&driver, registers, registers_size);
}

static void open_queue(void)
{
	uint64_t features = VIRTIO_F_INDIRECT_DESC;
	uint16_t size = (uint16_t)(1 + input_take(&input, 1));

	if (virtio_driver_negotiate(&driver, VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX, 0, &features))
		return;
	memory_size = virtio_driver_queue_bytes(size);
	free(memory);
	memory = calloc(1, memory_size);
	is_open = !virtio_driver_queue_open(&driver, &queue, (unsigned)input_take(&input, 1), size, memory, 0x80000000, features);
	memset(buffer, 0, sizeof(buffer));
	used = 0;
	virtio_driver_start(&driver);
}

static void add(uint8_t action)
{
	struct virtio_piece piece[VIRTIO_DRIVER_PIECES_MAX];
	unsigned pieces = action & 0x80 ? (unsigned)input_take(&input, 1) % (VIRTIO_DRIVER_PIECES_MAX + 1) : action >> 4 & 7;
	unsigned which = 0;
	uint64_t writable = 0;

	while (which < BUFFERS && buffer[which].used)
		which++;
	if (which == BUFFERS)
		return;
	for (unsigned i = 0; i < pieces; i++) {
		piece[i] = (struct virtio_piece){ i * 0x100, 16 * (i + 1), i >= pieces / 2 };
		writable += piece[i].write ? piece[i].length : 0;
	}
	if (!virtio_driver_queue_add(&queue, piece, pieces, &buffer[which])) {
		CHECK(queue.free == 0 || queue.broken || pieces == 0 || pieces > queue.size);
		return;
	}
	buffer[which].used = true;
	buffer[which].writable = writable;
	used++;
}

static void came_back(void *token, uint32_t written)
{
	size_t which = ((uintptr_t)token - (uintptr_t)buffer) / sizeof(buffer[0]);

	CHECK(which < BUFFERS && token == &buffer[which]);
	CHECK(buffer[which].used && written <= buffer[which].writable);
	buffer[which].used = false;
	used--;
}

static void take(void)
{
	bool was_broken = queue.broken, error = false;
	uint32_t written = 0;
	void *token = virtio_driver_queue_take(&queue, &written, &error);

	CHECK(error == queue.broken && (!was_broken || error));
	CHECK(!error || !token);
	if (token)
		came_back(token, written);
}

/* What the device does right: gives back an entry. */
static void give_back(uint8_t action)
{
	size_t ring = (16u * queue.size + 6 + 2u * queue.size + 3) & ~(size_t)3;
	uint32_t fields[2] = { action >> 4, (uint32_t)input_take(&input, 1) };
	uint16_t index;

	memcpy(&index, memory + ring + 2, 2);
	memcpy(memory + ring + 4 + 8 * (size_t)(index % queue.size), fields, 8);
	index++;
	memcpy(memory + ring + 2, &index, 2);
}

static void scribble(void)
{
	size_t offset = input_take(&input, 2) % memory_size;
	uint64_t value = input_take(&input, 8);

	memcpy(memory + offset, &value, memory_size - offset < 8 ? memory_size - offset : 8);
}

static void run(void)
{
	while (input.left) {
		uint8_t action = (uint8_t)input_take(&input, 1);

		if (!is_open || (action & 15) == 15) {
			is_open = false;
			open_queue();
			continue;
		}
		switch (action & 15) {
		case 0: case 1: case 2: add(action); break;
		case 3: case 4: virtio_driver_queue_kick(&queue); break;
		case 5: case 6: case 7: give_back(action); break;
		case 8: case 9: take(); break;
		case 10: (void)virtio_driver_queue_wait(&queue); break;
		case 11: scribble(); break;
		case 12: (void)driver.ops->interrupt(&driver); break;
		case 13: (void)virtio_driver_config(&driver, (unsigned)input_take(&input, 2) & ~7u, 1u << (action >> 6)); break;
		default:
			for (void *token; (token = virtio_driver_queue_drop(&queue)) != NULL; )
				came_back(token, 0);
			CHECK(used == 0);
			break;
		}
		CHECK(queue.size - queue.free == used);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input = (struct input){ data, size };
	configuration = malloc(CONFIG);
	memory = NULL;
	is_open = false;
	if (open_device())
		run();
	free(registers);
	free(configuration);
	free(memory);
	return 0;
}
