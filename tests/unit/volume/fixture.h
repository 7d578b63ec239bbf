/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka with what it needs before it, and volumes on fake disks. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <volume.h>

#include "fake_disk.h"
#include "volumes.h"

#define TEST(module, what) static void module##_##what(void **state __attribute__((unused)))
#define RUN(module, what) { #module " " #what, module##_##what, NULL, NULL, NULL }
