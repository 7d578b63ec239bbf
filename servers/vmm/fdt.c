/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's device tree (Devicetree Specification 0.4 and the bindings of Linux). */
#include <libfdt.h>
#include <string.h>
#include "loader.h"
#include "machine.h"

#define ISA_MAX 256u
#define ISA_DEFAULT "rv64imafdc_zicntr_zicsr_zifencei_zihpm_sstc"

enum { PHANDLE_PLIC = 1, PHANDLE_CPU = 16 }; /* of the interrupt controller of each hart */
#define HARTS_MAX 8u
#define IRQ_S_EXTERNAL 9u
#define IRQ_NONE UINT32_MAX /* a context that leads nowhere */
enum { PCI_SPACE_MEMORY32 = 0x02000000 };

/* Extensions that work for a guest because the hart alone carries them out, or because the kernel grants them. */
static const char *const guest_extensions[] = {
	"zicntr", "zicsr", "zifencei", "zihpm", "zihintpause", "zba", "zbb", "zbc", "zbs", "zbkb", "zbkc", "zbkx",
	"zfa", "zfh", "zfhmin", "zca", "zcb", "zcd", "zicond", "svnapot", "sstc", "zicboz",
};

static bool extension_allowed(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(guest_extensions) / sizeof(guest_extensions[0]); i++) {
		if (strlen(guest_extensions[i]) == length && !memcmp(guest_extensions[i], name, length))
			return true;
	}
	return false;
}

void fdt_filter_isa(const char *isa, char *out, size_t size)
{
	size_t used = 0, length;

	/* rv64 and the single letters, but not h (no nesting) and v (its state is not kept). */
	length = strcspn(isa, "_");
	for (size_t i = 0; i < length && used + 1 < size; i++) {
		if (i < 4 || strchr("imafdc", isa[i]))
			out[used++] = isa[i];
	}
	for (isa += length; *isa; isa += length) {
		isa++;
		length = strcspn(isa, "_");
		if (!extension_allowed(isa, length) || used + length + 2 > size)
			continue;
		out[used++] = '_';
		memcpy(out + used, isa, length);
		used += length;
	}
	out[used] = '\0';
}

/* "riscv,isa-extensions": the same as a list of strings. */
static int write_extensions(void *fdt, const char *isa)
{
	char list[ISA_MAX + 16];
	size_t used = 0;

	for (isa += 4; *isa && *isa != '_'; isa++) {
		list[used++] = *isa;
		list[used++] = '\0';
	}
	if (*isa) {
		size_t length = strlen(isa + 1) + 1;

		if (length > sizeof(list) - used)
			return -FDT_ERR_NOSPACE;
		memcpy(list + used, isa + 1, length);
		for (size_t i = used; i < used + length; i++)
			list[i] = list[i] == '_' ? '\0' : list[i];
		used += length;
	}
	return fdt_property(fdt, "riscv,isa-extensions", list, (int)used);
}

static int write_cells(void *fdt, const char *name, const uint32_t *cells, unsigned count)
{
	void *value;
	int error = fdt_property_placeholder(fdt, name, (int)(count * 4), &value);

	for (unsigned i = 0; !error && i < count; i++)
		fdt32_st((uint8_t *)value + 4 * i, cells[i]);
	return error;
}

