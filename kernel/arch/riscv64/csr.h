/* SPDX-License-Identifier: Apache-2.0 */
/* Control and status registers, by number: older assemblers do not know the H extension's names. Privileged spec, table 2. */
#pragma once

#define CSR_SSTATUS 0x100
#define CSR_SIE 0x104
#define CSR_STVEC 0x105
#define CSR_SCOUNTEREN 0x106
#define CSR_SENVCFG 0x10a
#define CSR_SSCRATCH 0x140
#define CSR_SEPC 0x141
#define CSR_SCAUSE 0x142
#define CSR_STVAL 0x143
#define CSR_SIP 0x144
#define CSR_STIMECMP 0x14d
#define CSR_SATP 0x180
#define CSR_VSSTATUS 0x200
#define CSR_VSIE 0x204
#define CSR_VSTVEC 0x205
#define CSR_VSSCRATCH 0x240
#define CSR_VSEPC 0x241
#define CSR_VSCAUSE 0x242
#define CSR_VSTVAL 0x243
#define CSR_VSIP 0x244
#define CSR_VSTIMECMP 0x24d
#define CSR_VSATP 0x280
#define CSR_HSTATUS 0x600
#define CSR_HEDELEG 0x602
#define CSR_HIDELEG 0x603
#define CSR_HIE 0x604
#define CSR_HTIMEDELTA 0x605
#define CSR_HCOUNTEREN 0x606
#define CSR_HENVCFG 0x60a
#define CSR_HTVAL 0x643
#define CSR_HVIP 0x645
#define CSR_HTINST 0x64a
#define CSR_HGATP 0x680
#define CSR_TIME 0xc01

#ifdef __ASSEMBLER__
#define UL(x) x
#else
#define UL(x) x##ul
#endif

#define SSTATUS_SIE (UL(1) << 1)
#define SSTATUS_SPIE (UL(1) << 5)
#define SSTATUS_SPP (UL(1) << 8)
#define SSTATUS_FS (UL(3) << 13)
#define SSTATUS_FS_CLEAN (UL(2) << 13)
#define SSTATUS_VS (UL(3) << 9)
#define SSTATUS_UXL (UL(3) << 32)
#define SSTATUS_SUM (UL(1) << 18)

#define HSTATUS_GVA (UL(1) << 6)
#define HSTATUS_SPV (UL(1) << 7)
#define HSTATUS_SPVP (UL(1) << 8)
#define HSTATUS_HU (UL(1) << 9)
#define HSTATUS_VTW (UL(1) << 21)
#define HSTATUS_VSXL64 (UL(2) << 32)

#define IRQ_SOFT 1
#define IRQ_TIMER 5
#define IRQ_EXTERNAL 9
#define CAUSE_INTERRUPT (UL(1) << 63)

#ifndef __ASSEMBLER__

#define csr_read(csr)                                                             \
	({                                                                        \
		unsigned long value_;                                             \
		__asm__ volatile("csrr %0, %1" : "=r"(value_) : "i"(csr) : "memory"); \
		value_;                                                           \
	})
#define csr_swap(csr, value)                                                      \
	({                                                                        \
		unsigned long old_;                                               \
		__asm__ volatile("csrrw %0, %1, %2" : "=r"(old_) : "i"(csr), "r"((unsigned long)(value)) : "memory"); \
		old_;                                                             \
	})
#define csr_write(csr, value) __asm__ volatile("csrw %0, %1" ::"i"(csr), "rK"((unsigned long)(value)) : "memory")
#define csr_set(csr, value) __asm__ volatile("csrs %0, %1" ::"i"(csr), "rK"((unsigned long)(value)) : "memory")
#define csr_clear(csr, value) __asm__ volatile("csrc %0, %1" ::"i"(csr), "rK"((unsigned long)(value)) : "memory")

#endif
