/* SPDX-License-Identifier: Apache-2.0 */
/* How a guest's life ends. On the target none of these returns: the root task deletes the caller. */
#pragma once

#include <proto/root.h>

void vmm_poweroff(void);
void vmm_reboot(void);
void vmm_crash(enum vmm_crash reason);
