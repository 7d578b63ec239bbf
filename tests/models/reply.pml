/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reply object's two words: who receives with it, and the caller that awaits the answer. Two servers on two harts share the object,
 * each with an endpoint of its own; they answer and receive three times, by the short path or the general one. Two callers call one
 * of the endpoints, one of them twice. Only who holds the object as receiver answers, so answers need no more than that.
 * Who destroys the object, or cancels a caller, does so while all harts stand still (transit.pml).
 * Checks: a caller is claimed exactly once for each call, its registers are not written while its message is read, none is
 * forgotten, and a server that waits holds the object.
 *
 * MUTANTS: TAKE_ANY RECEIVE_STORES USE_ENDED_EARLY ANSWER_UNHELD
 */
#define CALLERS 2
#define SERVERS 2
#define NOBODY 7

mtype = { READY, SENDING, AWAITS, CLAIMED };

byte receiver = NOBODY, caller = NOBODY;  /* the two words */
bool locked[SERVERS];                     /* the endpoints, by server */
byte sends_to[CALLERS] = NOBODY;          /* their queues */
bool waits[SERVERS];
mtype state[CALLERS] = READY;
bool reading[CALLERS];                    /* the message, from the caller's registers */
bool woken[SERVERS];

#define LOCK_ENDPOINT(s) atomic { !locked[s] -> locked[s] = true }
#define UNLOCK_ENDPOINT(s) locked[s] = false

/* Writes the caller's registers and sends it home. */
inline claim(c)
{
	atomic {
		assert(state[c] == AWAITS);
		assert(!reading[c]);
		state[c] = CLAIMED
	}
}

/* The message goes over; the caller can be answered, and then others may receive with the object. */
inline hand_over(c)
{
	reading[c] = true;
	reading[c] = false;
	state[c] = AWAITS;
#ifdef USE_ENDED_EARLY
	receiver = NOBODY;
#endif
	caller = c;
#ifndef USE_ENDED_EARLY
	receiver = NOBODY
#endif
}

#ifdef RECEIVE_STORES
#define CLAIM_OBJECT(s) receiver == NOBODY -> receiver = s
#else
#define CLAIM_OBJECT(s) atomic { receiver == NOBODY -> receiver = s }
#endif

inline answer_any(c)
{
	atomic { c = caller; caller = NOBODY };
	if
	:: c != NOBODY -> claim(c)
	:: else
	fi;
	c = NOBODY
}

/* With the endpoint locked and nobody in its queue: this caller, no other, and the server waits. */
inline answer_short(s, c, taken)
{
	c = caller;
	if
	:: c != NOBODY && sends_to[0] != s && sends_to[1] != s ->
	   if
	   :: CLAIM_OBJECT(s);
#ifdef TAKE_ANY
	      atomic { taken = (caller == c); caller = NOBODY };
#else
	      atomic {
		taken = (caller == c);
		if
		:: taken -> caller = NOBODY
		:: else
		fi
	      };
#endif
	      if
	      :: taken -> waits[s] = true; claim(c)
	      :: else -> receiver = NOBODY
	      fi
	   :: receiver != NOBODY
	   fi
	:: else
	fi;
	c = NOBODY
}

proctype server(byte me; byte rounds)
{
	byte c = NOBODY;
	bool taken;

end:
	do
	:: rounds > 0 ->
	   rounds--;
	   if
	   :: skip
	   :: LOCK_ENDPOINT(me); answer_short(me, c, taken); UNLOCK_ENDPOINT(me)
	   fi;
	   if
	   :: taken -> taken = false; goto wait
	   :: else
	   fi;
#ifdef ANSWER_UNHELD
	   answer_any(c);
#endif
	   if
	   :: CLAIM_OBJECT(me)
	   :: receiver != NOBODY -> goto end /* busy */
	   fi;
	   LOCK_ENDPOINT(me);
#ifndef ANSWER_UNHELD
	   answer_any(c);
#endif
	   if
	   :: atomic { sends_to[0] == me -> sends_to[0] = NOBODY }; UNLOCK_ENDPOINT(me); hand_over(0); goto end
	   :: atomic { sends_to[1] == me -> sends_to[1] = NOBODY }; UNLOCK_ENDPOINT(me); hand_over(1); goto end
	   :: sends_to[0] != me && sends_to[1] != me -> waits[me] = true; UNLOCK_ENDPOINT(me)
	   fi;
wait:
end_waiting:
	   atomic { woken[me] -> woken[me] = false }
	od
}

inline send(me, s)
{
	waits[s] = false;
	assert(receiver == s);
	UNLOCK_ENDPOINT(s);
	hand_over(me);
	woken[s] = true
}

proctype call(byte me; byte calls)
{
	byte s;

end:
	do
	:: calls > 0 ->
	   calls--;
	   if
	   :: s = 0
	   :: s = 1
	   fi;
	   LOCK_ENDPOINT(s);
	   if
	   :: waits[s] -> send(me, s)
	   :: !waits[s] -> state[me] = SENDING; sends_to[me] = s; UNLOCK_ENDPOINT(s)
	   fi;
	   s = 0;
end_waiting:
	   atomic { state[me] == CLAIMED -> state[me] = READY }
	od
}

init {
	atomic {
		run server(0, 3);
		run server(1, 3);
		run call(0, 2);
		run call(1, 1)
	}
	timeout;
	assert(state[0] != AWAITS || caller == 0);
	assert(state[1] != AWAITS || caller == 1);
	assert(!waits[0] || receiver == 0);
	assert(!waits[1] || receiver == 1)
}
