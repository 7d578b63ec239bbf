/* SPDX-License-Identifier: Apache-2.0 */
/* PCI functions in a faked configuration space, whose BARs keep only the bits that their size leaves. */
#include "test.h"

#include <string.h>

#include "pci.h"

#define COMMAND 0x04u
#define BAR(n) (0x10u + 4 * (n))

struct fake {
	uint32_t word[64];
	uint32_t writable[64]; /* bits */
};
static struct fake fakes[PCI_FUNCTIONS_MAX];

static uint32_t fake_read(const struct pci_access *access, unsigned function, unsigned offset)
{
	(void)access;
	assert_true(function < PCI_FUNCTIONS_MAX && offset % 4 == 0 && offset < 256);
	return fakes[function].word[0] ? fakes[function].word[offset / 4] : 0xffffffff;
}

static void fake_write(const struct pci_access *access, unsigned function, unsigned offset, uint32_t value)
{
	uint32_t mask = fakes[function].writable[offset / 4], *word = &fakes[function].word[offset / 4];

	(void)access;
	assert_true(function < PCI_FUNCTIONS_MAX && offset % 4 == 0 && offset < 256);
	*word = (*word & ~mask) | (value & mask);
}

static const struct pci_access access = { fake_read, fake_write };

static void put(unsigned function, unsigned offset, uint32_t value)
{
	fakes[function].word[offset / 4] = value;
}

static void put_bar(unsigned function, unsigned bar, uint32_t flags, uint64_t size)
{
	put(function, BAR(bar), flags);
	fakes[function].writable[BAR(bar) / 4] = (uint32_t)-size;
	if ((flags & 6) == 4)
		fakes[function].writable[BAR(bar + 1) / 4] = (uint32_t)(-size >> 32);
}

static void put_capability(unsigned function, unsigned at, unsigned next, unsigned type, unsigned bar, uint32_t offset, uint32_t length)
{
	put(function, at, 0x09u | next << 8 | 0x10u << 16 | type << 24);
	put(function, at + 4, bar);
	put(function, at + 8, offset);
	put(function, at + 12, length);
}

static void put_function(unsigned function, uint32_t id)
{
	put(function, 0, id);
	put(function, COMMAND, 0x00100006);
	fakes[function].writable[COMMAND / 4] = 0xffff;
}

/* As QEMU's virtio-blk-pci. */
static void put_disk(unsigned function)
{
	put_function(function, 0x10011af4);
	put(function, 0x08, 0x01000000);
	put(function, 0x2c, 0x00021af4);
	put(function, 0x34, 0x98);
	put(function, 0x3c, 0x100);
	put(function, 0x98, 0x00000011 | 0x84 << 8); /* MSI-X */
	put_capability(function, 0x84, 0x70, 5, 0, 0, 0);
	put_capability(function, 0x70, 0x60, 2, 4, 0x3000, 0x1000);
	put_capability(function, 0x60, 0x50, 4, 4, 0x2000, 0x1000);
	put_capability(function, 0x50, 0x40, 3, 4, 0x1000, 0x1000);
	put_capability(function, 0x40, 0, 1, 4, 0, 0x1000);
	put_bar(function, 0, 1, 0x80);
	put_bar(function, 1, 0, 0x1000);
	put_bar(function, 4, 0xc, 0x4000);
}

static int set_up(void **state)
{
	(void)state;
	memset(fakes, 0, sizeof(fakes));
	return 0;
}

TEST(pci, finds_functions_and_makes_them_quiet)
{
	uint16_t found[PCI_FUNCTIONS_MAX];

	put_function(0, 0x00081b36);
	put(0, 0x08, 0x06000000); /* host bridge */
	put_disk(8);
	put_disk(9); /* function 0 does not say that there are others */
	put_disk(16);
	put(16, 0x0c, 0x00800000);
	put_disk(18);
	put_function(24, 0x000c1b36);
	put(24, 0x0c, 0x00010000); /* a bridge to another bus */
	put_disk(255 - 7);
	assert_int_equal(pci_enumerate(&access, found), 4);
	assert_int_equal(found[0], 8);
	assert_int_equal(found[1], 16);
	assert_int_equal(found[2], 18);
	assert_int_equal(found[3], 248);
	assert_int_equal(fakes[0].word[1], 0x00100006);
	assert_int_equal(fakes[8].word[1], 0x00100400);
	assert_int_equal(fakes[9].word[1], 0x00100006);
	assert_int_equal(fakes[24].word[1], 0x00100006);
	pci_enable(&access, 8, true);
	assert_int_equal(fakes[8].word[1], 0x00100006);
	pci_enable(&access, 8, false);
	assert_int_equal(fakes[8].word[1], 0x00100406);
}

