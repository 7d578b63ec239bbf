/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration space as an array with a mask of writable bits: BAR sizing needs no more. */
#include "bytes.h"
#include "pci.h"

enum {
	PCI_REVISION = 0x08,
	PCI_CLASS = 0x09,
	PCI_CACHE_LINE = 0x0c,
	PCI_SUBSYSTEM_VENDOR = 0x2c,
	PCI_INTERRUPT_LINE = 0x3c,
	PCI_HEADER_END = 0x40,
	PCI_STATUS_INTERRUPT = 1 << 3,
	PCI_STATUS_CAPABILITIES = 1 << 4,
};

#define FUNCTION_STRIDE 4096u  /* ECAM bytes per function */
#define FUNCTIONS_PER_DEVICE 8u
#define LINES 4u

static bool no_bar(void *device, struct bus_access *access)
{
	(void)device;
	(void)access;
	return false;
}

static void source_claimed(void *to, unsigned source, bool claimed)
{
	struct pci *pci = to;

	if (source - pci->irq >= LINES)
		return;
	for (unsigned i = source - pci->irq; i < pci->functions; i += LINES) {
		struct pci_function *function = pci->function[i];

		if (function && function->ops->claimed)
			function->ops->claimed(function, claimed);
	}
}

void pci_init(struct pci *pci, struct pci_function *bridge, struct plic *plic, uint64_t window, uint64_t window_size,
	      unsigned irq)
{
	/* The identity of QEMU's generic host bridge. */
	static const struct pci_identity identity = {
		.vendor = 0x1b36, .device = 0x0008, .subsystem_vendor = 0x1af4, .subsystem = 0x1100,
		.class_code = 0x060000,
	};
	static const struct pci_function_ops ops = { .bar = no_bar };

	*pci = (struct pci){ .plic = plic, .window = window, .window_size = window_size, .irq = irq };
	plic->watch = source_claimed;
	plic->watcher = pci;
	pci_function_init(bridge, &identity, 0, &ops);
	pci_add(pci, bridge, 0);
}

void pci_function_init(struct pci_function *function, const struct pci_identity *identity, uint32_t bar_size,
		       const struct pci_function_ops *ops)
{
	uint8_t *config = function->config;
	uint8_t *writable = function->writable;

	*function = (struct pci_function){ .bar_size = bar_size, .ops = ops, .config_end = PCI_HEADER_END };
	bytes_put(config, 2, identity->vendor);
	bytes_put(config + 2, 2, identity->device);
	config[PCI_REVISION] = identity->revision;
	bytes_put(config + PCI_CLASS, 3, identity->class_code);
	bytes_put(config + PCI_SUBSYSTEM_VENDOR, 2, identity->subsystem_vendor);
	bytes_put(config + PCI_SUBSYSTEM_VENDOR + 2, 2, identity->subsystem);
	bytes_put(writable + PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_NO_INTX);
	writable[PCI_CACHE_LINE] = 0xff;
	writable[PCI_INTERRUPT_LINE] = 0xff;
	if (bar_size) {
		bytes_put(writable + PCI_BAR0, 4, ~(bar_size - 1));
		config[PCI_INTERRUPT_PIN] = 1;
	}
}

unsigned pci_add_capability(struct pci_function *function, uint8_t id, unsigned size)
{
	unsigned offset = function->config_end;

	function->config[offset] = id;
	function->config[function->capability ? function->capability + 1u : PCI_CAPABILITIES] = (uint8_t)offset;
	function->config[PCI_STATUS] |= PCI_STATUS_CAPABILITIES;
	function->capability = (uint8_t)offset;
	function->config_end = (uint8_t)(offset + ((size + 3) & ~3u));
	return offset;
}

void pci_add(struct pci *pci, struct pci_function *function, unsigned device)
{
	function->pci = pci;
	function->device = device;
	pci->function[device] = function;
	if (pci->functions <= device)
		pci->functions = device + 1;
}

uint64_t pci_bar(const struct pci_function *function)
{
	const struct pci *pci = function->pci;
	uint32_t base = (uint32_t)bytes_get(function->config + PCI_BAR0, 4);

	if (!pci || !(function->config[PCI_COMMAND] & PCI_COMMAND_MEMORY))
		return 0;
	return base >= pci->window && base - pci->window <= pci->window_size - function->bar_size ? base : 0;
}

