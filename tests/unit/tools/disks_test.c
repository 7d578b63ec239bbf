/* SPDX-License-Identifier: Apache-2.0 */
/* Disks, volumes and their users in system descriptions. */
#include "device_tree.h"
#include "fixture.h"

#include <libfdt.h>

/* A description with disks: a store with two partitions, and a base. 12 lines. */
#define DISKS "[disk.store]\nfile = \"new.img\"\nsize = \"1G\"\npartitions = { one = \"100M\", two = \"rest\" }\n" \
	"[disk.system]\nfile = \"noise\"\nread_only = true\n[volume.base]\ndisk = \"system\"\n" \
	"[volume.one]\ndisk = \"store\"\npartition = \"one\"\n"
#define OVERLAY "[volume.over]\nbase = \"base\"\nstore = \"one\"\n" /* 3 lines */
#define DISK(keys) "[disk.d]\n" keys GUEST("a")

static const struct wrong_text wrong[] = {
	/* disks */
	{ "disk = 1\n" GUEST("a"), 1, "t.toml:1:", "must be a table", "[disk.NAME]" },
	{ "[disk]\na = 1\n" GUEST("a"), 1, "t.toml:2:", "disk.a is not a table", "below [disk.NAME]" },
	{ "[disk.D]\n" GUEST("a"), 1, "t.toml:1:", "disk name \"D\" is not possible", "a to z" },
	{ "[disk.abcdefghijklmnop]\n" GUEST("a"), 1, "t.toml:1:", "disk name \"abcdefghijklmnop\" has 16", "1 to 15" },
	{ DISK("fil = \"a\"\n"), 1, "t.toml:2:", "disk d has no key \"fil\"", "did you mean \"file\"?" },
	{ DISK("format = \"raw\"\n"), 1, "t.toml:2:", "format has no meaning without file", "add file" },
	{ DISK("size = \"1G\"\n"), 1, "t.toml:2:", "size has no meaning without file", "" },
	{ DISK("file = \"missing\"\n"), 1, "t.toml:2:", "missing: No such file", "size = " },
	{ DISK("file = \"@debian/missing\"\n"), 1, "t.toml:2:", "missing: No such file", "@debian/root.img" },
	{ DISK("file = \".\"\n"), 1, "t.toml:2:", "Is a directory", "block device" },
	{ DISK("file = \"a\\nb\"\n"), 1, "t.toml:2:", "control character", "rename" },
	{ DISK("file = \"odd\"\n"), 1, "t.toml:2:", "odd has 513 bytes", "disk create" },
	{ DISK("file = \"empty\"\n"), 1, "t.toml:2:", "empty has 0 bytes", "disk create" },
	{ DISK("file = \"qcow2\"\n"), 1, "t.toml:2:", "is a qcow2 image, but the format is raw", "format = \"qcow2\"" },
	{ DISK("file = \"noise\"\nformat = \"qcow2\"\n"), 1, "t.toml:2:", "is no qcow2 image", "format = \"raw\"" },
	{ DISK("file = \"noise\"\nformat = \"vmdk\"\n"), 1, "t.toml:3:", "format: \"vmdk\"", "\"raw\", \"qcow2\"" },
	{ DISK("file = \"noise\"\ncache = \"writeback,x=y\"\n"), 1, "t.toml:3:", "cache: ", "writeback" },
	{ DISK("file = \"noise\"\ntransport = \"ide\"\n"), 1, "t.toml:3:", "transport: ", "\"pci\", \"mmio\"" },
	{ DISK("file = \"noise\"\nserial = \"a,b\"\n"), 1, "t.toml:3:", "serial: \"a,b\"", "1 to 20" },
	{ DISK("serial = \"abcdefghijklmnopqrstu\"\n"), 1, "t.toml:2:", "serial: ", "1 to 20" },
	{ DISK("serial = \"\"\n"), 1, "t.toml:2:", "serial: ", "1 to 20" },
	{ DISK("file = \"new.img\"\nsize = \"1000000\"\n"), 1, "t.toml:3:", "outside of 1M", "\"1M\"" },
	{ DISK("file = \"new.img\"\nsize = \"1048577\"\n"), 1, "t.toml:3:", "not a multiple of 4K", "\"1028K\"" },
	{ DISK("file = \"new.img\"\nsize = \"1G\"\nread_only = true\n"), 1, "t.toml:2:", "would be made empty", "read_only" },
	{ DISK("file = \"noise\"\npartitions = { a = \"rest\" }\n"), 1, "t.toml:3:", "no meaning without size", "add size" },
	{ DISK("file = \"new.img\"\nsize = \"8M\"\npartitions = { a = \"4M\", b = \"3M\" }\n"), 1, "t.toml:4:", "do not fit",
		"size = \"9M\"" },
	{ DISK("file = \"new.img\"\nsize = \"8M\"\npartitions = { a = \"rest\", b = \"3M\" }\n"), 1, "t.toml:4:",
		"a has the rest, but is not the last", "move it" },
	{ DISK("file = \"new.img\"\nsize = \"8M\"\npartitions = { a = 3 }\n"), 1, "t.toml:4:", "must be a string", "rest" },
	{ DISK("file = \"new.img\"\nsize = \"8M\"\npartitions = { \"a b\" = \"3M\" }\n"), 1, "t.toml:4:", "label \"a b\"", "36" },
	{ "[disk.c]\n[disk.d]\nserial = \"c\"\n" GUEST("a"), 1, "t.toml:2:", "disks c and d have the same serial number", "serial = " },
	{ "[disk.c]\nfile = \"noise\"\n[disk.d]\nfile = \"./noise\"\n" GUEST("a"), 1, "t.toml:3:", "the same file", "volumes" },
	{ "[disk.a]\n[disk.b]\n[disk.c]\n[disk.d]\n[disk.e]\n[disk.f]\n[disk.g]\n[disk.h]\n[disk.i]\n" GUEST("a"), 1, "t.toml:9:",
		"too many disks: at most 8", "[disk.i]" },
	{ "[block]\nmemory = \"1M\"\n" GUEST("a"), 1, "t.toml:2:", "outside of 2M to 1G", "\"2M\"" },
	{ "[block]\nmemroy = \"4M\"\n" GUEST("a"), 1, "t.toml:2:", "[block] has no key", "memory" },
	{ "[machine]\nmemory = \"512M\"\n[block]\nmemory = \"512M\"\n[disk.d]\n" GUEST("a"), 1, "t.toml:1:", "too small", "" },
	/* volumes */
	{ "[volume]\nv = 1\n" GUEST("a"), 1, "t.toml:2:", "volume.v is not a table", "below [volume.NAME]" },
	{ "[volume.V]\ndisk = \"d\"\n" GUEST("a"), 1, "t.toml:1:", "volume name \"V\"", "a to z" },
	{ "[volume.v]\n" GUEST("a"), 1, "t.toml:1:", "volume v has no disk", "base and store" },
	{ "[volume.v]\ndisk = \"nosuch\"\n" GUEST("a"), 1, "t.toml:2:", "there is no disk \"nosuch\"", "add [disk.nosuch]" },
	{ DISKS "[volume.v]\ndisk = \"sistem\"\n" GUEST("a"), 1, "t.toml:14:", "no disk \"sistem\"", "did you mean \"system\"?" },
	{ DISKS "[volume.v]\ndisk = \"abcdefghijklmnop\"\n" GUEST("a"), 1, "t.toml:14:", "no disk \"abcdefghijklmnop\"", "1 to 15" },
	{ DISKS "[volume.v]\nbase = \"base\"\n" GUEST("a"), 1, "t.toml:13:", "an overlay without a store", "store = " },
	{ DISKS "[volume.v]\nstore = \"one\"\n" GUEST("a"), 1, "t.toml:13:", "a store but no base", "base = " },
	{ DISKS OVERLAY "disk = \"system\"\n" GUEST("a"), 1, "t.toml:13:", "both a disk and a base", "" },
	{ DISKS OVERLAY "partition = 1\n" GUEST("a"), 1, "t.toml:16:", "no meaning without disk", "" },
	{ DISKS "[volume.v]\nbase = \"bas\"\nstore = \"one\"\n" GUEST("a"), 1, "t.toml:14:", "there is no volume \"bas\"", "\"base\"?" },
	{ DISKS "[volume.v]\nbase = \"system\"\nstore = \"one\"\n" GUEST("a"), 1, "t.toml:14:", "no volume \"system\"", "that is a disk" },
	{ DISKS "[volume.v]\nbase = \"v\"\nstore = \"one\"\n" GUEST("a"), 1, "t.toml:14:", "v is its own base", "last base" },
	{ DISKS "[volume.v]\nbase = \"w\"\nstore = \"one\"\n[volume.w]\nbase = \"v\"\nstore = \"one\"\n" GUEST("a"), 1, "t.toml:14:",
		"v is its own base, through others", "" },
	{ DISKS OVERLAY "[volume.v]\nbase = \"base\"\nstore = \"over\"\n" GUEST("a"), 1, "t.toml:18:", "its store over is an overlay",
		"on a disk" },
	{ DISKS "[volume.v]\ndisk = \"system\"\npartition = 0\n" GUEST("a"), 1, "t.toml:15:", "outside of 1 to 128", "" },
	{ DISKS "[volume.v]\ndisk = \"system\"\npartition = true\n" GUEST("a"), 1, "t.toml:15:", "a number or a label", "" },
	{ DISKS "[volume.v]\ndisk = \"system\"\npartition = \"\"\n" GUEST("a"), 1, "t.toml:15:", "is not possible", "36" },
	{ DISKS "[volume.v]\ndisk = \"store\"\npartition = 3\n" GUEST("a"), 1, "t.toml:14:", "has only 2 partitions", "" },
	{ DISKS "[volume.v]\ndisk = \"store\"\npartition = \"three\"\n" GUEST("a"), 1, "t.toml:14:", "no partition \"three\"", "\"one\"" },
	/* users of volumes; the disks of the guest stand in line 16 */
	{ DISKS GUEST("a") "disks = [1]\n", 1, "t.toml:16:", "number 1 of the list is neither", "disks = " },
	{ DISKS GUEST("a") "disks = \"one\"\n", 1, "t.toml:16:", "must be a list", "disks = " },
	{ DISKS GUEST("a") "disks = [{ read_only = true }]\n", 1, "t.toml:16:", "a disk of guest a has no volume", "volume = " },
	{ DISKS GUEST("a") "disks = [{ volume = \"one\", readonly = true }]\n", 1, "t.toml:16:", "no key \"readonly\"", "\"read_only\"?" },
	{ DISKS GUEST("a") "disks = [\"ones\"]\n", 1, "t.toml:16:", "there is no volume \"ones\"", "\"one\"" },
	{ DISKS GUEST("a") "disks = [\"\"]\n", 1, "t.toml:16:", "there is no volume \"\"", "1 to 15" },
	{ DISKS GUEST("a") "disks = [\"base\"]\n", 1, "t.toml:16:", "volume base is on disk system, which is read-only, but guest a",
		"read_only = true" },
	{ DISKS "read_only = true\n" GUEST("a") "disks = [\"one\"]\n", 1, "t.toml:17:", "volume one is read-only, but guest a writes",
		"read_only = true" },
	{ DISKS "read_only = true\n" OVERLAY GUEST("a"), 1, "t.toml:16:", "volume one is read-only, but it is the store of over", "another" },
	{ DISKS GUEST("a") "disks = [\"one\"]\n" GUEST("b") "disks = [\"one\"]\n", 1, "t.toml:20:",
		"cannot have both users: guest a writes to it, and guest b writes", "overlays" },
	{ DISKS GUEST("a") "disks = [\"one\"]\n" GUEST("b") "disks = [{ volume = \"one\", read_only = true }]\n", 1, "t.toml:20:",
		"guest b reads it", "" },
	{ DISKS OVERLAY GUEST("a") "disks = [{ volume = \"one\", read_only = true }]\n", 1, "t.toml:19:",
		"it is the store of over, and guest a reads", "" },
	{ DISKS OVERLAY "[volume.v]\nbase = \"base\"\nstore = \"one\"\n" GUEST("a"), 1, "t.toml:18:",
		"it is the store of over, and it is the store of v", "" },
	{ DISKS OVERLAY "[volume.t]\ndisk = \"store\"\npartition = 2\n[volume.v]\nbase = \"over\"\nstore = \"t\"\n" GUEST("a")
		"disks = [\"over\"]\n", 1, "t.toml:25:", "it is the base of v, and guest a writes", "" },
	{ DISKS "[volume.w]\ndisk = \"store\"\n" GUEST("a") "disks = [\"one\", { volume = \"w\", read_only = true }]\n", 1, "t.toml:18:",
		"volumes one and w are the same part of disk store", "" },
	{ DISKS "[volume.w]\ndisk = \"store\"\npartition = 1\n" GUEST("a") "disks = [\"one\", \"w\"]\n", 1, "t.toml:19:",
		"volumes one and w are the same part", "" },
	{ DISKS GUEST("a") "disks = [{ volume = \"base\", read_only = true }, { volume = \"base\", read_only = true }]\n", 1, "t.toml:16:",
		"two disks with the serial number \"base\"", "serial = " },
	{ DISKS GUEST("a") "disks = [{ volume = \"one\", serial = \"a b\" }]\n", 1, "t.toml:16:", "serial: \"a b\"", "1 to 20" },
	{ DISKS GUEST("a") "disks = [{ volume = \"one\", bandwidth = \"fast\" }]\n", 1, "t.toml:16:", "not a size", "" },
	{ DISKS GUEST("a") "disks = [{ volume = \"one\", bandwidth = \"1K\" }]\n", 1, "t.toml:16:", "outside of 64K", "\"64K\"" },
	{ DISKS GUEST("a") "disks = [{ volume = \"one\", bandwidth_burst = \"4M\" }]\n", 1, "t.toml:16:", "no meaning without bandwidth", "" },
	{ DISKS GUEST("a") "disks = [{ volume = \"one\", operations = 0 }]\n", 1, "t.toml:16:", "outside of 1 to", "operations = 1" },
	{ DISKS GUEST("a") "disks = [{ volume = \"one\", operations_burst = 4 }]\n", 1, "t.toml:16:", "no meaning without operations", "" },
	{ "[disk.d]\n[volume.v]\ndisk = \"d\"\n" GUEST("a") "disks = [\"v\", \"v\", \"v\", \"v\", \"v\"]\n", 4, "t.toml:7:",
		"there are 5, at most 4", "" },
	{ "[machine]\nmemory = \"64G\"\n[disk.d]\n[volume.v]\ndisk = \"d\"\n[guest.a]\nmemory = \"17G\"\nkernel = \"image\"\n"
		"disks = [\"v\"]\n", 1, "t.toml:9:", "more than 16G of memory", "" },
};

