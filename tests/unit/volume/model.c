/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_disk.h"

#define REQUIRE(what, ...)                                                   \
	do {                                                                 \
		if (!(what)) {                                               \
			(void)fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #what); \
			(void)fprintf(stderr, __VA_ARGS__);                  \
			(void)fprintf(stderr, "\n%s", volume_log);           \
			abort();                                             \
		}                                                            \
	} while (0)

#define LIVE_MAX 8u
#define MAYBE_MAX 40u
#define TRANSFER_MAX 700u /* sectors */
#define STAMP_BASE 1u
#define STAMPS_MAX (1u << 22)

/* Contents are told apart by a stamp, which grows with each write. */
struct sector {
	uint8_t live_count, maybe_count;
	uint32_t live[LIVE_MAX];   /* what a read may find now; more than one after errors */
	uint32_t maybe[MAYBE_MAX]; /* after power failed */
};
struct snapshot {
	char name[BLOCK_NAME_MAX + 1];
	struct sector sector[MODEL_SECTORS];
};
struct transfer {
	struct io io;
	struct io_segment segment[3];
	bool used;
	uint32_t stamp;
	uint32_t low[MODEL_SECTORS]; /* of a flush: nothing older will be left */
	uint8_t data[TRANSFER_MAX * SECTOR_SIZE];
};

static struct {
	struct sector sector[MODEL_SECTORS];
	bool busy[MODEL_SECTORS];
	struct snapshot snapshot[BLOCK_SNAPSHOTS_MAX + 1];
	unsigned snapshots;
	struct transfer transfer[MODEL_OPERATIONS];
	unsigned in_flight;
	uint32_t stamp;
	uint8_t is_zero[STAMPS_MAX / 8];
	/* The operation on snapshots. */
	bool going, uncertain; /* uncertain: it ended badly, the disk may have either state */
	enum block_operation operation;
	unsigned place;
	struct snapshot coming;
	uint32_t low[MODEL_SECTORS];
	struct volume *volume;
} model;

static bool is_zero(uint32_t stamp)
{
	return model.is_zero[stamp / 8] >> stamp % 8 & 1;
}

static uint64_t first_word(uint32_t stamp, uint64_t sector)
{
	return is_zero(stamp) ? 0 : ((uint64_t)stamp << 32 | sector) * UINT64_C(0x9e3779b97f4a7c15);
}

static void content(uint32_t stamp, uint64_t sector, uint8_t *data)
{
	uint64_t word = first_word(stamp, sector);

	for (unsigned i = 0; i < SECTOR_SIZE; i += 8) {
		memcpy(data + i, &word, 8);
		word += word << 7;
	}
}

static uint32_t new_stamp(bool zero)
{
	model.stamp++;
	REQUIRE(model.stamp < STAMPS_MAX, "too many");
	if (zero)
		model.is_zero[model.stamp / 8] |= (uint8_t)(1u << model.stamp % 8);
	return model.stamp;
}

static void set_only(struct sector *sector, uint32_t stamp)
{
	sector->live_count = sector->maybe_count = 1;
	sector->live[0] = sector->maybe[0] = stamp;
}

static uint32_t lowest(const struct sector *sector)
{
	uint32_t low = UINT32_MAX;

	for (unsigned i = 0; i < sector->live_count; i++)
		low = sector->live[i] < low ? sector->live[i] : low;
	return low;
}

static void forget_older(struct sector *sector, uint32_t low)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < sector->maybe_count; i++)
		if (sector->maybe[i] >= low)
			sector->maybe[kept++] = sector->maybe[i];
	sector->maybe_count = (uint8_t)kept;
}

/* The newest of these stamps that the data is; 0: none. */
static uint32_t match(const uint32_t *stamp, unsigned count, uint64_t sector, const uint8_t *data)
{
	uint8_t expected[SECTOR_SIZE];

	while (count-- > 0) {
		uint64_t word = first_word(stamp[count], sector);

		if (memcmp(&word, data, 8) != 0)
			continue;
		content(stamp[count], sector, expected);
		if (memcmp(expected, data, SECTOR_SIZE) == 0)
			return stamp[count];
	}
	return 0;
}

/* What a transfer of this kind changes: a discard leaves parts of blocks alone. */
static bool touches(const struct io *io, uint64_t sector)
{
	uint64_t block = sector - sector % 8, end = block + 8 < MODEL_SECTORS ? block + 8 : MODEL_SECTORS;

	return io->operation != IO_DISCARD || (block >= io->sector && end <= io->sector + io->sectors);
}

