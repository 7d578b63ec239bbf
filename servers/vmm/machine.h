/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's machine: its memory map as on QEMU's "virt" board, and its interrupt numbers. */
#pragma once

#include <abi/types.h>

#define MACHINE_PLIC_BASE 0x0c000000u
#define MACHINE_PLIC_SIZE 0x00600000u
#define MACHINE_UART_BASE 0x10000000u
#define MACHINE_UART_SIZE 0x00000100u
#define MACHINE_ECAM_BASE 0x30000000u
#define MACHINE_ECAM_SIZE 0x00100000u /* one bus */
#define MACHINE_PCI_BASE 0x40000000u  /* window for memory BARs */
#define MACHINE_PCI_SIZE 0x40000000u

/* Small numbers: a guest's driver of the PLIC writes to three registers for each source, an exit each. */
#define MACHINE_UART_IRQ 1u
#define MACHINE_PCI_IRQ 4u /* INTA of device 0; (device + pin) modulo 4 is added */
#define MACHINE_IRQS 7u    /* highest source of the PLIC */

#define MACHINE_UART_CLOCK 3686400u /* Hz */

