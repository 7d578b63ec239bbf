/* SPDX-License-Identifier: Apache-2.0 */
/* Handles of the environment for the proofs. */
#pragma once

/* The place of the untyped that may be zeroed now. */
extern unsigned zeroing;
