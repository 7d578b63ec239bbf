/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the models share: memory words behind store buffers (as in TSO: stores of a hart become visible late, in order), and
 * a lock. A model defines HARTS and WORDS first. Values that the pattern under test does not race on are plain variables.
 *
 * A hart does not load what lies in its own buffer without a FENCE between, so forwarding is not modelled.
 */
byte memory[WORDS];
chan store_buffer[HARTS] = [2] of { byte, byte };

#define STORE(hart, word, value) store_buffer[hart]!word, value
#define FENCE(hart) empty(store_buffer[hart])

/* An atomic read-modify-write, and a lock: both wait until the hart's earlier stores are out. */
#define ATOMIC(hart) empty(store_buffer[hart])
#define LOCK(hart, word) atomic { memory[word] == 0 && empty(store_buffer[hart]) -> memory[word] = 1 }
#define UNLOCK(hart, word) STORE(hart, word, 0)

active [HARTS] proctype drain()
{
	byte word, value;

end:
	do
	:: atomic {
		store_buffer[_pid]?word, value;
		memory[word] = value;
		value = 0;
		word = 0
	}
	od
}
