/* SPDX-License-Identifier: Apache-2.0 */
/* What all payloads share: console, firmware calls, traps, the device tree. They run in S-mode, or VS-mode as a guest. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each payload has one. */
void payload_main(void);

/* Called by start.S. */
_Noreturn void payload_start(uint64_t hart, const void *tree);

extern uint64_t payload_hart;
extern uint64_t payload_ram_base, payload_ram_end; /* from the device tree */

/* A word "key=value" of the kernel command line: its value, or `otherwise`. Valid until the next call. */
const char *payload_argument(const char *key, const char *otherwise);

/* Ends the machine (SBI SRST shutdown); reason 0: none, 1: failure. */
_Noreturn void payload_exit(unsigned reason);

/* --- console.c --- */

/* %s %u %x %c %% with uint64_t for numbers. The text goes out in one piece where the firmware has DBCN. */
void print(const char *format, ...);
void print_bytes(const char *bytes, size_t count);

/* A byte of input, or -1. */
int console_read(void);

/* --- SBI (RISC-V SBI specification) --- */

enum {
	SBI_LEGACY_PUTCHAR = 1,
	SBI_LEGACY_GETCHAR = 2,
	SBI_LEGACY_SHUTDOWN = 8,
	SBI_BASE = 0x10,
	SBI_TIME = 0x54494d45,
	SBI_IPI = 0x735049,
	SBI_RFENCE = 0x52464e43,
	SBI_HSM = 0x48534d,
	SBI_SRST = 0x53525354,
	SBI_PMU = 0x504d55,
	SBI_DBCN = 0x4442434e,
	SBI_SUSP = 0x53555350,
};

struct sbi_result {
	int64_t error;
	uint64_t value;
};

static inline struct sbi_result sbi_call(uint64_t extension, uint64_t function, const uint64_t arguments[6])
{
	register uint64_t a0 __asm__("a0") = arguments[0];
	register uint64_t a1 __asm__("a1") = arguments[1];
	register uint64_t a2 __asm__("a2") = arguments[2];
	register uint64_t a3 __asm__("a3") = arguments[3];
	register uint64_t a4 __asm__("a4") = arguments[4];
	register uint64_t a5 __asm__("a5") = arguments[5];
	register uint64_t a6 __asm__("a6") = function;
	register uint64_t a7 __asm__("a7") = extension;

	__asm__ volatile("ecall"
			 : "+r"(a0), "+r"(a1)
			 : "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a6), "r"(a7)
			 : "memory");
	return (struct sbi_result){ (int64_t)a0, a1 };
}

static inline struct sbi_result sbi(uint64_t extension, uint64_t function, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return sbi_call(extension, function, (const uint64_t[6]){ a, b, c, d, 0, 0 });
}

/* True if the firmware has the extension. */
bool sbi_has(uint64_t extension);

/* --- traps --- */

#define TRAP_USER_EXIT 0x5e7a1u

struct trap_frame {
	uint64_t x[32];
	uint64_t pc;
	uint64_t status; /* sstatus */
};

enum trap_mode {
	TRAP_FATAL, /* print and end the machine with a failure */
	TRAP_SKIP,  /* count; go on behind the instruction, or give up the function of trap_try after a failed fetch */
};

extern enum trap_mode trap_mode;
extern volatile uint64_t trap_count; /* exceptions since the start */
extern volatile uint64_t trap_cause; /* of the last one */
extern volatile uint64_t trap_fast_taken;

void trap_entry(void);
void trap_fast_entry(void);
void trap_handle(struct trap_frame *frame, uint64_t cause, uint64_t value);
uint64_t trap_try(void *function, uint64_t argument);
uint64_t trap_user(void *function, uint64_t argument);

/* --- CSRs and memory --- */

#define CSR_TEXT(name) CSR_TEXT_OF(name)
#define CSR_TEXT_OF(name) #name

#define csr_read(name)                                                 \
	({                                                             \
		uint64_t csr_value;                                    \
		__asm__ volatile("csrr %0, " CSR_TEXT(name) : "=r"(csr_value)); \
		csr_value;                                             \
	})
#define csr_write(name, value) ({ __asm__ volatile("csrw " CSR_TEXT(name) ", %0" ::"rK"((uint64_t)(value)) : "memory"); })
#define csr_set(name, value) ({ __asm__ volatile("csrs " CSR_TEXT(name) ", %0" ::"rK"((uint64_t)(value)) : "memory"); })
#define csr_clear(name, value) ({ __asm__ volatile("csrc " CSR_TEXT(name) ", %0" ::"rK"((uint64_t)(value)) : "memory"); })

/* stimecmp (Sstc) by its number: older assemblers do not know the name. */
#define STIMECMP 0x14d

enum { SIE_SOFTWARE = 1 << 1, SIE_TIMER = 1 << 5, SIE_EXTERNAL = 1 << 9, SSTATUS_SIE = 1 << 1, SSTATUS_SPP = 1 << 8 };

/* QEMU's virt machine, which a guest of Serai sees too. */
#define UART_BASE 0x10000000u
#define PLIC_BASE 0xc000000u

static inline uint8_t mmio_read8(uint64_t address)
{
	return *(volatile uint8_t *)address;
}

static inline void mmio_write8(uint64_t address, uint8_t value)
{
	*(volatile uint8_t *)address = value;
}

/* A fixed sequence: each run of a payload does the same. */
uint64_t random_next(void);
