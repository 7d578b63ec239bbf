/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the hostile payload; each does its worst and returns, unless it says otherwise. */
#pragma once

#include "payload.h"

void hostile_csr(void);  /* every CSR: read, and written with several patterns */
void hostile_priv(void); /* every privileged instruction, in S-mode and in user mode */
void hostile_mmio(void); /* loads and stores of every form over devices, holes and beyond */
void hostile_mmio_float(void); /* the same by floating-point instructions */
void hostile_amo(void);  /* atomic and misaligned accesses to devices and across the end of RAM */
void hostile_jump(void); /* execution outside of RAM */
void hostile_sbi(void);  /* firmware calls with random arguments */
void hostile_disk(void); /* rings and registers of a virtio block device; needs one */
void hostile_isr(void);  /* page, BAR and interrupt line of a virtio block device; needs one */
void hostile_net(void);  /* the same of a NIC, and its commands; needs one, and a guest beside that answers */
void hostile_ptw(void);  /* page tables outside of RAM */
void hostile_ptw_root(void); /* never returns: the root table outside of RAM, so no instruction can be fetched */
void hostile_crash(void);    /* never returns: shutdown for a failure */
void hostile_crash2(void);   /* never returns: a trap vector outside of RAM, then a trap */
void hostile_flood(void);    /* never returns: output for ever */
void hostile_reboot(void);   /* never returns: asks for a cold reboot as soon as it runs */
void hostile_spin(void);     /* never returns: a busy loop */

/* Runs `count` instruction words, then `ret`, from a buffer, with a0 = argument; in user mode if `user`. Traps are skipped. */
void hostile_run(const uint32_t *words, unsigned count, uint64_t argument, bool user);

/* Memory that instructions may damage. */
extern uint64_t hostile_scratch[512];

/* An address outside of RAM: device, hole, or beyond. */
uint64_t hostile_address(void);
