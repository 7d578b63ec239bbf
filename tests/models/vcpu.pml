/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One vCPU, run by threads on two harts in turn, kicked twice with different bits by a third hart, destroyed by a fourth, or not. The
 * threads enter the guest, idle in WFI, exit to their VMM. Their states lie behind store buffers.
 * Checks: no bit is lost while somebody runs the guest or idles in it, the guest's registers are in one hart, nobody touches
 * the vCPU after its memory was given out, a claim is given back.
 *
 * MUTANTS: NO_FENCE_IDLE NO_FENCE_KICK LATE_CLAIM NO_IPI DEAD_IS_FREE LATE_SEVER NO_SAVE NO_GRACE KEEP_CLAIM
 */
#define HARTS 2 /* with store buffers: the runners' */
#define WORDS 2
#define RUNNERS 2

#include "harts.h"

#define HART_KICKER 2

/* Of a thread, in memory[the hart it runs on]. */
#define RUNNING 0
#define IDLE 1
#define WOKEN 2

/* Who claimed the vCPU: a runner's hart, or: */
#define NOBODY 8
#define DEAD 9

mtype = { NOTHING, SAVE, SEVER, GRACE };

byte claimed = NOBODY;
byte live = NOBODY;         /* whose hart's registers hold the guest */
byte raised;                /* all bits kicked */
byte kicks;                 /* those not yet merged */
byte pending, delivered;    /* in the shared page; what the guest saw */
bool slot = true, freed;
bool inside[RUNNERS];       /* thread->vcpu is set */
bool in_guest[RUNNERS];
bool inbox[RUNNERS], ipi[RUNNERS];
mtype asked[3] = NOTHING;
bool capability_lock;

#define TOUCH assert(!freed)

/* On a runner's hart, outside the kernel. One step, because the order within the IPI's trap is the matter of other models. */
inline trap(me)
{
	atomic {
		ipi[me] = false;
		in_guest[me] = false;
		if
		:: asked[me] == SAVE -> TOUCH; assert(live == me); live = NOBODY
		:: asked[me] == SEVER ->
#ifndef LATE_SEVER
		   inside[me] = false;
#endif
		   if
		   :: live == me -> live = NOBODY
		   :: else
		   fi;
		   if
		   :: memory[me] == IDLE -> memory[me] = WOKEN; inbox[me] = true; ipi[me] = true
		   :: else
		   fi
		:: else
		fi;
		asked[me] = NOTHING
	}
}

inline ask(hart, what)
{
	atomic {
		asked[hart] = what;
		if
		:: hart < RUNNERS -> ipi[hart] = true
		:: else
		fi
	};
	asked[hart] == NOTHING
}

/* The runner leaves the vCPU; one that is dead stays dead. */
inline give_back(me)
{
	if
	:: claimed == me -> claimed = NOBODY
	:: else
	fi;
	inside[me] = false
}

