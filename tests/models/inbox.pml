/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inbox: claimed threads of another hart, pushed by compare-and-swap, taken by swap, with an IPI onto an empty inbox.
 * Three harts, three threads; one of them gets another hart while it is being woken.
 * Checks: no thread is lost or ready twice, no hart sleeps over a thread in its inbox.
 *
 * MUTANTS: CLEAR_LATE IPI_EARLY PUSH_STORES NO_FORWARD TAKE_STORES
 */
#define HARTS 3
#define THREADS 3
#define NONE 7

mtype = { BLOCKED, CLAIMED, READY };

byte inbox[HARTS] = NONE;
byte next[THREADS];
byte hart_of[THREADS];
mtype state[THREADS] = BLOCKED;
byte wakes[THREADS];
bool ipi[HARTS];

/* Any hart, after it claimed the thread. */
inline push(thread, target, old)
{
	target = hart_of[thread];
	do
	:: old = inbox[target];
	   next[thread] = old;
#ifdef IPI_EARLY
	   if
	   :: old == NONE -> ipi[target] = true
	   :: else
	   fi;
#endif
#ifdef PUSH_STORES
	   inbox[target] = thread;
	   break
#else
	   if
	   :: atomic { inbox[target] == old -> inbox[target] = thread }; break
	   :: inbox[target] != old
	   fi
#endif
	od;
#ifndef IPI_EARLY
	if
	:: old == NONE -> ipi[target] = true
	:: else
	fi;
#endif
	old = NONE;
	target = 0
}

inline clear_ipi(hart)
{
	ipi[hart] = false
}

/* The owner takes all. Turning the list round does not matter here. */
inline take(hart, list, thread, target, old)
{
#ifdef TAKE_STORES
	list = inbox[hart];
	inbox[hart] = NONE;
#else
	atomic { list = inbox[hart]; inbox[hart] = NONE };
#endif
	do
	:: list == NONE -> break
	:: list != NONE ->
	   thread = list;
	   list = next[thread];
	   if
#ifdef NO_FORWARD
	   :: true ->
#else
	   :: hart_of[thread] != hart -> push(thread, target, old)
	   :: hart_of[thread] == hart ->
#endif
	      atomic {
		assert(hart_of[thread] == hart);
		assert(state[thread] == CLAIMED);
		state[thread] = READY;
		wakes[thread]++;
		thread = 0
	      }
	   fi
	od
}

/* A hart without work: WFI ends when an IPI is pending, even with interrupts off. */
proctype idle_hart(byte hart)
{
	byte list, thread, target, old;

end:
	do
	:: hart == 0 && hart_of[0] == 0 && state[0] == BLOCKED ->
	   hart_of[0] = 1 /* affinity, changed on its hart; who wakes the thread may have read the old one */
	:: ipi[hart] ->
#ifdef CLEAR_LATE
	   take(hart, list, thread, target, old);
	   clear_ipi(hart)
#else
	   clear_ipi(hart);
	   take(hart, list, thread, target, old)
#endif
	od
}

/* A hart that wakes others' threads, in any order, against the other who does the same. */
proctype waker(byte first)
{
	byte round, thread, target, old;

	do
	:: round < THREADS ->
	   thread = (first + round) % THREADS;
	   if
	   :: atomic { state[thread] == BLOCKED -> state[thread] = CLAIMED }; push(thread, target, old)
	   :: state[thread] != BLOCKED
	   fi;
	   round++
	:: round == THREADS -> break
	od
}

init {
	byte i;

	atomic {
		hart_of[0] = 0;
		hart_of[1] = 1;
		hart_of[2] = 1;
		run idle_hart(0);
		run idle_hart(1);
		run waker(0);
		run waker(2)
	};
	timeout;
	for (i : 0 .. THREADS - 1) {
		assert(state[i] == READY && wakes[i] == 1)
	}
}
