/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway, as the root task sees it: a client of the net server like a VMM, with RAM, sessions and no guest (docs/network.md). Its RAM is
 * one block that is never used for anything else, so its end needs to wait for nobody.
 */
#pragma once

#include <abi/types.h>

struct backend;
struct task;

/* Makes its memory and its notification, if the system has one. Once, after the channels. */
void gateway_init(void);

/* Starts it, after the net server and before guests. */
void gateway_start(void);

/* Number of its channel in root.channel; 0: there is no gateway. */
unsigned gateway_channel(void);

/* Ends it after a fault; gateway_tick starts it again. */
void gateway_fault(void);
void gateway_tick(void);

/* Makes it fault, for tests. ERR_INVALID_CAP: it does not run. */
enum err gateway_kill(void) __attribute__((warn_unused_result));

/* What a new net server is given of it, and how many capabilities that keeps: its RAM, and the ways to wake it. */
enum err gateway_give(struct backend *net) __attribute__((warn_unused_result));
uint64_t gateway_hold(const struct backend *net);

/* The console's resource of it, one page, if there is a gateway. */
enum err gateway_give_console(struct task *console) __attribute__((warn_unused_result));

/* Bytes that it takes. */
uint64_t gateway_bytes(void);
