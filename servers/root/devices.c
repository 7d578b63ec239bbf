/* SPDX-License-Identifier: Apache-2.0 */
#include "devices.h"

#include <libsys/invoke.h>
#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>
#include <proto/block.h>
#include <proto/net.h>

#include "bus.h"
#include "device.h"
#include "layout.h"
#include "pci.h"
#include "report.h"
#include "root.h"
#include "slots.h"

#define PAGE 4096u
#define BAR_MAX 65536u /* of a device that is handed out */
#define PAGES_MAX (1u + DEVICES_MAX * (BAR_MAX / PAGE + 1))
#define SLOT_ADDRESS (ROOT_PROBE_ADDRESS + PCI_FUNCTIONS_MAX * PAGE)
#define RTC_ADDRESS (SLOT_ADDRESS + BUS_SLOTS_MAX * PAGE)
_Static_assert(PAGES_MAX <= PCI_FUNCTIONS_MAX + BUS_SLOTS_MAX, "one array for both passes");

/* Registers of virtio-mmio: section 4.2.2. */
enum { MMIO_MAGIC = 0x00, MMIO_VERSION = 0x04, MMIO_DEVICE = 0x08, MMIO_STATUS = 0x70, MMIO_SIZE = 0x200 };
#define MMIO_MAGIC_VALUE 0x74726976u

/* Of a goldfish clock: ns since 1970. Reading the low half latches the high one. */
enum { RTC_LOW = 0x00, RTC_HIGH = 0x04 };
#define BILLION 1000000000u

static struct device_page pages[PCI_FUNCTIONS_MAX + BUS_SLOTS_MAX + 1];

static void must(enum err err, const char *what)
{
	if (err)
		task_fail("%s: %s", what, report_error(err));
}

static cptr_t new_slots(unsigned count)
{
	cptr_t slots = slots_allocate(count);

	if (!slots)
		task_fail("the root task has no slots left");
	return slots;
}

static void map(cptr_t frame, uint64_t address)
{
	must(space_map(&root.space, frame, address, RIGHT_READ | RIGHT_WRITE), "registers of a device");
}

/* Those that a server can drive. */
static const struct {
	uint32_t id;
	const char *name;
	unsigned most;
	bool quiet;
} kinds[] = {
	{ DEVICE_BLOCK, "disk", BLOCK_DEVICES_MAX, false },
	{ DEVICE_NET, "nic", NET_DEVICES_MAX, false },
	{ DEVICE_CONSOLE, "capture", NET_CAPTURES_MAX, true },
};
_Static_assert(BLOCK_DEVICES_MAX + NET_DEVICES_MAX + NET_CAPTURES_MAX <= DEVICES_MAX, "devices");

static bool wanted(uint32_t id)
{
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].id == id)
			return true;
	return false;
}

static bool is_quiet(uint32_t id)
{
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].id == id)
			return kinds[i].quiet;
	return false;
}

static void add(const struct device *device)
{
	unsigned kind = 0, number = 0;

	while (kinds[kind].id != device->id)
		kind++;
	for (unsigned i = 0; i < root.devices.count; i++)
		number += root.devices.device[i].id == device->id;
	if (number == kinds[kind].most) {
		log_warn("the device at 0x%lx is not used: there are more than %u", device->registers, number);
		return;
	}
	if (device->irq)
		log_info("%s %u: virtio %s at 0x%lx, interrupt %u", kinds[kind].name, number,
			 device->transport == DEVICE_PCI ? "pci" : "mmio", device->registers, device->irq);
	else
		log_info("%s %u: virtio %s at 0x%lx", kinds[kind].name, number, device->transport == DEVICE_PCI ? "pci" : "mmio",
			 device->registers);
	root.devices.device[root.devices.count++] = *device;
}

