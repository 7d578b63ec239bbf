/* SPDX-License-Identifier: Apache-2.0 */
#include "bytes.h"
#include "virtio_blk.h"

#define TYPE_BLOCK 2u
#define CLASS_STORAGE_SCSI 0x010000u /* as QEMU's */

/* Features (section 5.2.3). */
enum {
	FEATURE_SEG_MAX = 1 << 2,
	FEATURE_RO = 1 << 5,
	FEATURE_BLK_SIZE = 1 << 6,
	FEATURE_FLUSH = 1 << 9,
	FEATURE_TOPOLOGY = 1 << 10,
	FEATURE_CONFIG_WCE = 1 << 11,
	FEATURE_MQ = 1 << 12,
	FEATURE_DISCARD = 1 << 13,
	FEATURE_WRITE_ZEROES = 1 << 14,
};

/* Device configuration (section 5.2.4). */
enum {
	CONFIG_CAPACITY = 0,
	CONFIG_SEG_MAX = 12,
	CONFIG_BLK_SIZE = 20,
	CONFIG_PHYSICAL_EXPONENT = 24,
	CONFIG_MIN_IO_SIZE = 26,
	CONFIG_WRITEBACK = 32,
	CONFIG_NUM_QUEUES = 34,
	CONFIG_MAX_DISCARD_SECTORS = 36,
	CONFIG_MAX_DISCARD_SEG = 40,
	CONFIG_DISCARD_ALIGNMENT = 44,
	CONFIG_MAX_WRITE_ZEROES_SECTORS = 48,
	CONFIG_MAX_WRITE_ZEROES_SEG = 52,
	CONFIG_WRITE_ZEROES_MAY_UNMAP = 56,
};

#define SECTOR_SIZE 512u
#define PHYSICAL_EXPONENT_MAX 15u /* min_io_size has 16 bits */

_Static_assert(VIRTIO_QUEUES >= BLOCK_QUEUES_MAX, "queues of a session");
_Static_assert(BLOCK_DISKS_MAX <= VCPU_BELLS, "a bell for each disk");

static inline struct virtio_blk *to_blk(struct virtio_device *device)
{
	return (struct virtio_blk *)device;
}

/* Without FLUSH a driver cannot ask for what it wrote to be kept, so all of it is (section 5.2.6.2). */
static void write_mode(struct virtio_blk *blk)
{
	uint64_t accepted = blk->session.device.accepted;
	bool through = !(accepted & FEATURE_FLUSH) || ((accepted & FEATURE_CONFIG_WCE) && !blk->config[CONFIG_WRITEBACK]);

	__atomic_store_n(&blk->page->write_through, through, __ATOMIC_SEQ_CST);
}

static void begin(struct virtio_session *session)
{
	struct virtio_blk *blk = to_blk(&session->device);
	struct block_setup *setup = &blk->page->setup;

	*setup = (struct block_setup){ .features = session->device.accepted, .queues = session->queues };
	for (unsigned i = 0; i < session->queues; i++) {
		const struct virtqueue *queue = virtio_session_queue(session, i);

		if (!queue)
			continue;
		setup->queue[i].descriptors = queue->descriptors;
		setup->queue[i].available = queue->available;
		setup->queue[i].used = queue->used;
		setup->queue[i].size = queue->size;
	}
	write_mode(blk);
}

static bool stopped(struct virtio_device *device)
{
	to_blk(device)->config[CONFIG_WRITEBACK] = 1;
	return virtio_session_stopped(device);
}

static uint64_t config(struct virtio_device *device, unsigned offset, unsigned size)
{
	return offset + size <= VIRTIO_BLK_CONFIG_SIZE ? bytes_get(to_blk(device)->config + offset, size) : 0;
}

static void config_write(struct virtio_device *device, unsigned offset, unsigned size, uint64_t value)
{
	struct virtio_blk *blk = to_blk(device);

	if (offset != CONFIG_WRITEBACK || size != 1 || !(device->accepted & FEATURE_CONFIG_WCE))
		return;
	blk->config[CONFIG_WRITEBACK] = value & 1;
	write_mode(blk);
}

bool virtio_blk_possible(const struct block_session *page)
{
	uint32_t size = page->block_size;

	return size == SECTOR_SIZE || size == BLOCK_PAGE;
}

/* Blocks that are written best at once, as a power of two of logical blocks. */
static unsigned physical_exponent(const struct block_session *page, uint32_t block_size)
{
	uint32_t physical = page->physical_block_size;
	unsigned exponent = 0;

	while (exponent < PHYSICAL_EXPONENT_MAX && (uint64_t)block_size << (exponent + 1) <= physical)
		exponent++;
	return exponent;
}

