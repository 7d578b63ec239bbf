/* SPDX-License-Identifier: Apache-2.0 */
/* System calls: from the trap entry to the objects. */
#pragma once

#include "objects.h"

/* Carries out system call `number` of the current thread, whose message registers hold arguments and take the answer. */
void syscall_handle(struct thread *thread, uint64_t number);

/* `invoke`: words[0] capability, words[1] operation, words[2..6] arguments. ERR_RESTART: interrupted, nothing lost. */
enum err invoke_handle(struct thread *thread, uint64_t *words) must_check;