static void probe_slot(const struct bus_slot *slot, const volatile uint8_t *registers)
{
	uint32_t magic = *(const volatile uint32_t *)(registers + MMIO_MAGIC);
	uint32_t version = *(const volatile uint32_t *)(registers + MMIO_VERSION);
	uint32_t id = *(const volatile uint32_t *)(registers + MMIO_DEVICE);

	if (magic != MMIO_MAGIC_VALUE || !wanted(id))
		return;
	if (version != 2) {
		log_warn("the virtio device at 0x%lx has the legacy interface: QEMU needs -global virtio-mmio.force-legacy=false", slot->base);
		return;
	}
	add(&(struct device){ .id = id, .transport = DEVICE_MMIO, .irq = is_quiet(id) ? 0 : slot->irq, .registers = slot->base, .registers_size = MMIO_SIZE,
			      .status = MMIO_STATUS });
}

static volatile uint32_t *config_word(unsigned function, unsigned offset)
{
	return (volatile uint32_t *)(ROOT_PROBE_ADDRESS + function * PAGE + offset);
}

static uint32_t config_read(const struct pci_access *access, unsigned function, unsigned offset)
{
	(void)access;
	return *config_word(function, offset);
}

static void config_write(const struct pci_access *access, unsigned function, unsigned offset, uint32_t value)
{
	(void)access;
	*config_word(function, offset) = value;
}

static const struct pci_access config = { config_read, config_write };

static void probe_function(const struct bus_pci *pci, unsigned function, struct pci_space *low, struct pci_space *high)
{
	struct pci_bar bar[PCI_BARS];
	struct pci_virtio virtio;
	const char *problem = NULL;

	if (!pci_find_virtio(&config, function, &virtio) || !wanted(virtio.id))
		return;
	bool quiet = is_quiet(virtio.id);
	uint32_t irq = virtio.pin && !quiet ? bus_pci_irq(pci, function, virtio.pin) : 0;
	enum err err = pci_assign(&config, function, low, high, bar);
	const struct pci_bar *registers = &bar[virtio.bar];

	if (err)
		problem = report_error(err);
	else if (!irq && !quiet)
		problem = "it has no interrupt";
	else if (!registers->cpu || registers->size > BAR_MAX || virtio.status >= registers->size)
		problem = "its registers make no sense";
	else if (!device_covered(registers->cpu) || !device_covered(registers->cpu + registers->size - 1))
		problem = "its registers are out of reach";
	if (problem) {
		log_warn("the virtio device of PCI function %02x.%u is not used: %s", function / 8, function % 8, problem);
		return;
	}
	pci_enable(&config, function, !quiet);
	add(&(struct device){ .id = virtio.id, .transport = DEVICE_PCI, .irq = irq, .registers = registers->cpu,
			      .registers_size = registers->size, .config = pci->config + function * PAGE, .status = virtio.status });
}

static void probe_pci(const struct bus_pci *pci)
{
	struct pci_space low = { .window = pci->low }, high = { .window = pci->high };
	static uint16_t functions[PCI_FUNCTIONS_MAX];
	unsigned count = pci_enumerate(&config, functions);

	/* A BAR at address 0 would count as none. */
	if (low.window.bus == 0)
		low.next = PAGE;
	for (unsigned i = 0; i < count; i++)
		probe_function(pci, functions[i], &low, &high);
}

static bool pci_covered(const struct bus_pci *pci)
{
	for (unsigned i = 0; i < PCI_FUNCTIONS_MAX; i++)
		if (!device_covered(pci->config + i * PAGE))
			return false;
	return pci->exists;
}

static void read_clock(const volatile uint8_t *registers)
{
	uint64_t low = *(const volatile uint32_t *)(registers + RTC_LOW), high = *(const volatile uint32_t *)(registers + RTC_HIGH);
	uint64_t ticks = sys_time(), hz = root.info->timebase_hz;

	root.devices.epoch = (high << 32 | low) - ticks / hz * BILLION - ticks % hz * BILLION / hz;
}