TEST(disks, names_line_and_remedy_of_each_error)
{
	check_wrong(wrong, sizeof(wrong) / sizeof(wrong[0]));
}

TEST(disks, reads_disks_and_volumes)
{
	static const char text[] = DISKS OVERLAY "[disk.real]\n[block]\nmemory = \"32M\"\n" GUEST("a") "disks = [\"over\", "
		"{ volume = \"base\", read_only = true, serial = \"B\", bandwidth = \"20M\", operations = 500, operations_burst = 7 }]\n"
		GUEST("b") "disks = [{ volume = \"base\", read_only = true, bandwidth = \"64K\", bandwidth_burst = \"3M\" }]\n";
	const struct guest_disk_description *disk;
	struct system_description system;

	assert_int_equal(read_text(text, sizeof(text) - 1, &system), 0);
	assert_string_equal(messages, "");
	assert_int_equal(system.block_memory, 32 * MIB);
	assert_int_equal(system.disks, 3);
	assert_string_equal(system.disk[0].serial, "store");
	assert_int_equal(system.disk[0].size, GIB);
	assert_false(system.disk[0].exists || system.disk[0].read_only);
	assert_int_equal(system.disk[0].partitions, 2);
	assert_string_equal(system.disk[0].partition[0].label, "one");
	assert_int_equal(system.disk[0].partition[0].size, 100 * MIB);
	assert_int_equal(system.disk[0].partition[1].size, 0);
	assert_true(system.disk[1].exists && system.disk[1].read_only);
	assert_null(system.disk[2].file);
	assert_int_equal(system.volumes, 3);
	assert_string_equal(system.volume[1].label, "one");
	assert_string_equal(system.volume[2].base.name, "base");
	assert_int_equal(system.guest[0].disks, 2);
	assert_string_equal(system.guest[0].disk[0].serial, "over");
	disk = &system.guest[0].disk[1];
	assert_string_equal(disk->serial, "B");
	assert_true(disk->read_only);
	assert_int_equal(disk->bandwidth, 20 * MIB);
	assert_int_equal(disk->bandwidth_burst, 2 * MIB);
	assert_int_equal(disk->operations, 500);
	assert_int_equal(disk->operations_burst, 7);
	disk = &system.guest[1].disk[0];
	assert_int_equal(disk->bandwidth_burst, 3 * MIB);
	assert_int_equal(disk->operations_burst, 0);
	description_free(&system);
}

