/* SPDX-License-Identifier: Apache-2.0 */
/* Panic, and the debug log. */
#pragma once

#include <stdarg.h>

#include "types.h"

/* A broken invariant of the kernel itself. Nothing that a task or guest does may lead here. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* printf of %s %c %u %d %x %lx %lu %p to the firmware's console. */
void kprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void kvprintf(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

#ifdef SERAI_DEBUG
#define assert(condition) ((condition) ? (void)0 : panic("%s:%d: %s", __FILE__, __LINE__, #condition))
#else
#define assert(condition) ((void)sizeof(condition))
#endif