/* With frames that go afterwards, so that those for servers can be made of the same memory. */
static void probe(struct buses *buses)
{
	unsigned count = 0, functions = pci_covered(&buses->pci) ? PCI_FUNCTIONS_MAX : 0, slots;
	cptr_t frames = new_slots(functions + BUS_SLOTS_MAX + 1);

	for (unsigned i = 0; i < functions; i++, count++)
		pages[count] = (struct device_page){ buses->pci.config + i * PAGE, frames + count };
	for (unsigned i = 0; i < buses->slots; i++)
		if (device_covered(buses->slot[i].base)) {
			buses->slot[count - functions] = buses->slot[i];
			pages[count] = (struct device_page){ buses->slot[i].base, frames + count };
			count++;
		}
	slots = count - functions;
	if (buses->rtc && device_covered(buses->rtc))
		pages[count++] = (struct device_page){ buses->rtc, frames + functions + slots };
	must(device_make(pages, count), "frames of devices");
	for (unsigned i = 0; i < functions + slots; i++)
		map(frames + i, i < functions ? ROOT_PROBE_ADDRESS + i * PAGE : SLOT_ADDRESS + (i - functions) * PAGE);
	if (count > functions + slots) {
		map(frames + functions + slots, RTC_ADDRESS);
		read_clock((const volatile uint8_t *)RTC_ADDRESS);
	}
	for (unsigned i = 0; i < slots; i++)
		probe_slot(&buses->slot[i], (const volatile uint8_t *)SLOT_ADDRESS + i * PAGE);
	if (functions)
		probe_pci(&buses->pci);
	for (unsigned i = 0; i < count; i++)
		must(cnode_delete(ROOT_SLOT_CNODE, frames + i), "frames of devices");
	slots_free(frames, functions + BUS_SLOTS_MAX + 1);
}

static void make_frames(uint64_t uart)
{
	unsigned count = 1;

	root.devices.uart = new_slots(1);
	pages[0] = (struct device_page){ uart & ~(uint64_t)(PAGE - 1), root.devices.uart };
	if (!device_covered(uart))
		task_fail("no device memory at 0x%lx", uart);
	for (unsigned i = 0; i < root.devices.count; i++) {
		struct device *device = &root.devices.device[i];
		unsigned frames = device_frames(device);

		device->frame = new_slots(frames + 1);
		for (unsigned j = 0; j < frames; j++)
			pages[count++] = (struct device_page){ device->registers + j * PAGE, device->frame + j };
		if (device->config)
			pages[count++] = (struct device_page){ device->config, device->frame + frames };
	}
	must(device_make(pages, count), "frames of devices");
}

void devices_init(uint64_t uart)
{
	static struct buses buses;
	bool wanted = false;

	for (unsigned i = 0; i < BACKENDS; i++)
		wanted |= root.system.has[i];
	/* To look for devices that nobody drives would cost a boot 10 million instructions. */
	if (wanted) {
		buses_read((const void *)(uintptr_t)root.info->device_tree, &buses);
		probe(&buses);
	}
	make_frames(uart);
	for (unsigned i = 0; i < root.devices.count; i++) {
		struct device *device = &root.devices.device[i];
		uint64_t address = ROOT_DEVICES_ADDRESS + i * PAGE;

		map(device->frame + (cptr_t)(device->status / PAGE), address);
		device->status_page = (volatile uint8_t *)address;
	}
}

bool device_reset(const struct device *device)
{
	volatile uint8_t *status = device->status_page + device->status % PAGE;
	uint64_t end = sys_time() + root.info->timebase_hz;

	if (device->transport == DEVICE_PCI) {
		*status = 0;
		while (*status != 0)
			if (sys_time() > end)
				return false;
	} else {
		*(volatile uint32_t *)status = 0;
		while (*(volatile uint32_t *)status != 0)
			if (sys_time() > end)
				return false;
	}
	return true;
}
