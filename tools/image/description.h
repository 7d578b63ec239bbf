/* SPDX-License-Identifier: Apache-2.0 */
/* The system description: read from its TOML file and checked, so that what boots can be built. */
#pragma once

#include "report.h"
#include "toml_reader.h"

#include <proto/block.h>
#include <proto/net.h>
#include <proto/system.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DESCRIPTION_FILE_MAX (1ul << 20) /* bytes of TOML */
#define PAGE_LARGE (2ull << 20)

/* RAM that the firmware, the kernel, the servers and the guests' page tables may take in all. */
#define SYSTEM_OVERHEAD (16ull << 20)
/* The system's own programs and the gaps between files in the boot archive, at most. */
#define ARCHIVE_OVERHEAD (8ull << 20)

/* What the block server takes besides the maps of overlays: itself, its pages, rings for each disk and overlay. */
#define BLOCK_OVERHEAD (4ull << 20)
#define BLOCK_DISK_OVERHEAD (1ull << 20)
/* What the net server takes besides its DMA for each NIC of the machine. */
#define NET_OVERHEAD (4ull << 20)
/* What the gateway takes: itself, its buffers, its tables. */
#define GATEWAY_OVERHEAD (12ull << 20)
/* RAM of a guest with disks or NICs, at most: the block or the net server sees it all. */
#define GUEST_SHARED_MAX (16ull << 30)

#define DISK_PARTITIONS_MAX 16u
#define DISK_LABEL_MAX 36u /* UEFI 2.10, table 5-6: PartitionName */

/* Indices are those of the lists of words in disks.c. */
enum disk_format { DISK_RAW = 0, DISK_QCOW2 = 1 };
extern const char *const disk_formats[], *const disk_caches[], *const disk_transports[];

struct partition_description {
	char label[DISK_LABEL_MAX + 1];
	uint64_t size; /* bytes; 0: the rest of the disk */
};

struct disk_description {
	char name[BLOCK_NAME_MAX + 1];
	char serial[BLOCK_SERIAL_SIZE + 1];
	char *file;      /* path on the host; NULL: the machine has it anyway */
	bool exists;     /* the file is there */
	uint32_t format, cache, transport;
	bool read_only;
	uint64_t size;   /* bytes of a file that is made; 0: it must be there */
	size_t partitions; /* made with the file */
	struct partition_description partition[DISK_PARTITIONS_MAX];
	unsigned line;
};

/* A name of something else, and where it stands. */
struct reference {
	char name[BLOCK_NAME_MAX + 1]; /* empty: there is none */
	unsigned line;
};

struct volume_description {
	char name[BLOCK_NAME_MAX + 1];
	struct reference disk;  /* a range of a disk: */
	uint32_t partition;     /* number from 1; 0: by label, or the whole disk if that is empty too */
	char label[DISK_LABEL_MAX + 1];
	struct reference base, store; /* an overlay: both */
	bool read_only;
	unsigned line;
};

struct guest_disk_description {
	struct reference volume;
	char serial[BLOCK_SERIAL_SIZE + 1];
	bool read_only;
	uint64_t bandwidth, bandwidth_burst; /* bytes a second, bytes; 0: no limit */
	uint32_t operations, operations_burst;
};

#define NET_INTERFACE_MAX 15u /* characters of the name of a tap interface of the host: IFNAMSIZ */
#define NIC_ADDRESSES_MAX 4u  /* of each family */
#define NIC_FORWARDS_MAX 8u

/* Indices are those of the lists of words in nets.c. */
enum net_host { NET_HOST_USER = 0, NET_HOST_NONE = 1, NET_HOST_TAP = 2 };
extern const char *const net_transports[];

/* Where the frames of a NIC go too. */
struct capture_reference {
	char *file;      /* as it stands in the description; NULL: not there */
	unsigned line;
	unsigned number; /* of the file in the system, from 1; 0: none */
	uint64_t limit;  /* bytes of the file; 0: not given */
};

/* A net whose guests get addresses, names and a way out from the gateway. */
struct nat_description {
	bool on;
	uint8_t subnet[4], address[4]; /* address: the gateway's in it */
	uint32_t prefix;               /* bits */
	uint8_t mac[GATEWAY_NICS][6];  /* of the gateway's NICs: inside, outside */
	bool outside_given;            /* else by DHCP */
	uint8_t outside[4], router[4], dns[4];
	uint32_t outside_prefix;
	unsigned line;
};

struct net_description {
	char name[NET_NAME_MAX + 1];
	bool uplink;
	bool mac_given;
	uint8_t mac[6]; /* of the machine's NIC, if there is an uplink */
	uint32_t mtu;
	enum net_host host;
	char interface[NET_INTERFACE_MAX + 1]; /* NET_HOST_TAP */
	uint32_t transport;
	struct capture_reference capture; /* of the uplink */
	struct nat_description nat;
	unsigned line;
};

struct forward {
	uint16_t host, guest; /* TCP ports */
	unsigned line;
};

struct nic_description {
	struct reference net;
	bool mac_given;
	uint8_t mac[6];
	uint32_t vlan; /* 0: none */
	uint32_t group; /* 0: none */
	size_t addresses4, addresses6;
	uint8_t address4[NIC_ADDRESSES_MAX][4], address6[NIC_ADDRESSES_MAX][16];
	uint64_t bandwidth, bandwidth_burst; /* bytes a second, bytes; 0: no limit */
	uint32_t packets, packets_burst;
	struct capture_reference capture;
	size_t forwards;
	struct forward forward[NIC_FORWARDS_MAX];
};

enum guest_restart { RESTART_NEVER = 0, RESTART_ON_CRASH = 1 }; /* values as in system.dtb */

