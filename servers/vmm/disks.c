/* SPDX-License-Identifier: Apache-2.0 */
#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>
#include <stdio.h>
#include <string.h>
#include "console.h"
#include "devices/virtio_blk.h"
#include "disks.h"

#define WAIT_SECONDS 10u
#define LOOKS_PER_SECOND 50u

static struct {
	struct virtio_blk disk[BLOCK_DISKS_MAX];
	unsigned count;
} disks;

/* A resource of a disk: "disk.NUMBER" and what follows. */
static const char *resource(unsigned number, const char *what)
{
	static char name[28];

	snprintf(name, sizeof(name), "disk.%u%s", number, what);
	return name;
}

static uint32_t state_of(const struct block_session *session)
{
	return __atomic_load_n(&session->state, __ATOMIC_ACQUIRE);
}

/* Signals for others are kept for later. Looks at times too: the server may be on its way up. */
static void wait_for_answer(const struct block_session *session, uint64_t deadline)
{
	uint64_t hz = task_info()->timebase_hz;

	for (uint64_t now = sys_time(); now < deadline && state_of(session) == BLOCK_WAITING; now = sys_time()) {
		uint64_t look = now + hz / LOOKS_PER_SECOND, bits = 0;
		enum err error = sys_wait(TASK_SLOT_NOTIFICATION, look < deadline ? look : deadline, &bits);

		if (error == ERR_OK)
			console_kept_bits |= bits;
		else if (error != ERR_TIMED_OUT)
			task_fail("the block server cannot be waited for (error %u)", (unsigned)error);
	}
}

static void copy_text(char *to, size_t size, const char *from, size_t length)
{
	size_t used = 0;

	while (used < length && used + 1 < size && from[used] >= ' ' && from[used] <= '~') {
		to[used] = from[used];
		used++;
	}
	to[used] = '\0';
}

static bool refuse(const struct block_session *session, unsigned number, const char *guest, const char *reason)
{
	char name[BLOCK_SERIAL_SIZE + 1];

	copy_text(name, sizeof(name), session->serial, sizeof(session->serial));
	if (!name[0])
		snprintf(name, sizeof(name), "%u", number);
	log_warn("guest %s cannot start: disk \"%s\": %s", guest, name, reason);
	return false;
}

static bool check(const struct block_session *session, unsigned number, const char *guest)
{
	char problem[sizeof(session->problem) + 1];

	switch (state_of(session)) {
	case BLOCK_READY:
		return virtio_blk_possible(session) || refuse(session, number, guest, "the block server describes no disk");
	case BLOCK_FAILED:
		copy_text(problem, sizeof(problem), session->problem, sizeof(session->problem));
		return refuse(session, number, guest, problem);
	default:
		return refuse(session, number, guest, "the block server does not answer");
	}
}

bool disks_open(struct harts *harts, const struct guest_memory *memory, struct pci *pci, const char *name)
{
	uint64_t count = task_value("disks", 0);
	uint64_t deadline = sys_time() + (uint64_t)WAIT_SECONDS * task_info()->timebase_hz;

	if (count > BLOCK_DISKS_MAX)
		task_fail("%llu disks are not possible", (unsigned long long)count);
	disks.count = 0;
	for (unsigned i = 0; i < count; i++) {
		struct virtio_blk *disk = &disks.disk[i];
		size_t size = 0;
		struct block_session *session = task_memory(resource(i, ".session"), &size);
		cptr_t signal = task_cap(resource(i, ".signal"));

		if (!session || size < sizeof(*session) || !signal)
			task_fail("the resources of disk %u are missing or too small", i);
		wait_for_answer(session, deadline);
		if (!check(session, i, name))
			return false;
		virtio_blk_init(disk, harts, memory, session, signal, i);
		pci_add(pci, &disk->device.function, DISKS_PCI_DEVICE + i);
		disks.count++;
	}
	return true;
}

void disks_signalled(uint64_t bits)
{
	if (!(bits & BLOCK_CLIENT_SIGNALS))
		return;
	for (unsigned i = 0; i < disks.count; i++) {
		if (bits & BLOCK_CLIENT_SIGNAL(i))
			virtio_blk_signalled(&disks.disk[i]);
	}
}
