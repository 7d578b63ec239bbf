/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slot that is read without the capability lock while its endpoint is deleted, and filled again with another capability. One
 * side deletes, and may leave between emptying and the grace period (a restart); anybody fills then. The other sends by the
 * slot, three times: reads it, locks the object, stands in its queue.
 * Checks: no capability of halves of two, no object touched after its memory was given out, nobody in the queue of a dead one.
 *
 * MUTANTS: LOADS_SWAPPED STORES_SWAPPED NO_GRACE NO_DEAD_MARK FORGET_RESTART
 */
#define NOTHING 0 /* the type of an empty slot */

/* The slot: which capability the first half is of, and the second half, its object. */
byte first = 1, second = 1;
byte memory_of[3];         /* by object: which capability was made with it */
bool dead[3], locked[3], waits[3];
bool emptied;              /* since the last grace period */
bool capability_lock;
bool asked, in_kernel;
byte woken;

#define TAKE_CAPABILITY_LOCK atomic { !capability_lock -> capability_lock = true }

/* Asks the reader's hart: it was outside the kernel once. */
inline grace()
{
	asked = true;
	!asked;
	emptied = false
}

inline destroy(object)
{
	atomic { !locked[object] -> locked[object] = true };
#ifndef NO_DEAD_MARK
	dead[object] = true;
#endif
	if
	:: waits[object] -> waits[object] = false; woken++
	:: else
	fi;
	locked[object] = false
}

/* The memory of a deleted object is given out as another object, and a slot is filled with that. */
inline refill(object, kind)
{
#ifndef NO_GRACE
	if
	:: emptied -> grace()
	:: else
	fi;
#endif
	atomic {
		memory_of[object] = kind;
		assert(!locked[object] && !waits[object]);
		dead[object] = false
	};
#ifdef STORES_SWAPPED
	first = kind;
	second = object
#else
	second = object;
	first = kind
#endif
}

/* Capabilities 1, 2, 3 are in this slot one after the other, for objects 1, 2, 1. */
#define OBJECT_OF(kind) ((kind) == 2 -> 2 : 1)

proctype deleter()
{
	byte kind = 1;

	do
	:: kind == 3 -> break
	:: kind < 3 ->
	   TAKE_CAPABILITY_LOCK;
	   if
	   :: first == kind ->
	      first = NOTHING;
	      emptied = true;
	      destroy(OBJECT_OF(kind));
	      memory_of[OBJECT_OF(kind)] = 0
	   :: else
	   fi;
#ifdef FORGET_RESTART
	   emptied = false; /* only the system call that emptied knows */
#endif
	   if
	   :: true -> refill(OBJECT_OF(kind + 1), kind + 1)
	   :: true -> /* an interrupt: who comes next fills */
	      capability_lock = false;
	      TAKE_CAPABILITY_LOCK;
	      refill(OBJECT_OF(kind + 1), kind + 1)
	   fi;
	   capability_lock = false;
	   kind++
	od
}

proctype reader()
{
	byte round, kind, object;

end:
	do
	:: asked -> asked = false
	:: !asked && round < 3 ->
	   round++;
	   in_kernel = true;
#ifdef LOADS_SWAPPED
	   object = second;
	   kind = first;
#else
	   kind = first;
	   object = second;
#endif
	   if
	   :: kind == NOTHING
	   :: else ->
	      assert(object == OBJECT_OF(kind));
	      atomic { !locked[object] -> locked[object] = true };
	      assert(dead[object] || memory_of[object] == kind);
	      if
	      :: dead[object] -> locked[object] = false
	      :: else ->
		 waits[object] = true;
		 locked[object] = false
	      fi
	   fi;
	   in_kernel = false;
	   kind = 0;
	   object = 0;
end_blocked:
	   do /* blocked; its hart still answers */
	   :: asked -> asked = false
	   :: !waits[1] && !waits[2] -> break
	   od
	od
}

init {
	atomic {
		memory_of[1] = 1;
		run deleter();
		run reader()
	}
	timeout;
	assert(first == 3 && second == 1);
	assert(!waits[2])
}
