/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that waits in an endpoint's queue with a deadline, on hart 0: claimed by a sender on hart 1 (a passive server moves
 * there), timed out by its own hart, given a scheduling context and then destroyed by hart 2, which asks the thread's hart and
 * lets a grace period pass. The thread receives twice.
 * Checks: it is in one place at a time, it has one context, no hart touches its memory after that was given out.
 *
 * MUTANTS: STOP_IN_TRANSIT MOVE_WITH_DEADLINE TOUCH_AFTER_UNLOCK BIND_WITHOUT_LOCK NO_FORWARD HART_BEFORE_LOCK
 */
#define HARTS 2

mtype = { READY, RECEIVING, CLAIMED, STOPPED };
mtype = { NOTHING, STOP, BIND, GRACE };
mtype = { DONE, AGAIN };
mtype = { NO_CONTEXT, OWN_CONTEXT, LENT_CONTEXT };

/* The thread. */
mtype state = READY;
byte hart_of;
mtype context;
bool in_queue;          /* of the endpoint */
bool has_deadline;
bool freed;             /* its memory was given out */

bool deadlines[HARTS];  /* the thread stands in that hart's list */
bool runs[HARTS];       /* it is that hart's: in its ready queue or current */
bool inbox[HARTS];
bool ipi[HARTS];
bool locked;            /* the endpoint */
mtype question[HARTS] = NOTHING;
mtype answer;

/* Under the lock: it waits, and has not been on another hart and come back to the queue since. */
#ifdef HART_BEFORE_LOCK
#define STILL_MINE(hart) in_queue
#else
#define STILL_MINE(hart) (in_queue && hart_of == hart)
#endif

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

inline make_ready(hart)
{
	atomic {
		assert(!freed && state == CLAIMED && hart_of == hart);
		assert(!runs[0] && !runs[1]);
		state = READY;
		runs[hart] = true
	}
}

inline clear_deadline(hart)
{
	atomic {
		assert(!freed);
		deadlines[hart] = false;
		has_deadline = false
	}
}

inline drain(hart)
{
	if
	:: atomic { inbox[hart] -> inbox[hart] = false };
	   if
	   :: deadlines[hart] -> clear_deadline(hart)
	   :: else
	   fi;
	   if
	   :: state == STOPPED /* only a mutant stops a thread in transit */
#ifdef NO_FORWARD
	   :: state != STOPPED -> make_ready(hart)
#else
	   :: state != STOPPED && hart_of == hart -> make_ready(hart)
	   :: state != STOPPED && hart_of != hart -> push(hart_of)
#endif
	   fi
	:: !inbox[hart]
	fi
}

/* The current thread, on its hart: recv with a timeout. */
inline receive(hart)
{
	LOCK_ENDPOINT;
	atomic {
		assert(!freed);
		runs[hart] = false;
		state = RECEIVING;
		in_queue = true;
#ifndef TOUCH_AFTER_UNLOCK
		if
		:: deadlines[hart] = true; has_deadline = true
		:: skip
		fi
#endif
	};
	UNLOCK_ENDPOINT;
#ifdef TOUCH_AFTER_UNLOCK
	atomic {
		assert(!freed && hart_of == hart);
		deadlines[hart] = true;
		has_deadline = true
	}
#endif
}

inline time_out(hart)
{
	if
	:: state == RECEIVING ->
	   LOCK_ENDPOINT;
	   if
	   :: STILL_MINE(hart) ->
	      in_queue = false;
	      state = CLAIMED;
	      UNLOCK_ENDPOINT;
	      clear_deadline(hart);
	      make_ready(hart)
	   :: else -> UNLOCK_ENDPOINT
	   fi
	:: else
	fi
}

