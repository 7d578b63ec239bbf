/* SPDX-License-Identifier: Apache-2.0 */
/* Between the start code and the look-ups. */
#pragma once

#include <libsys/task.h>

/* Call before the look-ups. */
void task_set_info(const struct task_info *info);