static void end_flush(const struct transfer *transfer)
{
	for (uint64_t i = 0; i < MODEL_SECTORS; i++)
		forget_older(&model.sector[i], transfer->low[i]);
}

static void transfer_done(struct io *io, enum io_status status)
{
	struct transfer *transfer = io->owner;
	const uint8_t *data = transfer->data;

	REQUIRE(status != IO_UNSUPPORTED, "transfer");
	if (io->operation == IO_FLUSH && status == IO_OK)
		end_flush(transfer);
	for (uint64_t i = io->sector; i < io->sector + io->sectors; i++, data += SECTOR_SIZE) {
		struct sector *sector = &model.sector[i];

		model.busy[i] = false;
		if (status != IO_OK)
			continue;
		if (io->operation == IO_READ) {
			REQUIRE(match(sector->live, sector->live_count, i, data), "read of sector %u: not stamp %u", (unsigned)i,
				sector->live[0]);
		} else if (touches(io, i)) {
			sector->live[0] = transfer->stamp;
			sector->live_count = 1;
		}
	}
	transfer->used = false;
	model.in_flight--;
}

static struct transfer *find_unused(void)
{
	for (unsigned i = 0; i < MODEL_OPERATIONS; i++)
		if (!model.transfer[i].used)
			return &model.transfer[i];
	return NULL;
}

/* false: the sectors are in use, or had too many contents since the last flush. */
static bool may_begin(uint64_t first, uint32_t sectors)
{
	for (uint64_t i = first; i < first + sectors; i++)
		if (model.busy[i] || model.sector[i].maybe_count == MAYBE_MAX || model.sector[i].live_count == LIVE_MAX)
			return false;
	return true;
}

static void set_segments(struct transfer *transfer, uint32_t bytes)
{
	uint32_t first = 1 + fake_random(bytes - 1), second = fake_random(bytes - first + 1);

	transfer->segment[0] = (struct io_segment){ transfer->data, 0, first };
	transfer->segment[1] = (struct io_segment){ transfer->data + first, 0, second };
	transfer->segment[2] = (struct io_segment){ transfer->data + first + second, 0, bytes - first - second };
	transfer->io.segment = transfer->segment;
	transfer->io.segments = 3;
	if (!second && fake_random(2)) {
		transfer->segment[1] = transfer->segment[2];
		transfer->io.segments = 2;
	}
	while (transfer->io.segments && !transfer->segment[transfer->io.segments - 1].length)
		transfer->io.segments--;
}

void model_transfer(enum io_operation operation, uint64_t first, uint32_t sectors)
{
	struct transfer *transfer = find_unused();

	if (!transfer || !may_begin(first, sectors) || (model.going && model.operation == BLOCK_ROLLBACK))
		return;
	memset(&transfer->io, 0, sizeof(transfer->io));
	transfer->used = true;
	transfer->io.operation = operation;
	transfer->io.sector = first;
	transfer->io.sectors = sectors;
	transfer->io.done = transfer_done;
	transfer->io.owner = transfer;
	if (operation == IO_READ || operation == IO_WRITE)
		set_segments(transfer, sectors << SECTOR_BITS);
	if (operation != IO_READ && operation != IO_FLUSH)
		transfer->stamp = new_stamp(operation != IO_WRITE);
	for (uint64_t i = first; i < first + sectors; i++) {
		struct sector *sector = &model.sector[i];

		model.busy[i] = true;
		if (operation == IO_WRITE)
			content(transfer->stamp, i, transfer->data + (i - first) * SECTOR_SIZE);
		if (operation == IO_READ || !touches(&transfer->io, i))
			continue;
		sector->live[sector->live_count++] = transfer->stamp;
		sector->maybe[sector->maybe_count++] = transfer->stamp;
	}
	for (uint64_t i = 0; operation == IO_FLUSH && i < MODEL_SECTORS; i++)
		transfer->low[i] = lowest(&model.sector[i]);
	model.in_flight++;
	volume_submit(model.volume, &transfer->io);
}

