/* SPDX-License-Identifier: Apache-2.0 */
/* From the reason of a guest exit to what answers it. */
#pragma once

#include <libsys/syscalls.h>
#include "vcpu.h"

/* Handles one exit; the vCPU can run on afterwards. */
void exit_handle(struct vcpu *vcpu, const struct vcpu_exit_info *exit);
