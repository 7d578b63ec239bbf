/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking other harts (smp_run_on): three harts, each of them in user mode, idle, in a short lock, or in a system call that wants the
 * capability lock. Two of them ask, one all others, one a single hart, and use the short lock themselves.
 * Checks: no deadlock, each question is answered once and outside the kernel, and something is always finished again.
 *
 * PROGRESS
 * MUTANTS: NO_GIVE_UP ASK_IN_SHORT_LOCK CLEAR_LATE ASK_WITHOUT_LOCK
 */
#define HARTS 3
#define ROUNDS 2

bool capability_lock, short_lock;
bool asked[HARTS], ipi[HARTS];
bool in_kernel[HARTS];
byte answers;      /* to the current question */
byte expected;
byte asker = HARTS;

#define TAKE_SHORT_LOCK atomic { !short_lock -> short_lock = true }

/* The IPI's trap from user mode or from WFI. */
inline answer_question(hart)
{
	if
	:: asked[hart] ->
	   atomic {
		assert(!in_kernel[hart]);
		asked[hart] = false;
		answers++;
		assert(answers <= expected)
	   }
	:: !asked[hart]
	fi
}

/* The holder of the capability lock; `others` is a mask of harts. */
inline ask(hart, others)
{
	atomic {
		assert(asker == HARTS);
		asker = hart;
		answers = 0;
		expected = (others & 1) + ((others >> 1) & 1) + ((others >> 2) & 1)
	};
	i = 0;
	do
	:: i == HARTS -> break
	:: i < HARTS && (others >> i & 1) -> asked[i] = true; ipi[i] = true; i++
	:: i < HARTS && !(others >> i & 1) -> i++
	od;
	i = 0;
	answers == expected;
	atomic { asker = HARTS; answers = 0; expected = 0 }
}

/* A system call that changes capabilities. */
inline manage(hart, others)
{
	in_kernel[hart] = true;
	if
#ifdef ASK_WITHOUT_LOCK
	:: true ->
#else
	:: atomic { !capability_lock -> capability_lock = true } ->
#endif
	   TAKE_SHORT_LOCK;
#ifdef ASK_IN_SHORT_LOCK
	   ask(hart, others);
	   short_lock = false;
#else
	   short_lock = false;
	   ask(hart, others);
#endif
	   capability_lock = false;
progress_managed:
	   round++
#ifndef NO_GIVE_UP
	:: capability_lock && asked[hart] /* gives up: the system call starts again from user mode */
#endif
	fi;
	in_kernel[hart] = false
}

proctype hart(byte me; byte others)
{
	byte round, i;

end_user_or_idle:
	do
#ifdef CLEAR_LATE
	:: ipi[me] -> answer_question(me); ipi[me] = false
#else
	:: ipi[me] -> ipi[me] = false; answer_question(me)
#endif
	:: !ipi[me] && round < ROUNDS ->
	   if
	   :: manage(me, others)
	   :: in_kernel[me] = true;
	      TAKE_SHORT_LOCK;
	      short_lock = false;
	      in_kernel[me] = false;
progress_short:
	      round++
	   fi
	od
}

init {
	atomic {
		run hart(0, 6);
		run hart(1, 5);
		run hart(2, 1)
	}
	timeout;
	assert(asker == HARTS && !asked[0] && !asked[1] && !asked[2])
}
