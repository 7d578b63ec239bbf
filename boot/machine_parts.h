/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that read the device tree share; for machine*.c only. */
#pragma once

#include "machine.h"

#include <libfdt.h>

/* One or two cells as a number. */
uint64_t machine_cells(const fdt32_t *cells, int count);

/* A property of exactly one cell, or `otherwise`. */
uint32_t machine_cell(const void *tree, int node, const char *name, uint32_t otherwise);

/* True unless the node's status says that it is not to be used. */
bool machine_enabled(const void *tree, int node);

/* Fills harts, isa, cbo_zero_bytes and timebase_hz, boot hart first. Returns NULL or what is missing. */
const char *machine_parse_harts(const void *tree, uint64_t boot_hart, struct machine *machine);

/* Fills devices and the PLIC's fields; after the harts. Returns NULL or what is missing. */
const char *machine_parse_devices(const void *tree, struct machine *machine);

/* The phandle of the interrupt controller inside of a hart's node, 0 if there is none or no such hart. */
uint32_t machine_hart_controller(const void *tree, uint64_t hart_id);
