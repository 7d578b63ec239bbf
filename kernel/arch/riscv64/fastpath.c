/* SPDX-License-Identifier: Apache-2.0 */
/* What the short paths of entry.S leave to C. */

#include <notification.h>

#include "riscv.h"

_Noreturn void wake_and_leave(struct notification *notification, struct hart *hart)
{
	notification_wake(notification);
	leave_kernel(hart);
}

_Noreturn void signal_and_switch(struct thread *thread, struct notification *notification)
{
	thread->arch.registers[10] = ERR_OK;
	wake_and_leave(notification, thread->arch.hart);
}
