/* SPDX-License-Identifier: Apache-2.0 */
/* The two services of the firmware that the loader uses. Source: RISC-V SBI specification. */
#pragma once

/* Writes a string to the firmware's console (legacy extension 1, which every firmware has). */
void sbi_print(const char *text);

/* Powers the machine off and reports a failure (extension SRST). */
_Noreturn void sbi_fail(void);
