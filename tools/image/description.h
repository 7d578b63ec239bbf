/* SPDX-License-Identifier: Apache-2.0 */
/* The system description: read from its TOML file and checked, so that what boots can be built. */
#pragma once

#include "report.h"
#include "toml_reader.h"

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
	unsigned line;
};

struct system_description {
	uint64_t memory; /* bytes of the machine */
	uint32_t harts;
	uint8_t escape; /* control character */
	uint64_t scrollback; /* bytes per guest */
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

void description_free(struct system_description *description);
