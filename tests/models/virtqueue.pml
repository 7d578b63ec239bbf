/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtqueue of two entries: the driver adds buffers, one or two at a time, and takes what came back; the device serves them, and
 * tells of one or two at a time. Each sleeps until the other rings. By flags, or by event index. Two harts with store buffers.
 * Checks: all buffers pass, so nobody sleeps for ever; the device finds each entry filled.
 *
 * MUTANTS: NO_FENCE_KICK NO_FENCE_WAIT NO_FENCE_INTERRUPT NO_FENCE_NOTIFY NO_SECOND_LOOK DRIVER_NO_SECOND_LOOK INDEX_EARLY LOADS_SWAPPED LATE_EVENT
 */
#define HARTS 2
#define WORDS 6
#define BUFFERS 4
#define SIZE 2

/* Words: the rings' indices; what each side asks for, an event index or a flag for silence; the newest entry. */
#define AVAILABLE 0
#define USED 1
#define AVAILABLE_ASK 2
#define USED_ASK 3
#define ENTRY 4
#define NOWHERE 5

#include "harts.h"

/* Harts by what runs there. */
#define DRIVER 0
#define DEVICE 1

bool events;          /* event index was agreed */
bool bell, interrupt; /* pending */

/* Rings if the other side asks for what happened from `before` to `after`. */
inline ring(hart, line, ask, before, after)
{
	asked = memory[ask];
	if
	:: events && asked >= before && asked < after -> FENCE(hart); line = true
	:: !events && asked == 0 -> FENCE(hart); line = true
	:: else
	fi
}

proctype driver()
{
	byte added, taken, before, asked, seen;

	do
	:: taken == BUFFERS -> break
	:: added < BUFFERS && added - taken < SIZE ->
	   before = added;
	   added++;
	   if
	   :: added < BUFFERS && added - taken < SIZE -> added++
	   :: skip
	   fi;
#ifdef INDEX_EARLY
	   STORE(DRIVER, AVAILABLE, added);
	   STORE(DRIVER, ENTRY, added);
#else
	   STORE(DRIVER, ENTRY, added);
	   STORE(DRIVER, AVAILABLE, added);
#endif
#ifndef NO_FENCE_KICK
	   FENCE(DRIVER);
#endif
	   ring(DRIVER, bell, AVAILABLE_ASK, before, added)
	:: taken < BUFFERS ->
	   seen = memory[USED];
	   assert(seen <= added);
	   if
	   :: seen > taken ->
	      taken++;
	      if
	      :: !events -> STORE(DRIVER, USED_ASK, 1)
	      :: else
	      fi
	   :: else ->
	      if
	      :: events -> STORE(DRIVER, USED_ASK, taken)
	      :: else -> STORE(DRIVER, USED_ASK, 0)
	      fi;
#ifndef NO_FENCE_WAIT
	      FENCE(DRIVER);
#endif
	      seen = memory[USED];
#ifdef DRIVER_NO_SECOND_LOOK
	      seen = taken;
#endif
	      if
	      :: seen == taken && (added == BUFFERS || added - taken == SIZE) -> interrupt; interrupt = false
	      :: else
	      fi
	   fi
	od
}

proctype device()
{
	byte served, before, asked, seen, entry;

	do
	:: served == BUFFERS -> break
	:: else ->
#ifdef LOADS_SWAPPED
	   entry = memory[ENTRY];
	   seen = memory[AVAILABLE];
#else
	   seen = memory[AVAILABLE];
	   entry = memory[ENTRY];
#endif
	   if
	   :: seen > served ->
	      assert(entry >= seen);
	      before = served;
	      served++;
	      if
	      :: seen > served -> served++
	      :: skip
	      fi;
	      STORE(DEVICE, USED, served);
#ifndef NO_FENCE_INTERRUPT
	      FENCE(DEVICE);
#endif
	      ring(DEVICE, interrupt, USED_ASK, before, served);
	      /* At work, it wants no bell: an event index is just left behind. */
	      if
	      :: !events -> STORE(DEVICE, AVAILABLE_ASK, 1)
	      :: skip
	      fi
	   :: else ->
	      if
#ifdef LATE_EVENT
	      :: events -> STORE(DEVICE, AVAILABLE_ASK, served + 1)
#else
	      :: events -> STORE(DEVICE, AVAILABLE_ASK, served)
#endif
	      :: else -> STORE(DEVICE, AVAILABLE_ASK, 0)
	      fi;
#ifndef NO_FENCE_NOTIFY
	      FENCE(DEVICE);
#endif
	      seen = memory[AVAILABLE];
#ifdef NO_SECOND_LOOK
	      seen = served;
#endif
	      if
	      :: seen == served -> bell; bell = false
	      :: else
	      fi
	   fi
	od
}

init {
	atomic {
		if
		:: events = true
		:: events = false
		fi;
		run driver();
		run device()
	}
}