struct guest_description {
	char name[SYSTEM_NAME_MAX + 1];
	char cmdline[SYSTEM_CMDLINE_MAX + 1]; /* with serai.host=NAME added */
	char *kernel;                         /* path on the host */
	char *initrd;                         /* path, or NULL */
	uint64_t kernel_size;                 /* bytes */
	uint64_t initrd_size;
	uint64_t memory; /* bytes */
	uint32_t vcpus;
	bool has_affinity;
	uint32_t affinity[SYSTEM_VCPUS_MAX]; /* hart of each vCPU */
	uint32_t cpu_share;  /* as in system.dtb */
	uint32_t cpu_cap;    /* percent of one hart for all vCPUs together; 0: none */
	uint32_t cpu_period; /* ms */
	uint32_t color; /* ANSI: 1 to 7 */
	bool autostart;
	enum guest_restart restart;
	size_t disks;
	struct guest_disk_description disk[BLOCK_DISKS_MAX];
	size_t nics;
	struct nic_description nic[NET_NICS_MAX];
	unsigned line;
};

struct system_description {
	uint64_t memory; /* bytes of the machine */
	uint32_t harts;
	uint8_t escape; /* control character */
	uint64_t scrollback; /* bytes per guest */
	uint64_t block_memory; /* bytes for the maps of overlays */
	size_t disks;
	struct disk_description disk[BLOCK_DEVICES_MAX];
	size_t volumes;
	struct volume_description volume[BLOCK_VOLUMES_MAX];
	size_t nets;
	struct net_description net[NET_SWITCHES_MAX];
	size_t captures;
	char *capture[NET_CAPTURES_MAX]; /* paths of the files on the host */
	uint64_t capture_limit[NET_CAPTURES_MAX]; /* bytes of them at most */
	uint32_t snaplen; /* bytes of a captured frame that are kept; 0: as the net server likes */
	size_t guests;
	struct guest_description guest[SYSTEM_GUESTS_MAX];
};

/* Where files named in the description are looked for. */
struct search_path {
	const char *folder; /* of the TOML file */
	const char *guests; /* for paths that start with '@'; NULL if not known */
};

/*
 * Reads and checks a description; all errors found go to the report, and the answer is true if there was none.
 * Free with description_free in either case.
 */
bool description_read(const char *path, const char *guests, struct report *report, struct system_description *out);

/* One [guest.NAME] table, for a machine of so many harts. In guest.c. */
void guest_read(const struct toml_node *table, const struct search_path *search, uint32_t harts, struct report *report,
	struct guest_description *out);

/* Its table "cpu", NULL if it has none; out->vcpus is known. In cpu.c. */
void cpu_read(const struct toml_node *table, const char *guest, struct report *report, struct guest_description *out);

/* Its list "disks", NULL if it has none; out->memory is known. `guest` names it. In guest_disks.c. */
void guest_disks_read(const struct toml_node *list, const char *guest, struct report *report, struct guest_description *out);

/* The tables [disk.NAME], in disks.c, and [volume.NAME], in volumes.c. */
void disks_read(const struct toml_node *table, const struct search_path *search, struct report *report,
	struct system_description *out);
void volumes_read(const struct toml_node *table, struct report *report, struct system_description *out);

/* Its list "nics", likewise. In guest_nics.c. */
void guest_nics_read(const struct toml_node *list, const char *guest, struct report *report, struct guest_description *out);

/* The tables [net.NAME]. In nets.c. */
void nets_read(const struct toml_node *table, struct report *report, struct system_description *out);

/* Of a description read without errors: makes the MACs that are not given, and checks names, addresses and forwarded ports. In nets_check.c. */
void nets_check(struct system_description *system, struct report *report);

/* Bytes that a captured file may have. */
#define CAPTURE_LIMIT_MIN (64 * KIB)
#define CAPTURE_LIMIT_MAX (16384 * GIB)
#define CAPTURE_LIMIT_DEFAULT GIB

/* The values of the keys "capture" and "capture_limit", NULL if there are none. In captures.c. */
void captures_reference(const struct toml_node *value, const struct toml_node *limit, struct report *report, struct capture_reference *out);

/* Of a description read without errors: gives the files that its NICs name their numbers. */
void captures_read(struct system_description *system, const struct search_path *search, struct report *report);

/*
 * A further capture, as the user asked for it: NAME is a guest, a guest's NIC such as alpha.1, `uplink`, or a net with one. Reported with the
 * line 0 and false if that is not possible.
 */
bool captures_add(struct system_description *system, const char *name, const char *file, struct report *report);

/* A file for whoever is captured at the prompt, unless there is one anyway, or no net. */
void captures_add_spare(struct system_description *system, const char *file);

/* Keys of a table [net.NAME] that concern the gateway; NULL if missing. In nat.c. */
struct nat_nodes {
	const struct toml_node *nat, *subnet, *outside;
};
void nat_read(const struct nat_nodes *nodes, bool uplink, struct report *report, struct nat_description *out);

/* Of a description read without errors: gives each NIC of such a net its address. nat_contains: whether the subnet has an address. In nat.c. */
void nat_check(struct system_description *system, struct report *report);
const struct net_description *nat_net(const struct system_description *system); /* the net, or NULL */
bool nat_contains(const struct nat_description *nat, const uint8_t *address);

/* The six bytes of "52:54:00:12:34:56", of one NIC alone; reported and false if it is not one. In nets.c. */
bool nets_mac(const struct toml_node *value, struct report *report, uint8_t out[6]);

/* Checks, of a description read without errors, that all names are known and nobody writes where another reads or writes. */
void volumes_check(const struct system_description *system, struct report *report);

/* The host's path of a file named in a description; to be freed. NULL: "@" without a folder; that is reported. */
char *search_file(const struct toml_node *value, const struct search_path *search, struct report *report);

void description_free(struct system_description *description);