static void apply_operation(void)
{
	unsigned place = model.place;

	switch (model.operation) {
	case BLOCK_SNAPSHOT:
		model.snapshot[model.snapshots++] = model.coming;
		break;
	case BLOCK_ROLLBACK:
		model.snapshots = place + 1;
		memcpy(model.sector, model.snapshot[place].sector, sizeof(model.sector));
		break;
	case BLOCK_DELETE_SNAPSHOT:
		memmove(&model.snapshot[place], &model.snapshot[place + 1], (model.snapshots - place - 1) * sizeof(model.snapshot[0]));
		model.snapshots--;
		break;
	default:
		break;
	}
}

static void snapshot_done(struct volume *volume, const char *problem)
{
	struct block_volume_status status;

	REQUIRE(model.going, "done twice");
	model.going = false;
	if (problem) {
		volume_status(volume, &status);
		model.uncertain = status.problem[0] || model.operation == BLOCK_DELETE_SNAPSHOT;
		return;
	}
	if (model.operation != BLOCK_ROLLBACK)
		for (uint64_t i = 0; i < MODEL_SECTORS; i++)
			forget_older(&model.sector[i], model.low[i]);
	apply_operation();
}

void model_snapshot(enum block_operation operation, const char *name)
{
	if (model.going || model.uncertain)
		return;
	while (model.in_flight && fake_disks_step(true))
		;
	if (model.in_flight)
		return;
	model.going = true;
	model.operation = operation;
	memset(&model.coming, 0, sizeof(model.coming));
	(void)snprintf(model.coming.name, sizeof(model.coming.name), "%s", name);
	memcpy(model.coming.sector, model.sector, sizeof(model.sector));
	for (uint64_t i = 0; i < MODEL_SECTORS; i++) {
		struct sector *sector = &model.coming.sector[i];

		model.low[i] = lowest(sector);
		sector->maybe_count = sector->live_count;
		memcpy(sector->maybe, sector->live, sizeof(sector->live));
	}
	for (model.place = 0; model.place < model.snapshots; model.place++)
		if (strcmp(model.snapshot[model.place].name, name) == 0)
			break;
	volume_snapshot(model.volume, operation, name, snapshot_done);
}

static void random_snapshot(void)
{
	static unsigned number;
	unsigned what = fake_random(5);
	char name[12];

	if (what < 2 || !model.snapshots) {
		(void)snprintf(name, sizeof(name), "s%u", number++ % 100000);
		model_snapshot(model.snapshots < BLOCK_SNAPSHOTS_MAX ? BLOCK_SNAPSHOT : BLOCK_DELETE_SNAPSHOT, name);
		if (model.snapshots == BLOCK_SNAPSHOTS_MAX)
			model.uncertain = false; /* there was none of this name */
	} else {
		memcpy(name, model.snapshot[fake_random(model.snapshots)].name, sizeof(name));
		model_snapshot(what == 2 ? BLOCK_ROLLBACK : BLOCK_DELETE_SNAPSHOT, name);
	}
}

void model_step(void)
{
	uint32_t what = fake_random(1000);
	uint64_t first = fake_random(MODEL_SECTORS);
	uint32_t sectors = 1 + fake_random(fake_random(8) ? 40 : TRANSFER_MAX);

	if (fake_random(2)) { /* whole blocks */
		first -= first % 8;
		sectors = (sectors + 7) / 8 * 8;
	}
	if (sectors > MODEL_SECTORS - first)
		sectors = (uint32_t)(MODEL_SECTORS - first);
	if (sectors > TRANSFER_MAX)
		sectors = TRANSFER_MAX;
	if (what < 600)
		(void)fake_disks_step(true);
	else if (what < 700)
		model_transfer(IO_READ, first, sectors);
	else if (what < 900)
		model_transfer(IO_WRITE, first, sectors);
	else if (what < 940)
		model_transfer(IO_FLUSH, 0, 0);
	else if (what < 960)
		model_transfer(IO_DISCARD, first, sectors);
	else if (what < 975)
		model_transfer(IO_WRITE_ZEROES, first, sectors);
	else if (what < 990)
		random_snapshot();
}

bool model_stopped(void)
{
	return fake_disks[1].dead;
}

void model_finish(void)
{
	fake_disks_run(true);
	REQUIRE(model_stopped() || (!model.in_flight && !model.going), "%u transfers hang, operation %d", model.in_flight, model.going);
}

void model_stop_at(uint64_t operation)
{
	fake_disks[1].operations = 0;
	fake_disks[1].die_at = operation;
}

void model_fail_at(uint64_t operation, uint64_t count)
{
	fake_disks[1].operations = 0;
	fake_disks[1].fail_at = operation;
	fake_disks[1].fail_count = count;
}

