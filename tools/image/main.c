/* SPDX-License-Identifier: Apache-2.0 */
/* The image builder: checks system descriptions and makes boot archives from them. */
#include "archive.h"
#include "description.h"
#include "device_tree.h"
#include "file.h"
#include "text.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAMS_MAX 16u
#define PCAPS_MAX 64u
#define SNAPLEN_MIN 14u     /* an Ethernet header */
#define SNAPLEN_MAX 262144u /* what Wireshark takes */

struct program {
	const char *name; /* in the archive */
	const char *path;
};

struct options {
	const char *guests;
	const char *output;
	struct program program[PROGRAMS_MAX];
	size_t programs;
	const char *input;
	char *pcap[PCAPS_MAX]; /* NAME=FILE */
	size_t pcaps;
	const char *spare_pcap;
	uint64_t pcap_limit; /* bytes of each file; 0: not given */
	uint32_t snaplen;
};

static const char usage[] =
	"usage: image build SYSTEM.toml --kernel ELF --root ELF [--server NAME=ELF]... [--guests DIR] [CAPTURES] -o ARCHIVE\n"
	"       image check SYSTEM.toml [--guests DIR]     look for errors in a system description\n"
	"       image machine SYSTEM.toml [--guests DIR]   print memory=BYTES harts=N\n"
	"       image disks SYSTEM.toml [--guests DIR]     print the disks that have a file, one a line\n"
	"       image nets SYSTEM.toml [--guests DIR]      print the uplinks that the launcher makes, one a line\n"
	"       image captures SYSTEM.toml [--guests DIR] [CAPTURES]  print where frames are captured to, a file a line\n"
	"       image list ARCHIVE                         list an archive and verify its checksums\n"
	"CAPTURES: [--pcap NAME=FILE]... [--spare-pcap FILE] [--pcap-limit BYTES] [--snaplen BYTES]\n";