uint16_t pci_command(const struct pci_function *function)
{
	return (uint16_t)bytes_get(function->config + PCI_COMMAND, 2);
}

/* The line is that of all functions on it. */
static void update_interrupt(struct pci_function *function)
{
	const struct pci *pci = function->pci;
	unsigned line = function->device % LINES;
	bool level = false;

	if (function->interrupt)
		function->config[PCI_STATUS] |= PCI_STATUS_INTERRUPT;
	else
		function->config[PCI_STATUS] &= (uint8_t)~PCI_STATUS_INTERRUPT;
	for (unsigned i = line; i < pci->functions; i += LINES) {
		const struct pci_function *other = pci->function[i];

		level |= other && other->interrupt && !(pci_command(other) & PCI_COMMAND_NO_INTX);
	}
	plic_set_input(pci->plic, pci->irq + line, level);
}

bool pci_alone(const struct pci_function *function)
{
	const struct pci *pci = function->pci;

	for (unsigned i = function->device % LINES; i < pci->functions; i += LINES) {
		if (pci->function[i] && pci->function[i] != function && pci->function[i]->interrupts)
			return false;
	}
	return true;
}

bool pci_claimed(const struct pci_function *function)
{
	return plic_claimed(function->pci->plic, function->pci->irq + function->device % LINES);
}

static void begin_interrupts(struct pci_function *function)
{
	const struct pci *pci = function->pci;

	function->interrupts = true;
	for (unsigned i = function->device % LINES; i < pci->functions; i += LINES) {
		struct pci_function *other = pci->function[i];

		if (other && other != function && other->ops->shared)
			other->ops->shared(other);
	}
}

void pci_set_interrupt(struct pci_function *function, bool level)
{
	if (function->interrupt == level)
		return;
	if (level && !function->interrupts)
		begin_interrupts(function);
	function->interrupt = level;
	update_interrupt(function);
}

void pci_quiet(struct pci_function *function)
{
	pci_set_interrupt(function, false);
	function->interrupts = false;
}

static void config_write(struct pci_function *function, unsigned offset, unsigned size, uint64_t value)
{
	for (unsigned i = 0; i < size; i++) {
		uint8_t mask = function->writable[offset + i];
		uint8_t byte = (uint8_t)(value >> 8 * i);

		function->config[offset + i] = (uint8_t)((function->config[offset + i] & ~mask) | (byte & mask));
	}
	if (offset < PCI_STATUS && offset + size > PCI_COMMAND && function->config[PCI_INTERRUPT_PIN])
		update_interrupt(function);
	if (function->ops->config)
		function->ops->config(function, offset, size, true);
}

static uint64_t config_read(struct pci_function *function, unsigned offset, unsigned size)
{
	if (function->ops->config)
		function->ops->config(function, offset, size, false);
	return bytes_get(function->config + offset, size);
}

bool pci_ecam_access(void *device, struct bus_access *access)
{
	struct pci *pci = device;
	uint64_t number = access->offset / FUNCTION_STRIDE;
	unsigned offset = (unsigned)(access->offset % FUNCTION_STRIDE);
	struct pci_function *function = NULL;

	if (number % FUNCTIONS_PER_DEVICE == 0 && number / FUNCTIONS_PER_DEVICE < PCI_FUNCTIONS)
		function = pci->function[number / FUNCTIONS_PER_DEVICE];
	if (!function || offset >= PCI_CONFIG_SIZE) {
		if (!access->write)
			access->value = function ? 0 : UINT64_MAX;
	} else if (access->write) {
		config_write(function, offset, access->size, access->value);
	} else {
		access->value = config_read(function, offset, access->size);
	}
	return true;
}

__attribute__((hot)) bool pci_window_access(void *device, struct bus_access *access)
{
	struct pci *pci = device;
	uint64_t address = pci->window + access->offset;

	for (unsigned i = 1; i < pci->functions; i++) {
		struct pci_function *function = pci->function[i];
		uint32_t base;

		if (!function || !(function->config[PCI_COMMAND] & PCI_COMMAND_MEMORY))
			continue;
		base = (uint32_t)bytes_get(function->config + PCI_BAR0, 4);
		if (address - base < function->bar_size) {
			access->offset = address - base;
			return function->ops->bar(function, access);
		}
	}
	if (!access->write)
		access->value = UINT64_MAX;
	return true;
}