proctype runner(byte me; byte runs; bool waited)
{
	byte seen, source;
	bool stays;

	if
	:: !waited -> stays = true /* never exits to the VMM */
	:: !waited -> stays = true; waited = true /* nor idles */
	:: true
	fi;

end_user:
	do
	:: ipi[me] -> trap(me)
	:: !ipi[me] && runs > 0 ->
	   runs--;
	   if
	   :: !slot -> goto end_user
	   :: slot
	   fi;
#ifdef LATE_CLAIM
	   seen = kicks;
#endif
	   if
	   :: atomic {
		claimed == NOBODY || claimed == me ->
		TOUCH;
		assert(claimed != me);
		claimed = me;
		inside[me] = true
	      }
	   :: claimed != NOBODY && claimed != me -> goto end_user /* busy, or dead */
	   fi;
#ifndef NO_SAVE
	   if
	   :: live == NOBODY || live == me
	   :: else ->
	      if
	      :: atomic { !capability_lock -> capability_lock = true };
		 source = live; /* it may have been saved, or the vCPU destroyed, meanwhile */
		 if
		 :: source == NOBODY
		 :: else -> ask(source, SAVE)
		 fi;
		 source = 0;
		 capability_lock = false
	      :: atomic {
			asked[me] != NOTHING -> /* gives up and starts again */
#ifndef KEEP_CLAIM
			give_back(me);
#endif
			runs++
		 };
		 goto end_user
	      fi
	   fi;
#endif
	   if
	   :: atomic { claimed == me -> assert(live == NOBODY || live == me); live = me }
	   :: atomic { claimed != me -> inside[me] = false }; goto end_user
	   fi;
#ifdef LATE_CLAIM
	   goto merge;
#endif
enter:
	   atomic { TOUCH; seen = kicks };
merge:
	   if
	   :: atomic { seen != 0 -> TOUCH; pending = pending | kicks; kicks = 0; seen = 0 }
	   :: else
	   fi;
	   atomic {
		assert(live == me || claimed == DEAD);
		in_guest[me] = true;
		delivered = delivered | pending
	   };
end_guest:
	   if
	   :: ipi[me] ->
	      trap(me);
	      if
	      :: inside[me] -> goto enter
	      :: else
	      fi
	   :: !ipi[me] && !waited -> /* WFI */
	      atomic {
		TOUCH;
		waited = true;
		in_guest[me] = false;
		STORE(me, me, IDLE)
	      };
#ifndef NO_FENCE_IDLE
	      FENCE(me);
#endif
	      if
	      :: kicks != 0 ->
		 FENCE(me);
		 if
		 :: atomic { memory[me] == IDLE -> memory[me] = RUNNING }; goto enter
		 :: memory[me] != IDLE /* somebody else woke it */
		 fi
	      :: else
	      fi;
	      FENCE(me); /* some time later */
end_idle:
	      do
	      :: ipi[me] ->
		 trap(me);
		 if
		 :: atomic { inbox[me] -> inbox[me] = false; assert(memory[me] == WOKEN); memory[me] = RUNNING };
		    if
		    :: inside[me] -> goto enter
		    :: else -> break
		    fi
		 :: !inbox[me]
		 fi
	      od
	   :: !ipi[me] && !stays -> /* to the VMM */
	      atomic {
		TOUCH;
		in_guest[me] = false;
		give_back(me)
	      }
	   fi
	od
}

inline look(who, state)
{
	who = claimed;
	if
	:: who < RUNNERS -> state = memory[who]
	:: else
	fi
}

inline kick(bits, who, state)
{
#ifdef NO_FENCE_KICK
	look(who, state);
	atomic { TOUCH; kicks = kicks | bits; raised = raised | bits };
#else
	atomic { TOUCH; kicks = kicks | bits; raised = raised | bits };
	atomic { TOUCH; look(who, state) };
#endif
	if
	:: who < RUNNERS && state == IDLE ->
	   if
	   :: atomic { memory[who] == IDLE -> memory[who] = WOKEN; inbox[who] = true; ipi[who] = true }
	   :: memory[who] != IDLE
	   fi
	:: who < RUNNERS && state != IDLE ->
#ifndef NO_IPI
	   ipi[who] = true
#else
	   skip
#endif
	:: who >= RUNNERS
	fi;
	who = NOBODY;
	state = RUNNING
}

proctype kicker()
{
	byte rounds, who = NOBODY, state;

end:
	do
	:: asked[HART_KICKER] != NOTHING -> asked[HART_KICKER] = NOTHING
	:: rounds < 2 && slot -> rounds++; kick(rounds, who, state)
	od
}

/* Destroys the vCPU, or asks for something else. */
proctype manager()
{
	byte was, holder;

	atomic { !capability_lock -> capability_lock = true };
	if
	:: ask(0, GRACE)
	:: ask(1, GRACE)
	:: slot = false;
#ifdef DEAD_IS_FREE
	   atomic { was = claimed; claimed = NOBODY };
#else
	   atomic { was = claimed; claimed = DEAD };
#endif
	   if
	   :: was < RUNNERS -> ask(was, SEVER)
	   :: else
	   fi;
	   holder = live;
	   if
	   :: holder < RUNNERS -> ask(holder, SEVER)
	   :: else
	   fi;
#ifndef NO_GRACE
	   ask(0, GRACE);
	   ask(1, GRACE);
	   ask(HART_KICKER, GRACE);
#endif
	   freed = true
	fi;
	capability_lock = false
}

init {
	atomic {
		run runner(0, 2, false);
		run runner(1, 1, true); /* does not idle */
		run kicker();
		run manager()
	}
	timeout;
	assert(!capability_lock);
	assert((kicks | pending) == raised);
	assert(freed || claimed == NOBODY || delivered == raised)
}
