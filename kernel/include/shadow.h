/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debug builds: a record of what each hart's TLB may hold, kept beside the fences, and checks of it. Emulators flush more than
 * they are told, so a missing fence shows here only. All functions panic if what they say does not hold.
 */
#pragma once

#include "tag.h"

#ifdef SERAI_DEBUG
#define SHADOW(declaration) declaration;
#else
#define SHADOW(declaration) static inline __attribute__((unused)) declaration {}
#endif

#ifndef SERAI_DEBUG
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#endif

SHADOW(void shadow_reset(void))

/* The hart translates by this space under this number, and by no other one under it since it forgot that. */
SHADOW(void shadow_loaded(const struct hart *hart, const struct space *space, uint32_t number))

/* The space's tables changed here: what harts hold of it is stale, until it is flushed. size UINT64_MAX: everywhere. */
SHADOW(void shadow_changed(const struct space *space, uint64_t at, uint64_t size))

/* Beside the fence itself: these harts (bits) forgot the translations of this number, or TAG_ALL. */
SHADOW(void shadow_flushed(enum space_kind kind, uint32_t on, uint32_t number, uint64_t at, uint64_t size))

/* Between both calls: what this hart flushes, and is not loaded, is not there any more, under no number. */
SHADOW(void shadow_forgets(const struct hart *hart, bool begin))

/* No hart holds a stale translation of this space. */
SHADOW(void shadow_flush_done(const struct space *space))

/* No hart holds any translation of it. */
SHADOW(void shadow_space_gone(const struct space *space))

/* No hart holds a stale translation of any space: memory is given out again. */
SHADOW(void shadow_memory_reused(void))

/* The guest's own translations under this number are of this vCPU's last stay, or there are none. */
SHADOW(void shadow_guest_loaded(const struct hart *hart, uint32_t number, const struct vcpu *vcpu))
SHADOW(void shadow_guest_flushed(const struct hart *hart, uint32_t number))

/* A new vCPU: what harts hold of one that was at the same address is not its own. */
SHADOW(void shadow_guest_new(const struct vcpu *vcpu))

#ifndef SERAI_DEBUG
#pragma GCC diagnostic pop
#endif
#undef SHADOW
