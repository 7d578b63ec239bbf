/* SPDX-License-Identifier: Apache-2.0 */
/* Further threads of this task, which its supervisor made and handed over. They share all memory and capabilities. */
#pragma once

#include <abi/types.h>

/*
 * Lets a stopped thread run run(argument), which must not return. stack: fresh memory of `size` bytes, of which the end is
 * taken for the thread's local storage. Errors as those of thread_write_registers and thread_resume.
 */
enum err thread_start(cptr_t thread, void *stack, size_t size, void (*run)(void *), void *argument)
	__attribute__((warn_unused_result));
