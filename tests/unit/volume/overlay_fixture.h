/* SPDX-License-Identifier: Apache-2.0 */
/* An overlay for each test: on disk 0, with disk 1 as its store. */
#pragma once

#include "fixture.h"

#include <proto/overlay.h>

#define CLUSTER 128u /* sectors */
#define BASE (1000u * CLUSTER + 5) /* two pages of a map */
#define STORE 200u                 /* clusters */

extern struct volume *overlay;
extern uint8_t data[4u << 20]; /* what is written */

int overlay_begin_test(void **state);
int overlay_end_test(void **state);
/* An operation on snapshots, and its answer: empty if it went well. */
const char *operate(enum block_operation operation, const char *name);
/* Opens all volumes again: the overlay is ready, or has failed with this problem. */
void open_ready(void);
void assert_failed(const char *problem);
/* Transfers that go well, and what is read. */
void write_ok(uint64_t sector, uint32_t sectors);
void flush_ok(void);
void assert_data(uint64_t sector, uint32_t sectors, const void *expected);
void assert_zero(uint64_t sector, uint32_t sectors);
void assert_base(uint64_t sector, uint32_t sectors);

#define RUN_OVERLAY(module, what) { #module " " #what, module##_##what, overlay_begin_test, overlay_end_test, NULL }
