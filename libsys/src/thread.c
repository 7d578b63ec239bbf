/* SPDX-License-Identifier: Apache-2.0 */
#include <libsys/thread.h>

#include <string.h>

#include <libsys/invoke.h>

#include "thread_private.h"

/* From the linker's map: thread-local storage, all zeroes at start. */
extern const uint8_t __tls_base[], __tls_end[];

enum err thread_start(cptr_t thread, void *stack, size_t size, void (*run)(void *), void *argument)
{
	size_t storage = (size_t)(__tls_end - __tls_base);
	uint64_t end = (uint64_t)(uintptr_t)stack + size;
	uint64_t local = (end - storage) & ~(uint64_t)63;
	struct thread_begin *begin = (struct thread_begin *)(uintptr_t)(local - sizeof(struct thread_begin));
	enum err err;

	memset((void *)(uintptr_t)local, 0, storage);
	*begin = (struct thread_begin){ .local = local, .run = run, .argument = argument };
	err = thread_write_registers(thread, (uint64_t)(uintptr_t)thread_enter, (uint64_t)(uintptr_t)begin,
				     (uint64_t)(uintptr_t)begin);
	return err ? err : thread_resume(thread);
}
