/* SPDX-License-Identifier: Apache-2.0 */
#include <libsys/entry.h>
#include <libsys/log.h>
#include <libsys/task.h>

#include "task_private.h"

_Noreturn void task_entry(const void *information)
{
	const struct task_info *info = information;

	if (info->magic != TASK_INFO_MAGIC || info->version != SERAI_ABI_VERSION || info->resources > TASK_RESOURCES_MAX)
		__builtin_trap();
	task_set_info(info);
	heap_set(info->heap, info->heap_size);
	task_fail("main returned %d", main());
}