static void describe_discard(struct virtio_blk *blk, uint32_t flags)
{
	uint32_t sectors = blk->page->discard_sectors, granularity = blk->page->discard_granularity;
	uint8_t *bytes = blk->config;

	if ((flags & BLOCK_FLAG_READ_ONLY) || !sectors)
		return;
	if (flags & BLOCK_FLAG_DISCARD) {
		blk->session.device.offered |= FEATURE_DISCARD;
		bytes_put(bytes + CONFIG_MAX_DISCARD_SECTORS, 4, sectors);
		bytes_put(bytes + CONFIG_MAX_DISCARD_SEG, 4, BLOCK_DISCARD_RANGES);
		bytes_put(bytes + CONFIG_DISCARD_ALIGNMENT, 4, granularity ? granularity : 1);
	}
	if (flags & BLOCK_FLAG_WRITE_ZEROES) {
		blk->session.device.offered |= FEATURE_WRITE_ZEROES;
		bytes_put(bytes + CONFIG_MAX_WRITE_ZEROES_SECTORS, 4, sectors);
		bytes_put(bytes + CONFIG_MAX_WRITE_ZEROES_SEG, 4, BLOCK_DISCARD_RANGES);
		bytes[CONFIG_WRITE_ZEROES_MAY_UNMAP] = flags & BLOCK_FLAG_DISCARD ? 1 : 0;
	}
}

/* Takes over what the server says of the disk; each field is read once. */
static void describe(struct virtio_blk *blk)
{
	const struct block_session *page = blk->page;
	uint32_t block_size = page->block_size == BLOCK_PAGE ? BLOCK_PAGE : SECTOR_SIZE;
	uint32_t segments = page->segments, flags = page->flags;
	unsigned exponent = physical_exponent(page, block_size);
	uint8_t *bytes = blk->config;

	if (segments < 1 || segments > BLOCK_SEGMENTS_MAX)
		segments = segments ? BLOCK_SEGMENTS_MAX : 1;
	bytes_put(bytes + CONFIG_CAPACITY, 8, page->capacity & ~(uint64_t)(block_size / SECTOR_SIZE - 1));
	bytes_put(bytes + CONFIG_SEG_MAX, 4, segments);
	bytes_put(bytes + CONFIG_BLK_SIZE, 4, block_size);
	bytes[CONFIG_PHYSICAL_EXPONENT] = (uint8_t)exponent;
	bytes_put(bytes + CONFIG_MIN_IO_SIZE, 2, 1u << exponent);
	bytes[CONFIG_WRITEBACK] = 1;
	bytes_put(bytes + CONFIG_NUM_QUEUES, 2, blk->session.device.queues);
	blk->session.device.offered = FEATURE_SEG_MAX | FEATURE_BLK_SIZE | FEATURE_TOPOLOGY | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX;
	if (flags & BLOCK_FLAG_READ_ONLY)
		blk->session.device.offered |= FEATURE_RO;
	if (flags & BLOCK_FLAG_FLUSH)
		blk->session.device.offered |= FEATURE_FLUSH | FEATURE_CONFIG_WCE;
	if (blk->session.device.queues > 1)
		blk->session.device.offered |= FEATURE_MQ;
	describe_discard(blk, flags);
}

void virtio_blk_init(struct virtio_blk *blk, struct harts *harts, const struct guest_memory *memory, struct block_session *page,
		     cptr_t signal, unsigned number)
{
	static const struct virtio_device_ops ops = {
		.notify = virtio_session_notify, .started = virtio_session_changed, .config = config, .config_write = config_write,
		.changed = virtio_session_changed, .stopped = stopped,
	};
	unsigned queues = harts->count < BLOCK_QUEUES_MAX ? harts->count : BLOCK_QUEUES_MAX;

	*blk = (struct virtio_blk){
		.session = {
			.device = { .queues = queues, .queue_size = BLOCK_QUEUE_SIZE, .one_bell = true },
			.harts = harts, .signal = signal, .bell = number, .queues = queues, .begin = begin,
			.page = { &page->server, &page->done, &page->broken, &page->wanted },
		},
		.page = page,
	};
	virtio_session_open(&blk->session);
	describe(blk);
	virtio_pci_init(&blk->session.device, &ops, memory, TYPE_BLOCK, CLASS_STORAGE_SCSI);
}
