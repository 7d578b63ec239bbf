/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver that reads the ISR status of its disk once in each interrupt until its page is mapped, and then does with page, BAR and line what no
 * driver does. After each deed interrupts must work again.
 */
#include "hostile.h"
#include "virtio_disk.h"

#define HABIT 40u /* interrupts: more than the VMM wants to see */
#define WAIT_MS 5000u
#define SOURCES 4u
#define FIRST_SOURCE 4u
#define SLOTS 32u

enum { BAR0 = 0x10, COMMAND = 4, COMMAND_ON = 6, NO_INTX = 0x400, ISR_PAGE = 0x1000 };

static struct disk disk;
static volatile uint8_t *function;
static uint8_t sector[512] __attribute__((aligned(512)));

static volatile uint32_t *claim_register(void)
{
	return (volatile uint32_t *)(uintptr_t)(PLIC_BASE + 0x201004u + 0x2000u * payload_hart);
}

static void enable_sources(void)
{
	for (unsigned i = 0; i < SOURCES; i++)
		*(volatile uint32_t *)(uintptr_t)(PLIC_BASE + 4 * (FIRST_SOURCE + i)) = 1;
	*(volatile uint32_t *)(uintptr_t)(PLIC_BASE + 0x2080u + 0x100u * payload_hart) = 0xfu << FIRST_SOURCE;
	claim_register()[-1] = 0;
}

static void find_function(void)
{
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		volatile uint8_t *at = (volatile uint8_t *)(uintptr_t)(0x30000000u + (slot << 15));

		if (*(volatile uint32_t *)(at + BAR0) == disk.device.registers)
			function = at;
	}
}

/* Moves the registers; nothing else of the device changes. */
static void move(uint32_t registers)
{
	struct virtio *device = &disk.device;
	uint64_t by = registers - device->registers;

	*(volatile uint32_t *)(function + BAR0) = registers;
	device->registers += by;
	device->common += by;
	device->notify += by;
	device->isr += by;
	device->config += by;
}

static void command(uint16_t value)
{
	*(volatile uint16_t *)(function + COMMAND) = value;
}

/* A read of a sector, and the interrupt for it: claim, status, completion. False: none came, or the status was 0. */
static bool interrupt(void)
{
	uint64_t end = csr_read(time) + WAIT_MS * TICKS_MS;
	uint32_t source;
	uint8_t isr;

	if (disk_request(&disk, DISK_IN, 0, sector, sizeof(sector)) != DISK_OK)
		return false;
	do
		source = *claim_register();
	while (!source && csr_read(time) < end);
	isr = *disk.device.isr;
	*claim_register() = source;
	return source && (isr & 1);
}

static void check(const char *after, bool mapped)
{
	for (unsigned i = 0; i < HABIT; i++) {
		if (interrupt())
			continue;
		print("hostile: wrong: interrupt %u after %s did not come\n", i, after);
		return;
	}
	/* Mapped, it shows what the last interrupt was for up to the next claim. */
	if (*disk.device.isr != mapped)
		print("hostile: wrong: ISR status %u after %s\n", *disk.device.isr, after);
}

static void write_to_it(void)
{
	volatile uint8_t *isr = disk.device.isr;

	*isr = 0xff;
	*(volatile uint64_t *)isr = UINT64_MAX;
	*(volatile uint32_t *)(isr + 0xffc) = UINT32_MAX;
	if (*(volatile uint64_t *)isr != 1 || *(volatile uint32_t *)(isr + 0xffc))
		print("hostile: wrong: the ISR status could be written\n");
}

/* Accesses that the page takes where the register did not, and some that neither does. */
static void use_its_page(uint32_t home)
{
	for (unsigned offset = 0; offset < 8; offset++) {
		const uint32_t amo = 0x00b5252f, load_reserved = 0x1005252f, store_conditional = 0x18b5252f;

		hostile_run(&amo, 1, home + ISR_PAGE + offset, false);
		hostile_run(&load_reserved, 1, home + ISR_PAGE + offset, false);
		hostile_run(&store_conditional, 1, home + ISR_PAGE + offset, false);
	}
	(void)trap_try((void *)(uintptr_t)(home + ISR_PAGE), 0);
}

static void switch_it_off(uint32_t home)
{
	command(0);
	if (*(volatile uint32_t *)(uintptr_t)(home + ISR_PAGE) != UINT32_MAX)
		print("hostile: wrong: the ISR status is there without its BAR\n");
	command(COMMAND_ON);
	check("the BAR was off", true);
	command(COMMAND_ON | NO_INTX);
	(void)disk_request(&disk, DISK_IN, 0, sector, sizeof(sector));
	command(COMMAND_ON);
	check("INTx was off", true);
	command(COMMAND_ON & ~4);
	command(COMMAND_ON);
	check("bus mastering was off", true);
}

/* All over the window, on top of the other devices, beside it, and out of it. */
static void move_about(uint32_t home)
{
	static const uint32_t place[] = { 0x401fc000, 0x40200000, 0x7fffc000, 0x40000000, 0x48000000 };

	for (size_t i = 0; i < sizeof(place) / sizeof(place[0]); i++) {
		move(place[i]);
		if (*(volatile uint32_t *)(uintptr_t)(home + ISR_PAGE) != UINT32_MAX)
			print("hostile: wrong: the ISR status stayed where it was\n");
		check("a move", place[i] < 0x40200000);
		move(home);
		check("a move back", true);
	}
	for (unsigned i = 0; i < 200; i++) {
		*(volatile uint32_t *)(function + BAR0) = (uint32_t)(random_next() >> 20);
		(void)*(volatile uint8_t *)(uintptr_t)(home + ISR_PAGE);
	}
	move(home);
	check("moves", true);
}

static void reset_it(void)
{
	(void)virtio_reset(&disk.device);
	if (*disk.device.isr)
		print("hostile: wrong: ISR status after a reset\n");
	(void)disk_start(&disk, 0);
	check("a reset", true);
}

void hostile_isr(void)
{
	const uint32_t home = 0x40100000;

	if (!disk_find(&disk, 0)) {
		print("hostile: wrong: there is no disk\n");
		return;
	}
	find_function();
	move(home);
	enable_sources();
	if (!disk_start(&disk, 0))
		print("hostile: wrong: the disk does not start\n");
	check("the start", true);
	write_to_it();
	check("writes", true);
	use_its_page(home);
	check("other accesses", true);
	switch_it_off(home);
	move_about(home);
	reset_it();
	/* Claims without completion, completion without claims, reads without either. */
	(void)disk_request(&disk, DISK_IN, 0, sector, sizeof(sector));
	for (unsigned i = 0; i < 2 * FIRST_SOURCE; i++) {
		(void)*claim_register();
		(void)*disk.device.isr;
	}
	for (unsigned i = 0; i < 2 * FIRST_SOURCE; i++)
		*claim_register() = i;
	(void)*disk.device.isr;
	(void)disk_start(&disk, 0);
	check("claims out of order", true);
}