TEST(pci, knows_virtio_devices)
{
	struct pci_virtio virtio;

	put_disk(8);
	assert_true(pci_find_virtio(&access, 8, &virtio));
	assert_int_equal(virtio.id, 2);
	assert_int_equal(virtio.bar, 4);
	assert_int_equal(virtio.status, 20);
	assert_int_equal(virtio.pin, 1);
	put(8, 0, 0x10421af4);
	assert_true(pci_find_virtio(&access, 8, &virtio));
	assert_int_equal(virtio.id, 2);
	put(8, 0, 0x10001af4);
	put(8, 0x2c, 0x00011af4);
	assert_true(pci_find_virtio(&access, 8, &virtio));
	assert_int_equal(virtio.id, 1);
	put(8, 0, 0x10421b36);
	assert_false(pci_find_virtio(&access, 8, &virtio));
	assert_false(pci_find_virtio(&access, 9, &virtio));
}

TEST(pci, refuses_virtio_that_makes_no_sense)
{
	struct pci_virtio virtio;

	put_disk(8);
	put(8, COMMAND, 0); /* no list of capabilities: an old device */
	assert_false(pci_find_virtio(&access, 8, &virtio));
	put_disk(8);
	put_capability(8, 0x50, 0x40, 3, 2, 0x1000, 0x1000); /* another BAR */
	assert_false(pci_find_virtio(&access, 8, &virtio));
	put_disk(8);
	put_capability(8, 0x40, 0, 1, 6, 0, 0x1000); /* no such BAR */
	assert_false(pci_find_virtio(&access, 8, &virtio));
	put_disk(8);
	put_capability(8, 0x40, 0, 1, 4, 0, 16); /* too short */
	assert_false(pci_find_virtio(&access, 8, &virtio));
	put_disk(8);
	put_capability(8, 0x50, 0x60, 3, 4, 0, 0x1000); /* a circle, without the first structure */
	assert_false(pci_find_virtio(&access, 8, &virtio));
}

TEST(pci, gives_bars_addresses)
{
	struct pci_space low = { .window = { 0x40000000, 0x50000000, 0x100000 } }, high = { 0 };
	struct pci_bar bar[PCI_BARS];

	put_disk(8);
	put_disk(16);
	assert_int_equal(pci_assign(&access, 8, &low, &high, bar), ERR_OK);
	assert_int_equal(bar[0].cpu, 0);
	assert_int_equal(bar[1].cpu, 0x50000000);
	assert_int_equal(bar[1].size, 0x1000);
	assert_int_equal(bar[4].cpu, 0x50004000);
	assert_int_equal(bar[4].size, 0x4000);
	assert_int_equal(fakes[8].word[BAR(0) / 4], 1);
	assert_int_equal(fakes[8].word[BAR(1) / 4], 0x40000000);
	assert_int_equal(fakes[8].word[BAR(4) / 4], 0x4000400c);
	assert_int_equal(fakes[8].word[BAR(5) / 4], 0);
	put_bar(16, 1, 0, 0x20); /* takes a page all the same */
	assert_int_equal(pci_assign(&access, 16, &low, &high, bar), ERR_OK);
	assert_int_equal(bar[1].cpu, 0x50008000);
	assert_int_equal(bar[1].size, 0x20);
	assert_int_equal(bar[4].cpu, 0x5000c000);
}

TEST(pci, takes_the_high_window_for_wide_bars_only)
{
	struct pci_space low = { .window = { 0x40000000, 0x40000000, 0x2000 } };
	struct pci_space high = { .window = { UINT64_C(0x400000000), UINT64_C(0x400000000), UINT64_C(0x400000000) } };
	struct pci_bar bar[PCI_BARS];

	put_disk(8);
	put_bar(8, 4, 0xc, UINT64_C(1) << 33);
	assert_int_equal(pci_assign(&access, 8, &low, &high, bar), ERR_OK);
	assert_int_equal(bar[4].cpu, UINT64_C(0x400000000));
	assert_int_equal(bar[4].size, UINT64_C(1) << 33);
	assert_int_equal(fakes[8].word[BAR(4) / 4], 0xc);
	assert_int_equal(fakes[8].word[BAR(5) / 4], 4);
	put_disk(16);
	put_bar(16, 1, 0, 0x4000);
	assert_int_equal(pci_assign(&access, 16, &low, &high, bar), ERR_NO_MEMORY);
}

TEST(pci, refuses_bars_that_make_no_sense)
{
	struct pci_space low = { .window = { 0x40000000, 0x40000000, 0x100000 } }, high = { 0 };
	struct pci_bar bar[PCI_BARS];

	put_disk(8);
	fakes[8].writable[BAR(1) / 4] = 0xffff3000; /* no power of two */
	assert_int_equal(pci_assign(&access, 8, &low, &high, bar), ERR_RANGE);
	put_disk(16);
	put_bar(16, 5, 4, 0x1000); /* its upper half would be behind the last */
	assert_int_equal(pci_assign(&access, 16, &low, &high, bar), ERR_RANGE);
}

#define RUN_FRESH(module, what) { #module " " #what, module##_##what, set_up, NULL, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_FRESH(pci, finds_functions_and_makes_them_quiet),
		RUN_FRESH(pci, knows_virtio_devices),
		RUN_FRESH(pci, refuses_virtio_that_makes_no_sense),
		RUN_FRESH(pci, gives_bars_addresses),
		RUN_FRESH(pci, takes_the_high_window_for_wide_bars_only),
		RUN_FRESH(pci, refuses_bars_that_make_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
