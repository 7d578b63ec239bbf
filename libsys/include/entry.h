/* SPDX-License-Identifier: Apache-2.0 */
/* The way from _start to main. The root task, which starts differently, brings its own task_entry. */
#pragma once

#include <abi/types.h>

/* Called by _start with the address of the information area (struct task_info; root task: struct root_info). */
_Noreturn void task_entry(const void *information);

/* Memory for malloc: call once before it. Without, malloc fails. */
void heap_set(uint64_t address, uint64_t size);

/* The program. Its return ends the task as a fault. */
int main(void);
