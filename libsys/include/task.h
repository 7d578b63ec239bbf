/* SPDX-License-Identifier: Apache-2.0 */
/* What this server was given: look-ups in the area of <proto/task.h>. */
#pragma once

#include <proto/task.h>

/* The area; checked before main runs. */
const struct task_info *task_info(void);

/* The resource of this name and kind, or NULL. */
const struct task_resource *task_find(const char *name, enum task_resource_kind kind);

/* The slot of a capability, or 0 if it was not given. */
cptr_t task_cap(const char *name);

/* Mapped memory; *size may be NULL. NULL if it was not given. */
void *task_memory(const char *name, size_t *size);

/* A number, or `otherwise`. */
uint64_t task_value(const char *name, uint64_t otherwise);

/* A string, or `otherwise`. */
const char *task_string(const char *name, const char *otherwise);

/* Ends this task by a fault that its supervisor sees, with a line in the log first. For a broken invariant of our own only. */
_Noreturn void task_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