/* A sender on this hart. */
inline send(hart, old_hart, passive, late)
{
	LOCK_ENDPOINT;
	if
	:: in_queue ->
	   atomic {
		assert(!freed);
		in_queue = false;
		state = CLAIMED;
		old_hart = hart_of;
		late = has_deadline;
		passive = (context == NO_CONTEXT)
	   };
	   if
	   :: passive ->
	      context = LENT_CONTEXT;
	      hart_of = hart
	   :: else
	   fi;
	   UNLOCK_ENDPOINT;
#ifdef MOVE_WITH_DEADLINE
	   late = false;
#endif
	   if
	   :: !late && hart_of == hart -> make_ready(hart)
	   :: else -> push(old_hart)
	   fi
	:: else -> UNLOCK_ENDPOINT
	fi;
	late = false;
	passive = false;
	old_hart = 0
}

inline stop(hart)
{
	if
	:: hart_of != hart -> answer = AGAIN
	:: hart_of == hart && state == READY ->
	   atomic { runs[hart] = false; state = STOPPED; answer = DONE }
	:: hart_of == hart && state == CLAIMED ->
#ifdef STOP_IN_TRANSIT
	   state = STOPPED;
	   answer = DONE
#else
	   answer = AGAIN
#endif
	:: hart_of == hart && state == RECEIVING ->
	   LOCK_ENDPOINT;
	   if
	   :: STILL_MINE(hart) ->
	      atomic { in_queue = false; state = STOPPED };
	      UNLOCK_ENDPOINT;
	      clear_deadline(hart);
	      answer = DONE
	   :: else ->
	      UNLOCK_ENDPOINT;
#ifdef STOP_IN_TRANSIT
	      state = STOPPED;
	      answer = DONE
#else
	      answer = AGAIN
#endif
	   fi
	fi
}

/* A scheduling context of its own; busy if it runs on one that was lent. */
inline bind(hart)
{
	answer = DONE;
#ifndef BIND_WITHOUT_LOCK
	LOCK_ENDPOINT;
#endif
	if
	:: hart_of == hart && state != CLAIMED && context == NO_CONTEXT ->
	   atomic {
		assert(context == NO_CONTEXT && hart_of == hart);
		context = OWN_CONTEXT
	   }
	:: hart_of != hart || state == CLAIMED -> answer = AGAIN
	:: else
	fi;
#ifndef BIND_WITHOUT_LOCK
	UNLOCK_ENDPOINT
#endif
}

inline answer_question(hart)
{
	if
	:: question[hart] == STOP -> stop(hart); question[hart] = NOTHING
	:: question[hart] == BIND -> bind(hart); question[hart] = NOTHING
	:: question[hart] == GRACE -> question[hart] = NOTHING
	:: question[hart] == NOTHING
	fi
}

/* Each turn of the loop is one entry of the kernel. */
proctype hart(byte me)
{
	byte receives, sends, old_hart;
	bool passive, late;

end:
	do
	:: atomic { ipi[me] -> ipi[me] = false };
	   drain(me);
	   answer_question(me)
	:: runs[me] && receives < 2 ->
	   receives++;
	   receive(me)
	:: deadlines[me] && state == RECEIVING -> time_out(me)
	:: me == 1 && sends < 2 ->
	   sends++;
	   send(me, old_hart, passive, late)
	od
}

inline ask(target, what)
{
	atomic { question[target] = what; ipi[target] = true };
	question[target] == NOTHING
}

/* Holds the capability lock. */
proctype manager()
{
	byte target;

	if
	:: skip
	:: do
	   :: target = hart_of;
	      ask(target, BIND);
	      if
	      :: answer == DONE -> break
	      :: else
	      fi
	   od
	fi;
	do
	:: target = hart_of;
	   ask(target, STOP);
	   if
	   :: answer == DONE -> break
	   :: else
	   fi
	od;
	atomic {
		question[0] = GRACE;
		ipi[0] = true;
		question[1] = GRACE;
		ipi[1] = true
	};
	question[0] == NOTHING && question[1] == NOTHING;
	atomic {
		assert(!inbox[0] && !inbox[1]);
		assert(!deadlines[0] && !deadlines[1]);
		assert(!runs[0] && !runs[1] && !in_queue);
		freed = true
	}
}

init {
	atomic {
		context = NO_CONTEXT;
		runs[0] = true;
		run hart(0);
		run hart(1);
		run manager()
	}
	timeout;
	assert(freed)
}