__attribute__((format(printf, 1, 2))) static int fail(const char *format, ...)
{
	va_list arguments;

	fputs("image: error: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return 1;
}

static bool read_description(const struct options *options, struct system_description *system)
{
	struct report report = { .file = options->input, .stream = stderr };
	bool good = description_read(options->input, options->guests, &report, system);

	if (report.errors)
		fprintf(stderr, "%s: %u error%s\n", options->input, report.errors, report.errors == 1 ? "" : "s");
	return good;
}

/* The same, with the captures that the options ask for. */
static bool read_with_captures(const struct options *options, struct system_description *system)
{
	struct report report = { .file = "--pcap", .stream = stderr };
	bool good = read_description(options, system);

	for (size_t i = 0; good && i < options->pcaps; i++) {
		char *name = text_copy(options->pcap[i]), *equals = strchr(name, '=');

		*equals = '\0';
		good = captures_add(system, name, equals + 1, &report);
		free(name);
	}
	if (good && options->spare_pcap)
		captures_add_spare(system, options->spare_pcap);
	for (size_t i = 0; options->pcap_limit && i < system->captures; i++)
		system->capture_limit[i] = options->pcap_limit;
	system->snaplen = options->snaplen;
	return good;
}

static int add_file(struct archive *archive, const char *name, const char *path)
{
	uint8_t *data;
	size_t size;

	if (!file_read(path, ARCHIVE_FILE_MAX, &data, &size))
		return fail("%s: %s", path, strerror(errno));
	if (archive_add(archive, name, data, size))
		return 0;
	free(data);
	return fail("cannot add %s as %s", path, name);
}

/* Adds a guest's file unless its content is there; *name is its name in the archive. */
static int add_guest_file(struct archive *archive, const char *path, const char **name)
{
	char new_name[ARCHIVE_NAME_MAX];
	uint8_t *data;
	size_t size;

	if (!path)
		return 0;
	if (!file_read(path, ARCHIVE_FILE_MAX, &data, &size))
		return fail("%s: %s", path, strerror(errno));
	*name = archive_find_content(archive, data, size);
	if (*name) {
		free(data);
		return 0;
	}
	snprintf(new_name, sizeof(new_name), "file.%zu", archive->files);
	if (!archive_add(archive, new_name, data, size)) {
		free(data);
		return fail("cannot add %s: the archive is full", path);
	}
	*name = archive->file[archive->files - 1].name;
	return 0;
}

/* A system without disks does without the block server, one without nets without the net server, and without nat without the gateway. */
static bool is_needed(const struct system_description *system, const char *program)
{
	if (!strcmp(program, "block"))
		return system->disks > 0;
	if (!strcmp(program, GATEWAY_NAME))
		return nat_net(system) != NULL;
	return system->nets || strcmp(program, "net") != 0;
}

static int fill_archive(const struct options *options, const struct system_description *system, struct archive *archive)
{
	struct guest_files files[SYSTEM_GUESTS_MAX] = { { NULL, NULL } };
	uint8_t *tree;
	int size;

	for (size_t i = 0; i < options->programs; i++)
		if (is_needed(system, options->program[i].name) && add_file(archive, options->program[i].name, options->program[i].path))
			return 1;
	for (size_t i = 0; i < system->guests; i++)
		if (add_guest_file(archive, system->guest[i].kernel, &files[i].kernel) ||
				add_guest_file(archive, system->guest[i].initrd, &files[i].initrd))
			return 1;
	tree = memory_allocate(DEVICE_TREE_MAX);
	size = device_tree_write(system, files, tree);
	if (size < 0 || !archive_add(archive, ARCHIVE_SYSTEM, tree, (size_t)size)) {
		free(tree);
		return fail("cannot write the system description: %s", size < 0 ? fdt_strerror(size) : "the archive is full");
	}
	return 0;
}

static int command_build(const struct options *options)
{
	struct system_description system;
	struct archive archive = { .files = 0 };
	int status = 1;

	if (!options->output || !options->programs)
		return fail("build needs --kernel, --root and -o");
	if (read_with_captures(options, &system) && !fill_archive(options, &system, &archive)) {
		status = 0;
		if (!archive_write(&archive, options->output))
			status = fail("%s: %s", options->output, strerror(errno));
	}
	archive_free(&archive);
	description_free(&system);
	return status;
}

static int command_check(const struct options *options)
{
	struct system_description system;
	bool good = read_description(options, &system);

	description_free(&system);
	return good ? 0 : 1;
}

static int command_machine(const struct options *options)
{
	struct system_description system;
	bool good = read_description(options, &system);

	if (good)
		printf("memory=%" PRIu64 " harts=%" PRIu32 "\n", system.memory, system.harts);
	description_free(&system);
	return good ? 0 : 1;
}

/* Fields have no control characters, and the path is the last. */
static void print_disk(const struct disk_description *disk, const char *folder)
{
	char *path = text_join_path(folder, disk->file);

	printf("%s\t%s\t%s\t%s\t%s\t%s\t%" PRIu64 "\t", disk->name, disk->serial, disk_formats[disk->format],
		disk->read_only ? "ro" : "rw", disk_caches[disk->cache], disk_transports[disk->transport], disk->size);
	for (size_t i = 0; i < disk->partitions; i++) {
		printf("%s%s:", i ? "," : "", disk->partition[i].label);
		if (disk->partition[i].size)
			printf("%" PRIu64, disk->partition[i].size);
		else
			fputs("rest", stdout);
	}
	printf("%s\t%s\n", disk->partitions ? "" : "-", path);
	free(path);
}

static int command_disks(const struct options *options)
{
	struct system_description system;
	bool good = read_description(options, &system);
	char *folder = getcwd(NULL, 0);

	if (!folder)
		good = !fail("the current folder: %s", strerror(errno));
	for (size_t i = 0; good && i < system.disks; i++)
		if (system.disk[i].file)
			print_disk(&system.disk[i], folder);
	free(folder);
	description_free(&system);
	return good ? 0 : 1;
}

static const uint8_t *outside_address(const struct nat_description *nat)
{
	static const uint8_t first[] = { 10, 0, 2, 15 };

	return nat->outside_given ? nat->outside : first;
}

/*
 * Ports of the host that lead through a net: HOST:ADDRESS:PORT:GUEST, with commas between. Through the gateway it is HOST:ADDRESS:PORT:GUEST:INNER,
 * address and port being the gateway's; without an address of its own it has the first one that QEMU gives.
 */
static void print_forwards(const struct system_description *system, const struct net_description *net)
{
	const char *comma = "";

	for (size_t i = 0; i < system->guests; i++) {
		for (size_t j = 0; j < system->guest[i].nics; j++) {
			const struct nic_description *nic = &system->guest[i].nic[j];
			const uint8_t *address = net->nat.on ? outside_address(&net->nat) : nic->address4[0];

			for (size_t k = 0; k < nic->forwards && !strcmp(nic->net.name, net->name); k++) {
				printf("%s%u:%u.%u.%u.%u:%u:%s", comma, nic->forward[k].host, address[0], address[1], address[2], address[3],
					net->nat.on ? nic->forward[k].host : nic->forward[k].guest, system->guest[i].name);
				if (net->nat.on)
					printf(":%u", nic->forward[k].guest);
				comma = ",";
			}
		}
	}
	puts(*comma ? "" : "-");
}

static void print_net(const struct system_description *system, const struct net_description *net)
{
	const uint8_t *mac = net->mac;

	printf("%s\t%s%s\t%s\t%02x:%02x:%02x:%02x:%02x:%02x\t", net->name, net->host == NET_HOST_TAP ? "tap:" : "user", net->interface,
		net_transports[net->transport], mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	print_forwards(system, net);
}

static int command_nets(const struct options *options)
{
	struct system_description system;
	bool good = read_description(options, &system);

	for (size_t i = 0; good && i < system.nets; i++)
		if (system.net[i].uplink && system.net[i].host != NET_HOST_NONE)
			print_net(&system, &system.net[i]);
	description_free(&system);
	return good ? 0 : 1;
}

/* The names of what goes to a file, with commas between. */
static void print_captured(const struct system_description *system, unsigned number)
{
	const char *comma = "";

	for (size_t i = 0; i < system->guests; i++) {
		for (size_t j = 0; j < system->guest[i].nics; j++) {
			if (system->guest[i].nic[j].capture.number == number) {
				printf("%s%s.%zu", comma, system->guest[i].name, j);
				comma = ",";
			}
		}
	}
	for (size_t i = 0; i < system->nets; i++) {
		if (system->net[i].capture.number == number) {
			printf("%suplink of %s", comma, system->net[i].name);
			comma = ",";
		}
	}
	fputs(*comma ? "" : "-", stdout);
}

static int command_captures(const struct options *options)
{
	struct system_description system;
	bool good = read_with_captures(options, &system);
	char *folder = getcwd(NULL, 0);

	if (!folder)
		good = !fail("the current folder: %s", strerror(errno));
	for (size_t i = 0; good && i < system.captures; i++) {
		char *path = text_join_path(folder, system.capture[i]);

		print_captured(&system, (unsigned)i + 1);
		printf("\t%s\n", path);
		free(path);
	}
	free(folder);
	description_free(&system);
	return good ? 0 : 1;
}

static int command_list(const struct options *options)
{
	uint8_t *data;
	unsigned faults;
	size_t size;

	if (!file_read(options->input, 64 * GIB, &data, &size))
		return fail("%s: %s", options->input, strerror(errno));
	faults = archive_inspect(data, size, stdout, stderr);
	free(data);
	return faults ? 1 : 0;
}

static int add_program(struct options *options, const char *name, const char *path)
{
	if (options->programs == PROGRAMS_MAX)
		return fail("too many programs");
	options->program[options->programs++] = (struct program){ name, path };
	return 0;
}

static int add_server(struct options *options, char *argument)
{
	char *equals = strchr(argument, '=');

	if (!equals || equals == argument || !equals[1])
		return fail("--server %s: write NAME=ELF", argument);
	*equals = 0;
	return add_program(options, argument, equals + 1);
}

static int add_pcap(struct options *options, char *argument)
{
	const char *equals = strchr(argument, '=');

	if (!equals || equals == argument || !equals[1])
		return fail("--pcap %s: write NAME=FILE", argument);
	if (options->pcaps == PCAPS_MAX)
		return fail("--pcap: more than %u", PCAPS_MAX);
	options->pcap[options->pcaps++] = argument;
	return 0;
}

static int set_snaplen(struct options *options, const char *argument)
{
	uint64_t bytes;

	if (!text_read_quantity(argument, "", &bytes) || bytes < SNAPLEN_MIN || bytes > SNAPLEN_MAX)
		return fail("--snaplen %s: write a number of bytes from %u to %u", argument, SNAPLEN_MIN, SNAPLEN_MAX);
	options->snaplen = (uint32_t)bytes;
	return 0;
}

static int set_pcap_limit(struct options *options, const char *argument)
{
	uint64_t bytes;

	if (!text_read_size(argument, &bytes) || bytes < CAPTURE_LIMIT_MIN || bytes > CAPTURE_LIMIT_MAX)
		return fail("--pcap-limit %s: write a size from 64K to 16T, such as 64M", argument);
	options->pcap_limit = bytes;
	return 0;
}

static int read_options(int count, char **arguments, struct options *options)
{
	static const struct option known[] = {
		{ "kernel", required_argument, NULL, 'k' },
		{ "root", required_argument, NULL, 'r' },
		{ "server", required_argument, NULL, 's' },
		{ "guests", required_argument, NULL, 'g' },
		{ "output", required_argument, NULL, 'o' },
		{ "pcap", required_argument, NULL, 'p' },
		{ "spare-pcap", required_argument, NULL, 'P' },
		{ "snaplen", required_argument, NULL, 'n' },
		{ "pcap-limit", required_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	int choice, status = 0;

	while (!status && (choice = getopt_long(count, arguments, "o:", known, NULL)) != -1) {
		if (choice == 'k')
			status = add_program(options, ARCHIVE_KERNEL, optarg);
		else if (choice == 'r')
			status = add_program(options, ARCHIVE_ROOT, optarg);
		else if (choice == 's')
			status = add_server(options, optarg);
		else if (choice == 'g')
			options->guests = optarg;
		else if (choice == 'o')
			options->output = optarg;
		else if (choice == 'p')
			status = add_pcap(options, optarg);
		else if (choice == 'P')
			options->spare_pcap = optarg;
		else if (choice == 'n')
			status = set_snaplen(options, optarg);
		else if (choice == 'l')
			status = set_pcap_limit(options, optarg);
		else
			status = 2;
	}
	if (!status && optind == count - 1)
		options->input = arguments[optind];
	else
		status = 2;
	return status;
}

int main(int count, char **arguments)
{
	static const struct {
		const char *name;
		int (*run)(const struct options *options);
	} commands[] = {
		{ "build", command_build },
		{ "check", command_check },
		{ "machine", command_machine },
		{ "disks", command_disks },
		{ "nets", command_nets },
		{ "captures", command_captures },
		{ "list", command_list },
	};
	struct options options = { .guests = NULL };

	for (size_t i = 0; count > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(arguments[1], commands[i].name))
			continue;
		if (read_options(count - 1, arguments + 1, &options))
			break;
		return commands[i].run(&options);
	}
	fputs(usage, stderr);
	return 2;
}