/* Each cut, and each changed byte, of a right file: an error or not, but never a crash. */
TEST(disks, survives_noise)
{
	static const char text[] = DISKS OVERLAY GUEST("a") "disks = [\"over\", { volume = \"base\", read_only = true }]\n";
	struct system_description system;
	char changed[sizeof(text)];

	for (size_t length = 0; length < sizeof(text); length++) {
		read_text(text, length, &system);
		description_free(&system);
		memcpy(changed, text, sizeof(text));
		changed[length] = "]\"=,{\n0"[length % 7];
		read_text(changed, sizeof(text) - 1, &system);
		description_free(&system);
	}
}

/* Every limit at once fits into the description that the target gets. */
TEST(disks, writes_the_largest_description)
{
	static char text[TEXT_MAX];
	static uint8_t tree[DEVICE_TREE_MAX];
	const struct guest_files file = { "a name of a file in the archive", "a name of a file in the archive" };
	const struct guest_files files[SYSTEM_GUESTS_MAX] = { file, file, file, file, file, file, file, file };
	struct system_description system;
	size_t length = (size_t)snprintf(text, sizeof(text), "[machine]\nmemory = \"4G\"\n");

	for (unsigned i = 0; i < BLOCK_DEVICES_MAX; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "[disk.abcdefghijklmn%u]\n", i);
	for (unsigned i = 0; i < BLOCK_VOLUMES_MAX; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "[volume.abcdefghijklm%02u]\n"
			"disk = \"abcdefghijklmn0\"\npartition = \"%036u\"\n", i, i);
	for (char name = 'a'; name < 'a' + (char)SYSTEM_GUESTS_MAX; name++) {
		length += (size_t)snprintf(text + length, sizeof(text) - length, "[guest.%c]\nmemory = \"32M\"\nkernel = \"image\"\n"
			"cmdline = \"%01000u\"\ndisks = [", name, 0);
		for (unsigned i = 0; i < BLOCK_DISKS_MAX; i++)
			length += (size_t)snprintf(text + length, sizeof(text) - length, "{ volume = \"abcdefghijklm00\", read_only = true, "
				"serial = \"%020u\", bandwidth = \"1M\", operations = 5 }, ", i);
		length += (size_t)snprintf(text + length, sizeof(text) - length, "]\n");
	}
	assert_int_equal(read_text(text, length, &system), 0);
	assert_true(device_tree_write(&system, files, tree) > 0);
	assert_int_equal(fdt_path_offset(tree, "/guests/h/disks/4"), -FDT_ERR_NOTFOUND);
	assert_string_equal(fdt_getprop(tree, fdt_path_offset(tree, "/guests/h/disks/3"), "serial", NULL), "00000000000000000003");
	assert_non_null(fdt_getprop(tree, fdt_path_offset(tree, "/guests/h/disks/3"), "read-only", NULL));
	assert_string_equal(fdt_getprop(tree, fdt_path_offset(tree, "/disks/abcdefghijklmn7"), "serial", NULL), "abcdefghijklmn7");
	assert_string_equal(fdt_getprop(tree, fdt_path_offset(tree, "/volumes/abcdefghijklm15"), "disk", NULL), "abcdefghijklmn0");
	assert_non_null(fdt_getprop(tree, fdt_path_offset(tree, "/block"), "memory", NULL));
	description_free(&system);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disks_names_line_and_remedy_of_each_error),
		cmocka_unit_test(test_disks_reads_disks_and_volumes),
		cmocka_unit_test(test_disks_survives_noise),
		cmocka_unit_test(test_disks_writes_the_largest_description),
	};
	int failed;

	if (!mkdtemp(folder))
		return 1;
	snprintf(toml_path, sizeof(toml_path), "%s/t.toml", folder);
	make_files();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	remove_files();
	return failed;
}
