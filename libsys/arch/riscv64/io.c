/* SPDX-License-Identifier: Apache-2.0 */
/* Device registers: FENCE tells device input (i) and output (o) from memory (r, w). */
#include <libsys/io.h>

uint32_t io_read(const volatile uint8_t *address, unsigned size)
{
	uint32_t value;

	if (size == 1)
		value = *address;
	else if (size == 2)
		value = *(const volatile uint16_t *)(const volatile void *)address;
	else
		value = *(const volatile uint32_t *)(const volatile void *)address;
	__asm__ volatile("fence i, iorw" ::: "memory");
	return value;
}

void io_write(volatile uint8_t *address, unsigned size, uint32_t value)
{
	__asm__ volatile("fence iorw, o" ::: "memory");
	if (size == 1)
		*address = (uint8_t)value;
	else if (size == 2)
		*(volatile uint16_t *)(volatile void *)address = (uint16_t)value;
	else
		*(volatile uint32_t *)(volatile void *)address = value;
}