#define CELLS(fdt, name, ...) \
	write_cells(fdt, name, (const uint32_t[]){ __VA_ARGS__ }, sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

static int write_string(void *fdt, const char *name, const char *value)
{
	return fdt_property(fdt, name, value, (int)strlen(value) + 1);
}

static int write_chosen(void *fdt, const struct loader_config *config, uint64_t initrd)
{
	int error = fdt_begin_node(fdt, "chosen");

	error |= write_string(fdt, "bootargs", config->cmdline);
	error |= write_string(fdt, "stdout-path", "/soc/serial@10000000");
	if (config->seed && config->seed_size) {
		size_t size = config->seed_size < LOADER_SEED_MAX ? config->seed_size : LOADER_SEED_MAX;

		error |= fdt_property(fdt, "rng-seed", config->seed, (int)size);
	}
	if (initrd) {
		error |= fdt_property_u64(fdt, "linux,initrd-start", initrd);
		error |= fdt_property_u64(fdt, "linux,initrd-end", initrd + config->initrd_size);
	}
	return error | fdt_end_node(fdt);
}

static int write_cpu(void *fdt, const struct loader_config *config, const char *isa, uint32_t hart)
{
	char name[] = "cpu@0";
	int error;

	name[4] = (char)('0' + hart);
	error = fdt_begin_node(fdt, name);
	error |= write_string(fdt, "device_type", "cpu");
	error |= write_string(fdt, "compatible", "riscv");
	error |= write_string(fdt, "status", "okay");
	error |= fdt_property_u32(fdt, "reg", hart);
	error |= write_string(fdt, "riscv,isa", isa);
	error |= write_string(fdt, "riscv,isa-base", "rv64i");
	error |= write_extensions(fdt, isa);
	error |= write_string(fdt, "mmu-type", "riscv,sv39");
	if (config->cboz_block_size)
		error |= fdt_property_u32(fdt, "riscv,cboz-block-size", config->cboz_block_size);
	error |= fdt_begin_node(fdt, "interrupt-controller");
	error |= fdt_property_u32(fdt, "#interrupt-cells", 1);
	error |= fdt_property(fdt, "interrupt-controller", NULL, 0);
	error |= write_string(fdt, "compatible", "riscv,cpu-intc");
	error |= fdt_property_u32(fdt, "phandle", PHANDLE_CPU + hart);
	error |= fdt_end_node(fdt);
	return error | fdt_end_node(fdt);
}

static int write_cpus(void *fdt, const struct loader_config *config)
{
	char isa[ISA_MAX];
	int error = fdt_begin_node(fdt, "cpus");

	fdt_filter_isa(config->isa && !strncmp(config->isa, "rv64", 4) ? config->isa : ISA_DEFAULT, isa, sizeof(isa));
	error |= fdt_property_u32(fdt, "#address-cells", 1);
	error |= fdt_property_u32(fdt, "#size-cells", 0);
	error |= fdt_property_u32(fdt, "timebase-frequency", (uint32_t)config->timebase_hz);
	for (uint32_t hart = 0; hart < config->harts; hart++)
		error |= write_cpu(fdt, config, isa, hart);
	return error | fdt_end_node(fdt);
}

static int write_memory(void *fdt, const struct guest_memory *memory)
{
	int error = fdt_begin_node(fdt, "memory@80000000");

	error |= write_string(fdt, "device_type", "memory");
	error |= CELLS(fdt, "reg", (uint32_t)(memory->base >> 32), (uint32_t)memory->base,
		       (uint32_t)(memory->size >> 32), (uint32_t)memory->size);
	return error | fdt_end_node(fdt);
}

static int write_plic(void *fdt, uint32_t harts)
{
	static const char compatible[] = "sifive,plic-1.0.0\0riscv,plic0";
	uint32_t interrupts[4 * HARTS_MAX];
	int error = fdt_begin_node(fdt, "plic@c000000");

	/* Two contexts for each hart, M-mode and S-mode, numbered as on QEMU's board. Guests have no M-mode. */
	for (uint32_t hart = 0; hart < harts && hart < HARTS_MAX; hart++) {
		interrupts[4 * hart] = interrupts[4 * hart + 2] = PHANDLE_CPU + hart;
		interrupts[4 * hart + 1] = IRQ_NONE;
		interrupts[4 * hart + 3] = IRQ_S_EXTERNAL;
	}
	error |= fdt_property(fdt, "compatible", compatible, sizeof(compatible));
	error |= CELLS(fdt, "reg", 0, MACHINE_PLIC_BASE, 0, MACHINE_PLIC_SIZE);
	error |= fdt_property_u32(fdt, "#interrupt-cells", 1);
	error |= fdt_property_u32(fdt, "#address-cells", 0);
	error |= fdt_property(fdt, "interrupt-controller", NULL, 0);
	error |= write_cells(fdt, "interrupts-extended", interrupts, 4 * harts);
	error |= fdt_property_u32(fdt, "riscv,ndev", MACHINE_IRQS);
	error |= fdt_property_u32(fdt, "phandle", PHANDLE_PLIC);
	return error | fdt_end_node(fdt);
}

static int write_uart(void *fdt)
{
	int error = fdt_begin_node(fdt, "serial@10000000");

	error |= write_string(fdt, "compatible", "ns16550a");
	error |= CELLS(fdt, "reg", 0, MACHINE_UART_BASE, 0, MACHINE_UART_SIZE);
	error |= fdt_property_u32(fdt, "clock-frequency", MACHINE_UART_CLOCK);
	error |= fdt_property_u32(fdt, "interrupts", MACHINE_UART_IRQ);
	error |= fdt_property_u32(fdt, "interrupt-parent", PHANDLE_PLIC);
	return error | fdt_end_node(fdt);
}

/* INTA to INTD of devices 0 to 3; the mask makes the others repeat these. */
static int write_interrupt_map(void *fdt)
{
	uint32_t map[4 * 4 * 6];
	unsigned used = 0;

	for (uint32_t device = 0; device < 4; device++) {
		for (uint32_t pin = 1; pin <= 4; pin++) {
			map[used++] = device << 11;
			map[used++] = 0;
			map[used++] = 0;
			map[used++] = pin;
			map[used++] = PHANDLE_PLIC;
			map[used++] = MACHINE_PCI_IRQ + (device + pin - 1) % 4;
		}
	}
	return write_cells(fdt, "interrupt-map", map, used) | CELLS(fdt, "interrupt-map-mask", 0x1800, 0, 0, 7);
}

static int write_pci(void *fdt)
{
	int error = fdt_begin_node(fdt, "pci@30000000");

	error |= write_string(fdt, "compatible", "pci-host-ecam-generic");
	error |= write_string(fdt, "device_type", "pci");
	error |= fdt_property_u32(fdt, "#address-cells", 3);
	error |= fdt_property_u32(fdt, "#size-cells", 2);
	error |= fdt_property_u32(fdt, "#interrupt-cells", 1);
	error |= fdt_property_u32(fdt, "linux,pci-domain", 0);
	error |= CELLS(fdt, "bus-range", 0, 0);
	error |= fdt_property(fdt, "dma-coherent", NULL, 0);
	error |= CELLS(fdt, "reg", 0, MACHINE_ECAM_BASE, 0, MACHINE_ECAM_SIZE);
	error |= CELLS(fdt, "ranges", PCI_SPACE_MEMORY32, 0, MACHINE_PCI_BASE, 0, MACHINE_PCI_BASE, 0, MACHINE_PCI_SIZE);
	error |= write_interrupt_map(fdt);
	return error | fdt_end_node(fdt);
}

bool fdt_write(void *buffer, size_t size, const struct guest_memory *memory, const struct loader_config *config,
	       uint64_t initrd)
{
	void *fdt = buffer;
	int error = fdt_create(fdt, (int)size);

	error |= fdt_finish_reservemap(fdt);
	error |= fdt_begin_node(fdt, "");
	error |= fdt_property_u32(fdt, "#address-cells", 2);
	error |= fdt_property_u32(fdt, "#size-cells", 2);
	error |= write_string(fdt, "compatible", "serai,virt");
	error |= write_string(fdt, "model", config->name);
	error |= write_chosen(fdt, config, initrd);
	error |= write_cpus(fdt, config);
	error |= write_memory(fdt, memory);
	error |= fdt_begin_node(fdt, "soc");
	error |= write_string(fdt, "compatible", "simple-bus");
	error |= fdt_property_u32(fdt, "#address-cells", 2);
	error |= fdt_property_u32(fdt, "#size-cells", 2);
	error |= fdt_property(fdt, "ranges", NULL, 0);
	error |= write_plic(fdt, config->harts);
	error |= write_uart(fdt);
	error |= write_pci(fdt);
	error |= fdt_end_node(fdt);
	error |= fdt_end_node(fdt);
	error |= fdt_finish(fdt);
	return error == 0;
}
