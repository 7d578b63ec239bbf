/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reply object's word: a server that receives with it and answers twice, a caller that calls twice and may be cancelled on
 * its hart, somebody else who answers, and who destroys the object. Four harts; the server's place in the queue lies behind
 * store buffers, because who destroys looks at it without the endpoint's lock.
 * Checks: a caller is claimed exactly once for each call, its registers are not written while its message is read, nobody is
 * answered after the object was destroyed, and nobody waits with a dead object.
 *
 * MUTANTS: PUBLISH_EARLY NO_RECHECK NO_FENCE_RECHECK ANSWER_STORES CANCEL_STORES TRANSFER_STORES
 */
#define HARTS 4
#define WORDS 3

#define RECEIVER 0 /* the server stands in the endpoint's queue */
#define SENDER 1   /* the caller stands there */
#define ENDPOINT_LOCK 2

#include "harts.h"

#define HART_SERVER 0
#define HART_CALLER 1
#define HART_OTHER 2
#define HART_DESTROYER 3

mtype = { FREE, SERVER, CALLER, DEAD };         /* what the reply word says */
mtype = { READY, SENDING, AWAITS, CLAIMED };    /* the caller */

mtype word = FREE;
mtype caller = READY;
bool reading, dead, server_waits;
byte server_wakes;

/* Compare-and-swap of the word. */
#ifdef ANSWER_STORES
#define ANSWER(hart, to) (word == CALLER); atomic { ATOMIC(hart) -> word = to }
#else
#define ANSWER(hart, to) atomic { word == CALLER && ATOMIC(hart) -> word = to; assert(!dead) }
#endif
#ifdef CANCEL_STORES
#define CANCEL(hart) (word == CALLER); atomic { ATOMIC(hart) -> word = FREE }
#else
#define CANCEL(hart) atomic { word == CALLER && ATOMIC(hart) -> word = FREE }
#endif
#ifdef TRANSFER_STORES
#define TRANSFER(hart) (word == SERVER); atomic { ATOMIC(hart) -> word = CALLER }
#else
#define TRANSFER(hart) atomic { word == SERVER && ATOMIC(hart) -> word = CALLER }
#endif

/* The caller's message is read, then it awaits the answer. */
inline hand_over(hart, refused)
{
#ifdef PUBLISH_EARLY
	if
	:: TRANSFER(hart); refused = false
	:: word != SERVER -> refused = true
	fi;
	reading = true;
	reading = false;
	caller = AWAITS
#else
	reading = true;
	reading = false;
	caller = AWAITS;
	if
	:: TRANSFER(hart); refused = false
	:: word != SERVER -> refused = true
	fi
#endif
}

/* The winner writes the caller's registers and sends it home. */
inline claim_caller()
{
	atomic {
		assert(caller == AWAITS);
		assert(!reading);
		caller = CLAIMED
	}
}

proctype server()
{
	bool refused;
	byte round;

receive:
	round++;
	if
	:: round > 2 -> goto done
	:: else
	fi;
	if
	:: word == SERVER /* an answer left it so */
	:: atomic { word == FREE && ATOMIC(HART_SERVER) -> word = SERVER }
	:: word == DEAD -> goto done
	:: word == CALLER -> goto done /* busy */
	fi;
	LOCK(HART_SERVER, ENDPOINT_LOCK);
	if
	:: memory[SENDER] ->
	   STORE(HART_SERVER, SENDER, 0);
	   hand_over(HART_SERVER, refused);
	   if
	   :: refused -> claim_caller()
	   :: else
	   fi;
	   UNLOCK(HART_SERVER, ENDPOINT_LOCK)
	:: else ->
	   server_waits = true;
	   STORE(HART_SERVER, RECEIVER, 1);
#ifndef NO_RECHECK
#ifndef NO_FENCE_RECHECK
	   FENCE(HART_SERVER);
#endif
	   if
	   :: word != SERVER ->
	      STORE(HART_SERVER, RECEIVER, 0);
	      server_waits = false;
	      UNLOCK(HART_SERVER, ENDPOINT_LOCK);
	      goto done
	   :: else
	   fi;
#endif
	   UNLOCK(HART_SERVER, ENDPOINT_LOCK);
end_waiting:
	   atomic {
		server_wakes > 0 ->
		assert(server_wakes == 1);
		server_wakes = 0;
		server_waits = false
	   }
	fi;
	if
	:: word == CALLER -> /* answer, or at once receive again */
	   if
	   :: ANSWER(HART_SERVER, FREE); claim_caller()
	   :: ANSWER(HART_SERVER, SERVER); claim_caller()
	   :: word != CALLER
	   fi
	:: word != CALLER
	fi;
	goto receive;
done:
	skip
}

proctype call()
{
	bool refused, impatient;
	byte round;

	if
	:: impatient = true
	:: skip
	fi;
	do
	:: round == 2 -> break
	:: round < 2 ->
	   round++;
	   LOCK(HART_CALLER, ENDPOINT_LOCK);
	   if
	   :: memory[RECEIVER] ->
	      STORE(HART_CALLER, RECEIVER, 0);
	      hand_over(HART_CALLER, refused);
	      if
	      :: refused -> claim_caller()
	      :: else
	      fi;
	      server_wakes++;
	      UNLOCK(HART_CALLER, ENDPOINT_LOCK)
	   :: else ->
	      caller = SENDING;
	      STORE(HART_CALLER, SENDER, 1);
	      UNLOCK(HART_CALLER, ENDPOINT_LOCK)
	   fi;
	   FENCE(HART_CALLER); /* some time later */
end_waiting:
	   do
	   :: atomic { caller == CLAIMED -> caller = READY }; break
	   :: impatient && caller == SENDING ->
	      LOCK(HART_CALLER, ENDPOINT_LOCK);
	      if
	      :: memory[SENDER] ->
		 STORE(HART_CALLER, SENDER, 0);
		 caller = READY;
		 UNLOCK(HART_CALLER, ENDPOINT_LOCK);
		 break
	      :: else -> UNLOCK(HART_CALLER, ENDPOINT_LOCK)
	      fi
	   :: impatient && caller == AWAITS ->
	      if
	      :: CANCEL(HART_CALLER); claim_caller(); caller = READY; break
	      :: word != CALLER -> caller == CLAIMED /* it is on its way */
	      fi
	   od
	od
}

proctype answer()
{
	if
	:: ANSWER(HART_OTHER, FREE); claim_caller()
	:: word != CALLER
	fi
}

proctype destroy()
{
	mtype was;

	atomic {
		ATOMIC(HART_DESTROYER) -> was = word;
		word = DEAD;
		dead = true
	};
	if
	:: was == CALLER -> claim_caller()
	:: was == SERVER ->
	   if
	   :: memory[RECEIVER] ->
	      LOCK(HART_DESTROYER, ENDPOINT_LOCK);
	      if
	      :: memory[RECEIVER] -> STORE(HART_DESTROYER, RECEIVER, 0); server_wakes++
	      :: else
	      fi;
	      UNLOCK(HART_DESTROYER, ENDPOINT_LOCK)
	   :: else /* not yet in the queue: it will look again */
	   fi
	:: else
	fi
}

init {
	atomic {
		run server();
		run call();
		run answer();
		run destroy()
	};
	timeout;
	assert(dead && word == DEAD);
	assert(caller != AWAITS && caller != CLAIMED);
	assert(!server_waits)
}
