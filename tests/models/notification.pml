/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notifications: two signals, one who waits (with a timeout), the bound thread in an endpoint's queue, a message for that
 * endpoint, and one who polls. Four harts with store buffers.
 * Checks: no bit is lost or given twice, each wait ends exactly once, nobody waits while there are bits.
 *
 * MUTANTS: NO_FENCE_SIGNAL NO_FENCE_WAIT NO_FENCE_RECEIVE STOP_AT_WAITER TAKE_STORES
 */
#define HARTS 5
#define WORDS 6

/* Words: the bits, whether the waiter stands in the notification's queue, whether the bound thread stands in the endpoint's. */
#define BITS 0
#define WAITER 1
#define RECEIVER 2
#define NOTIFICATION_LOCK 3
#define ENDPOINT_LOCK 4
#define NOWHERE 5

#include "harts.h"

/* Harts by what runs there. */
#define HART_WAITER 0
#define HART_RECEIVER 1
#define HART_SIGNAL 2 /* and 3 */
#define HART_OTHER 4

byte got;                      /* bits that somebody got */
byte wakes_waiter, wakes_receiver;
byte given_waiter, given_receiver;
bool message;                  /* the receiver was woken by a message */

inline collect(bits)
{
	atomic {
		assert((got & bits) == 0);
		got = got | bits
	}
}

inline take_bits(hart, into)
{
#ifdef TAKE_STORES
	into = memory[BITS];
	FENCE(hart);
	memory[BITS] = 0
#else
	atomic { ATOMIC(hart) -> into = memory[BITS]; memory[BITS] = 0 }
#endif
}

proctype signal(byte hart, bit_set)
{
	byte bits;
	bool waiter, receiver;

#ifdef NO_FENCE_SIGNAL
	/* The OR is ordered after nothing: the loads may come first. */
	waiter = memory[WAITER];
	receiver = memory[RECEIVER];
	atomic { ATOMIC(hart) -> memory[BITS] = memory[BITS] | bit_set };
#else
	atomic { ATOMIC(hart) -> memory[BITS] = memory[BITS] | bit_set };
	waiter = memory[WAITER];
#endif
	if
	:: waiter ->
	   LOCK(hart, NOTIFICATION_LOCK);
	   if
	   :: memory[WAITER] ->
	      take_bits(hart, bits);
	      if
	      :: bits != 0 ->
		 STORE(hart, WAITER, 0);
		 atomic { given_waiter = bits; wakes_waiter++ }
	      :: else
	      fi
	   :: else
	   fi;
	   UNLOCK(hart, NOTIFICATION_LOCK)
	:: else
	fi;
#ifdef STOP_AT_WAITER
	if
	:: waiter -> goto done
	:: else
	fi;
#endif
	if
	:: bits != 0 -> goto done
	:: else
	fi;
#ifndef NO_FENCE_SIGNAL
	receiver = memory[RECEIVER];
#endif
	if
	:: receiver ->
	   LOCK(hart, ENDPOINT_LOCK);
	   if
	   :: memory[RECEIVER] ->
	      take_bits(hart, bits);
	      if
	      :: bits != 0 ->
		 STORE(hart, RECEIVER, 0);
		 atomic { given_receiver = bits; wakes_receiver++ }
	      :: else
	      fi
	   :: else
	   fi;
	   UNLOCK(hart, ENDPOINT_LOCK)
	:: else
	fi;
done:
	skip
}

/* `wait`, on the waiter's hart, and its timeout there. */
proctype wait()
{
	byte bits;
	bool has_deadline;

	if
	:: has_deadline = true
	:: skip
	fi;
	LOCK(HART_WAITER, NOTIFICATION_LOCK);
	STORE(HART_WAITER, WAITER, 1);
#ifndef NO_FENCE_WAIT
	FENCE(HART_WAITER);
#endif
	if
	:: memory[BITS] != 0 -> take_bits(HART_WAITER, bits)
	:: else
	fi;
	if
	:: bits != 0 -> STORE(HART_WAITER, WAITER, 0)
	:: else
	fi;
	UNLOCK(HART_WAITER, NOTIFICATION_LOCK);
	FENCE(HART_WAITER); /* some time later */
	if
	:: bits != 0
	:: bits == 0 ->
end_waiting:
	   if
	   :: wakes_waiter == 1 -> bits = given_waiter
	   :: has_deadline ->
	      LOCK(HART_WAITER, NOTIFICATION_LOCK);
	      if
	      :: memory[WAITER] -> STORE(HART_WAITER, WAITER, 0); UNLOCK(HART_WAITER, NOTIFICATION_LOCK)
	      :: else -> /* claimed: it is in the inbox, or soon is */
		 UNLOCK(HART_WAITER, NOTIFICATION_LOCK);
		 wakes_waiter == 1;
		 bits = given_waiter
	      fi
	   fi
	fi;
	assert(wakes_waiter <= 1);
	collect(bits)
}

/* `recv` with a bound notification. */
proctype receive()
{
	byte bits;

	LOCK(HART_RECEIVER, ENDPOINT_LOCK);
	STORE(HART_RECEIVER, RECEIVER, 1);
#ifndef NO_FENCE_RECEIVE
	FENCE(HART_RECEIVER);
#endif
	if
	:: memory[BITS] != 0 -> take_bits(HART_RECEIVER, bits)
	:: else
	fi;
	if
	:: bits != 0 -> STORE(HART_RECEIVER, RECEIVER, 0)
	:: else
	fi;
	UNLOCK(HART_RECEIVER, ENDPOINT_LOCK);
	if
	:: bits != 0
	:: bits == 0 ->
end_receiving:
	   wakes_receiver > 0;
	   bits = given_receiver
	fi;
	assert(wakes_receiver <= 1);
	collect(bits)
}

/* A message for the bound thread, or a poll of the bits. */
proctype other()
{
	byte bits;

	if
	:: LOCK(HART_OTHER, ENDPOINT_LOCK);
	   if
	   :: memory[RECEIVER] ->
	      STORE(HART_OTHER, RECEIVER, 0);
	      atomic { message = true; wakes_receiver++ }
	   :: else
	   fi;
	   UNLOCK(HART_OTHER, ENDPOINT_LOCK)
	:: take_bits(HART_OTHER, bits);
	   collect(bits)
	fi
}

init {
	atomic {
		run wait();
		run receive();
		run signal(HART_SIGNAL, 1);
		run signal(HART_SIGNAL + 1, 2);
		run other()
	};
	timeout;
	assert(wakes_waiter <= 1 && wakes_receiver <= 1);
	assert((got | memory[BITS]) == 3 && (got & memory[BITS]) == 0);
	assert(memory[BITS] == 0 || (!memory[WAITER] && !memory[RECEIVER]))
}
