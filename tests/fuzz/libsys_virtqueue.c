/* SPDX-License-Identifier: Apache-2.0 */
/* Device side of a virtqueue: the guest's memory changes between any two calls, in ways that make sense and that do not. */
#include <libsys/virtqueue.h>
#include "vmm_fuzz.h"

enum { RAM = 0x4000, BASE = 0x80000000, SIZE_MAX_OFFERED = 64, CHAINS = 4 };
/* Where a driver that makes sense has its rings: tables end with RAM, where a step beyond them is seen. */
enum { AVAILABLE = 0x800, USED = 0xc00 };

static uint8_t *ram; /* of malloc: one byte beyond it is seen */
static struct guest_memory memory;
static struct virtqueue queue;
static bool was_broken;
static struct {
	struct virtqueue_chain chain;
	unsigned steps;
	bool open;
} chain[CHAINS];

static void start(struct input *input)
{
	uint8_t how = (uint8_t)input_take(input, 1);

	virtqueue_reset(&queue, SIZE_MAX_OFFERED);
	queue.size = how & 1 ? (uint16_t)input_take(input, 2) : (uint16_t)(1u << (how >> 5));
	queue.descriptors = BASE + (how & 2 ? input_take(input, 8) : (uint64_t)RAM - 16u * (queue.size % 1024u));
	queue.available = BASE + (how & 2 ? input_take(input, 8) : (uint64_t)AVAILABLE);
	queue.used = BASE + (how & 4 ? input_take(input, 2) : (uint64_t)USED);
	queue.event_index = how & 8;
	queue.indirect = how & 16;
	(void)virtqueue_enable(&queue, &memory);
	was_broken = false;
	memset(chain, 0, sizeof(chain));
	/* A device that goes on where another one stopped. */
	if (queue.enabled && (how & 0x24) == 0x24) {
		queue.next_used = queue.signalled_used = virtqueue_used_index(&queue);
		queue.next_available = (uint16_t)(queue.next_used + input_take(input, 1));
	}
}

static void write_memory(struct input *input)
{
	uint64_t offset = input_take(input, 2) % RAM;
	uint64_t value = input_take(input, 8);
	size_t length = offset + 8 <= RAM ? 8 : RAM - offset;

	memcpy(ram + offset, &value, length);
}

/* A descriptor at the end of RAM: in the queue's table, and in indirect ones. */
static void describe(struct input *input)
{
	uint64_t fields = input_take(input, 4);
	uint32_t entries = 1u << (fields >> 4 & 3);
	uint8_t *descriptor = ram + RAM - 16 * (1 + (fields & 7));
	uint64_t address = BASE + (fields & 0x80 ? RAM - 16 * entries : (fields >> 8 & 0xff) * 0x40);
	uint32_t length = fields & 0x80 ? 16 * entries : (uint32_t)(fields >> 16 & 0x1ff);
	uint16_t flags = (uint16_t)(fields >> 25 & 3) | (fields & 0x80 ? 4 : 0);
	uint16_t next = (uint16_t)(fields >> 27 & 15);

	memcpy(descriptor, &address, 8);
	memcpy(descriptor + 8, &length, 4);
	memcpy(descriptor + 12, &flags, 2);
	memcpy(descriptor + 14, &next, 2);
}

static void offer(uint16_t head)
{
	uint16_t index;

	memcpy(&index, ram + AVAILABLE + 2, 2);
	if (queue.size)
		memcpy(ram + AVAILABLE + 4 + 2 * (index % queue.size % SIZE_MAX_OFFERED), &head, 2);
	index++;
	memcpy(ram + AVAILABLE + 2, &index, 2);
}

static void take(unsigned which, bool again, uint16_t head)
{
	bool ready = virtqueue_ready(&queue);

	if (again && queue.enabled) {
		virtqueue_chain_at(&queue, head % queue.size, &chain[which].chain);
		chain[which].open = true;
	} else if (virtqueue_pop(&queue, &chain[which].chain)) {
		CHECK(ready && chain[which].chain.head < queue.size);
		chain[which].open = true;
	} else {
		CHECK(!ready || queue.broken);
	}
	chain[which].steps = 0;
}

static void step(unsigned which)
{
	struct virtqueue_segment segment;

	if (!chain[which].open)
		return;
	if (!virtqueue_next(&queue, &memory, &chain[which].chain, &segment)) {
		/* An end is one. */
		CHECK(!virtqueue_next(&queue, &memory, &chain[which].chain, &segment));
		return;
	}
	CHECK(++chain[which].steps <= queue.size);
	CHECK(segment.data >= ram && segment.length <= RAM && segment.data + segment.length <= ram + RAM);
	if (segment.write)
		memset(segment.data, 0xff, segment.length < 64 ? segment.length : 64);
}

static void give_back(unsigned which, bool twice, uint32_t written)
{
	if (!chain[which].open)
		return;
	virtqueue_put(&queue, chain[which].chain.head, written);
	if (!twice)
		virtqueue_publish(&queue);
	else
		virtqueue_push(&queue, &chain[which].chain, written);
	chain[which].open = false;
	CHECK(virtqueue_used_index(&queue) == queue.next_used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	ram = calloc(1, RAM);
	memory = (struct guest_memory){ .host = ram, .base = BASE, .size = RAM };
	start(&input);
	while (input.left) {
		uint8_t action = (uint8_t)input_take(&input, 1);
		unsigned which = action >> 4 & 3;

		switch (action & 15) {
		case 0: start(&input); break;
		case 1: write_memory(&input); break;
		case 2: case 3: case 4: describe(&input); break;
		case 5: case 6: offer(action >> 4); break;
		case 7: case 8: take(which, action & 0x80 && action & 0x40, (uint16_t)input_take(&input, 1)); break;
		case 9: case 10: case 11: step(which); break;
		case 12: give_back(which, action & 0x80, (uint32_t)input_take(&input, 2)); break;
		case 13:
			if (queue.enabled)
				(void)virtqueue_wants_interrupt(&queue);
			break;
		default: virtqueue_set_notify(&queue, action & 0x80); break;
		}
		CHECK(!was_broken || queue.broken);
		was_broken = queue.broken;
		CHECK(!queue.broken || !virtqueue_ready(&queue));
	}
	free(ram);
	return 0;
}