uint64_t model_operations(void)
{
	return fake_disks[1].operations;
}

unsigned model_snapshots(void)
{
	return model.snapshots;
}

struct volume *model_volume(void)
{
	return model.volume;
}

/* Whether the overlay's snapshots are those of the model. */
static bool same_snapshots(const struct block_volume_status *status)
{
	if (status->snapshots != model.snapshots)
		return false;
	for (unsigned i = 0; i < model.snapshots; i++)
		if (strcmp(status->snapshot[i], model.snapshot[i].name) != 0)
			return false;
	return true;
}

/* Compares all with what may be there; *failed: the first sector that is something else, if any. */
static bool matches_all(const uint8_t *data, bool power, unsigned *failed)
{
	for (*failed = 0; *failed < MODEL_SECTORS; (*failed)++) {
		const struct sector *sector = &model.sector[*failed];
		const uint8_t *found = data + (size_t)*failed * SECTOR_SIZE;

		if (!match(power ? sector->maybe : sector->live, power ? sector->maybe_count : sector->live_count, *failed, found))
			return false;
	}
	return true;
}

/* What was found is what is there. */
static void settle(const uint8_t *data, bool power)
{
	for (uint64_t i = 0; i < MODEL_SECTORS; i++, data += SECTOR_SIZE) {
		struct sector *sector = &model.sector[i];

		if (power)
			set_only(sector, match(sector->maybe, sector->maybe_count, i, data));
		else
			sector->live[0] = match(sector->live, sector->live_count, i, data);
		sector->live_count = 1;
	}
}

static void compare(bool power)
{
	static uint8_t data[MODEL_SECTORS * SECTOR_SIZE];
	struct block_volume_status status;
	bool maybe_done = model.going || model.uncertain;
	unsigned failed;

	for (uint32_t i = 0; i < MODEL_SECTORS; i += TRANSFER_MAX) {
		uint32_t count = MODEL_SECTORS - i < TRANSFER_MAX ? MODEL_SECTORS - i : TRANSFER_MAX;

		REQUIRE(volumes_transfer(model.volume, IO_READ, i, count, data + (size_t)i * SECTOR_SIZE) == IO_OK, "read");
	}
	volume_status(model.volume, &status);
	model.going = model.uncertain = false;
	if (maybe_done && (!same_snapshots(&status) || (model.operation == BLOCK_ROLLBACK && !matches_all(data, power, &failed)))) {
		apply_operation();
		power |= model.operation == BLOCK_ROLLBACK;
	}
	REQUIRE(same_snapshots(&status), "snapshots: %u, not %u", status.snapshots, model.snapshots);
	REQUIRE(matches_all(data, power, &failed), "sector %u after a crash", failed);
	settle(data, power);
}

static void open_again(void)
{
	REQUIRE(volumes_open_all(true), "does not end");
	REQUIRE(model.volume->state == BLOCK_READY, "%s", model.volume->problem);
	REQUIRE(!volume_attach(model.volume, 0, false), "attach");
}

void model_crash(bool power)
{
	if (power) {
		fake_disks_crash();
		volumes_forget_memory();
	} else {
		fake_disks_restart();
	}
	memset(model.busy, 0, sizeof(model.busy));
	for (unsigned i = 0; i < MODEL_OPERATIONS; i++)
		model.transfer[i].used = false;
	model.in_flight = 0;
	open_again();
	compare(power);
}

void model_begin(uint32_t store)
{
	volumes_forget();
	memset(&model, 0, sizeof(model));
	model.stamp = STAMP_BASE;
	fake_disk_make(0, MODEL_SECTORS, 512);
	fake_disk_make(1, store * 128 + 3, 512);
	for (uint64_t i = 0; i < MODEL_SECTORS; i++) {
		content(STAMP_BASE, i, fake_disks[0].data + i * SECTOR_SIZE);
		set_only(&model.sector[i], STAMP_BASE);
	}
	memcpy(fake_disks[0].durable, fake_disks[0].data, MODEL_SECTORS * SECTOR_SIZE);
	volumes_add("base", "disk0", 0, NULL);
	volumes_add("store", "disk1", 0, NULL);
	model.volume = volumes_add_overlay("overlay", "base", "store");
	open_again();
}

void model_end(void)
{
	fake_disks_crash();
	volumes_forget();
	for (unsigned i = 0; i < FAKE_DISKS; i++)
		fake_disk_free(i);
}
