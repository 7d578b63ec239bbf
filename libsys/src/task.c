/* SPDX-License-Identifier: Apache-2.0 */
#include <libsys/task.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libsys/log.h>

#include "task_private.h"

static const struct task_info *info;

void task_set_info(const struct task_info *new_info)
{
	info = new_info;
}

const struct task_info *task_info(void)
{
	return info;
}

const struct task_resource *task_find(const char *name, enum task_resource_kind kind)
{
	for (uint32_t i = 0; info && i < info->resources; i++) {
		const struct task_resource *resource = &info->resource[i];

		if (resource->kind == (uint32_t)kind && strncmp(resource->name, name, sizeof(resource->name)) == 0)
			return resource;
	}
	return NULL;
}

cptr_t task_cap(const char *name)
{
	const struct task_resource *resource = task_find(name, TASK_CAP);

	return resource ? (cptr_t)resource->value : 0;
}

void *task_memory(const char *name, size_t *size)
{
	const struct task_resource *resource = task_find(name, TASK_MEMORY);

	if (!resource)
		return NULL;
	if (size)
		*size = resource->size;
	return (void *)(uintptr_t)resource->address;
}

uint64_t task_value(const char *name, uint64_t otherwise)
{
	const struct task_resource *resource = task_find(name, TASK_VALUE);

	return resource ? resource->value : otherwise;
}

const char *task_string(const char *name, const char *otherwise)
{
	const struct task_resource *resource = task_find(name, TASK_STRING);

	if (!resource || resource->value >= TASK_STRINGS_MAX)
		return otherwise;
	return &info->strings[resource->value];
}

_Noreturn void task_fail(const char *format, ...)
{
	char text[200];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	log_error("%s", text);
	__builtin_trap();
}
