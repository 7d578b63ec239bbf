/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that waits in an endpoint's queue, with or without a deadline, on hart 0: claimed by a sender on hart 1 (a passive
 * server moves there), timed out by its own hart, destroyed by a third hart while the others stand still. It receives twice.
 * Checks: it is in one place at a time, a wait that has no deadline does not time out, nothing is in transit while all stand
 * still, no hart touches the thread after its memory was given out.
 *
 * MUTANTS: NO_ROUND CLEAR_FIRST MOVE_WITH_DEADLINE TOUCH_AFTER_UNLOCK NO_FORWARD
 */
#define HARTS 2

mtype = { READY, RECEIVING, CLAIMED, STOPPED };
mtype = { NOT_ASKED, TO_STOP, HART_STOPPED, TO_SETTLE, TO_RUN };

/* The thread. */
mtype state = READY;
byte hart_of, deadline_hart;
bool passive = true;    /* it has no scheduling context */
bool in_queue;          /* of the endpoint */
bool has_deadline;
bool impatient;         /* this wait has a deadline */
bool freed;             /* its memory was given out */

bool deadlines[HARTS];  /* the thread stands in that hart's list */
bool runs[HARTS];       /* it is that hart's: in its ready queue or current */
bool inbox[HARTS];
bool ipi[HARTS];
bool locked;            /* the endpoint */
mtype asked[HARTS] = NOT_ASKED;

#define LOCK_ENDPOINT atomic { !locked -> locked = true }
#define UNLOCK_ENDPOINT locked = false

inline push(target)
{
	atomic {
		assert(!freed);
		assert(!inbox[0] && !inbox[1]);
		inbox[target] = true;
		ipi[target] = true
	}
}

inline clear_deadline(hart)
{
	atomic {
		assert(!freed);
		if
		:: has_deadline ->
		   assert(deadline_hart == hart);
		   deadlines[hart] = false;
		   has_deadline = false
		:: else
		fi
	}
}

/* A claimed thread is at a hart: of its deadline, or its own. */
inline arrive(hart)
{
	clear_deadline(hart);
	if
#ifndef NO_FORWARD
	:: hart_of != hart -> push(hart_of)
	:: hart_of == hart ->
#else
	:: true ->
#endif
	   atomic {
		assert(!freed && state == CLAIMED && hart_of == hart);
		assert(!runs[0] && !runs[1] && !deadlines[0] && !deadlines[1]);
		state = READY;
		runs[hart] = true
	   }
	fi
}

inline collect(hart)
{
	if
	:: atomic { inbox[hart] -> inbox[hart] = false }; arrive(hart)
	:: !inbox[hart]
	fi
}

/* Whoever claimed it sends it on its way. */
inline wake(hart, target)
{
	if
	:: has_deadline -> target = deadline_hart
	:: !has_deadline -> target = hart_of
	fi;
#ifdef MOVE_WITH_DEADLINE
	target = hart_of;
#endif
	if
	:: target == hart -> arrive(hart)
	:: target != hart -> push(target)
	fi;
	target = 0
}

inline set_deadline(hart)
{
	if
	:: impatient = true; deadlines[hart] = true; deadline_hart = hart; has_deadline = true
	:: impatient = false
	fi
}

/* The current thread, on its hart. Nothing of it is touched after the unlock. */
inline receive(hart)
{
	LOCK_ENDPOINT;
	atomic {
		assert(!freed);
		runs[hart] = false;
		state = RECEIVING;
		in_queue = true;
#ifndef TOUCH_AFTER_UNLOCK
		set_deadline(hart)
#endif
	};
	UNLOCK_ENDPOINT;
#ifdef TOUCH_AFTER_UNLOCK
	atomic { assert(!freed && hart_of == hart); set_deadline(hart) }
#endif
}

/* The deadline in this hart's list passed: a claim, and only then the list, because who claims a thread with a deadline sends it here. */
inline time_out(hart, target)
{
#ifdef CLEAR_FIRST
	atomic { state == RECEIVING -> clear_deadline(hart) };
#endif
	LOCK_ENDPOINT;
	if
	:: in_queue ->
	   assert(impatient);
	   in_queue = false;
	   state = CLAIMED;
	   UNLOCK_ENDPOINT;
	   wake(hart, target)
	:: else ->
	   UNLOCK_ENDPOINT;
#ifndef CLEAR_FIRST
	   clear_deadline(hart)
#endif
	fi
}

/* A sender on this hart. */
inline send(hart, target)
{
	LOCK_ENDPOINT;
	if
	:: in_queue ->
	   assert(!freed);
	   in_queue = false;
	   state = CLAIMED;
	   UNLOCK_ENDPOINT;
	   if
	   :: passive -> atomic { passive = false; hart_of = hart }
	   :: else
	   fi;
	   wake(hart, target)
	:: else -> UNLOCK_ENDPOINT
	fi
}

/* What hart 2 wants, while all stand still. */
inline stop(hart)
{
	atomic {
		assert(!freed && !locked);
		assert(state != CLAIMED && !inbox[0] && !inbox[1]);
		assert(hart_of == hart);
		runs[hart] = false;
		in_queue = false;
		clear_deadline(hart);
		state = STOPPED
	}
}

/* The IPI's trap from user mode: the hart takes in its inbox, does what is asked, and stands still as long as that is wanted. */
inline interrupted(hart)
{
	do
	:: asked[hart] == NOT_ASKED -> collect(hart); break
	:: asked[hart] == TO_STOP || asked[hart] == TO_SETTLE -> collect(hart); asked[hart] = HART_STOPPED
	:: asked[hart] == TO_RUN -> collect(hart); stop(hart); asked[hart] = HART_STOPPED
	:: asked[hart] == HART_STOPPED -> collect(hart); asked[hart] != HART_STOPPED || inbox[hart]
	od
}

/* Each turn of the loop is one entry of the kernel. */
proctype hart(byte me)
{
	byte receives, sends, target;

end:
	do
	:: atomic { ipi[me] -> ipi[me] = false };
	   interrupted(me)
	:: runs[me] && receives < 2 ->
	   receives++;
	   receive(me)
	:: deadlines[me] && state != READY -> time_out(me, target)
	:: me == 1 && sends < 2 ->
	   sends++;
	   send(me, target)
	od
}

/*
 * Once all stand still, what was pushed meanwhile still moves: to the hart of its deadline, and from there to its own, which takes
 * it in before it does what is asked.
 */
inline settle()
{
	asked[1] = TO_SETTLE; /* the worst order: the thread may have to go from 0 to 1 */
	asked[1] == HART_STOPPED;
	asked[0] = TO_SETTLE;
	asked[0] == HART_STOPPED
}

/* Holds the capability lock. */
proctype manager()
{
	byte target;

	atomic { asked[0] = TO_STOP; ipi[0] = true };
	atomic { asked[1] = TO_STOP; ipi[1] = true };
	asked[0] == HART_STOPPED && asked[1] == HART_STOPPED;
#ifndef NO_ROUND
	settle();
#endif
	target = hart_of;
	asked[target] = TO_RUN;
	asked[target] == HART_STOPPED;
	atomic {
		assert(!inbox[0] && !inbox[1] && !deadlines[0] && !deadlines[1] && !runs[0] && !runs[1] && !in_queue);
		freed = true
	};
	asked[0] = NOT_ASKED;
	asked[1] = NOT_ASKED
}

init {
	atomic {
		runs[0] = true;
		run hart(0);
		run hart(1);
		run manager()
	}
	timeout;
	assert(freed)
}
