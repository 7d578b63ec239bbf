/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: of the root task's own space beyond what the loader made, and of every server's. */
#pragma once

#include <stdint.h>

/* Root task. Its image, stack, information and device tree lie elsewhere. */
#define ARCHIVE_ADDRESS UINT64_C(0x2000000000)
#define WINDOW_ADDRESS UINT64_C(0x2800000000)
#define ROOT_CHANNELS_ADDRESS UINT64_C(0x2c00000000)
#define ROOT_DEVICES_ADDRESS UINT64_C(0x2d00000000) /* a page for each device */
#define ROOT_PROBE_ADDRESS UINT64_C(0x2d00200000)   /* while they are looked for */
#define ROOT_BACKENDS_ADDRESS UINT64_C(0x2d00800000) /* pages of servers behind guests' devices */
#define ROOT_BACKEND_STRIDE UINT64_C(0x200000)
#define ROOT_GATEWAY_ADDRESS UINT64_C(0x2d01000000) /* a page of the gateway */

/* Servers: image from 0x10000. */
#define RAM_ADDRESS UINT64_C(0x1000000000)     /* of a guest, in its VMM */
#define KERNEL_ADDRESS UINT64_C(0x2000000000)  /* files, plus their offset in a large frame */
#define INITRD_ADDRESS UINT64_C(0x2800000000)
#define CHANNELS_ADDRESS UINT64_C(0x3000000000)
#define VCPU_PAGE_ADDRESS UINT64_C(0x3000100000) /* one page for each vCPU */
#define SEED_ADDRESS UINT64_C(0x3000108000)
#define PLIC_PAGE_ADDRESS UINT64_C(0x3000109000) /* of a VMM: what its guest reads of the interrupt controller */
#define DEVICE_ADDRESS UINT64_C(0x3000110000)
#define BACKEND_CLIENT_ADDRESS UINT64_C(0x3000118000) /* what the block server shares with a VMM or the console, then others */
#define BACKEND_CLIENT_STRIDE UINT64_C(0x4000)
#define GATEWAY_STATUS_ADDRESS UINT64_C(0x3000140000)
#define ISR_PAGES_ADDRESS UINT64_C(0x3000180000) /* of a VMM: ISR status of its guest's devices, a page each */
#define HEAP_ADDRESS UINT64_C(0x3000200000)
#define STACK_TOP UINT64_C(0x3e00000000) /* an unmapped page is below the stack */
#define STACK_SIZE (UINT64_C(64) << 10)
#define STACK_STRIDE (UINT64_C(128) << 10) /* to the stack of the next thread, downwards */

/* Block and net server. */
#define BACKEND_PAGES_ADDRESS UINT64_C(0x0800000000)
#define BACKEND_DMA_ADDRESS UINT64_C(0x0840000000)
#define BACKEND_DEVICES_ADDRESS UINT64_C(0x0880000000)
#define BACKEND_DEVICE_STRIDE UINT64_C(0x20000) /* registers, in the second half the configuration space */
#define BACKEND_SYSTEM_ADDRESS UINT64_C(0x08c0000000)
#define BACKEND_GATEWAY_ADDRESS UINT64_C(0x0900000000) /* RAM of the gateway */
#define BACKEND_GUESTS_ADDRESS UINT64_C(0x1000000000) /* RAM of guests */
