/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ASIDs or VMIDs with generations: two harts switch between three spaces with two tags. A space has one word of generation and tag;
 * a hart has the generation that its TLB was flushed at. At a wrap, tags that other harts run with stay with their spaces. The
 * walker fills the TLB with the loaded space under the loaded tag at any time: here, whenever that can matter.
 */
#define HARTS 2
#define SPACES 3
#define TAGS 3          /* 1 and 2; 0: none */
#define GENERATIONS 4   /* 1 to 3: where the search ends */
#define NONE 7

byte generation = 1;            /* of all */
byte next_tag = 1;
byte space_generation[SPACES], space_tag[SPACES];
byte hart_generation[HARTS] = 1;
byte running[HARTS] = NONE;     /* the space that the hart says it runs, for the scan at a wrap */
byte loaded[HARTS] = NONE;      /* in the register: space and tag */
byte loaded_tag[HARTS];
bool reserved[TAGS];
bool tag_lock;

/* TLBs: bit s of tlb[hart * TAGS + tag] is a translation of space s under the tag; stale: of the mapping that was taken away. */
byte tlb[HARTS * TAGS];
bool stale[HARTS * TAGS];
bool mapped, unmapped;           /* the mapping of space 0: in its table; shoot-down complete */
bool may_hold[HARTS];               /* harts that may hold translations of space 0 */
bool asked[HARTS];

#define ENTRY(hart) (hart * TAGS + loaded_tag[hart])

inline fill(hart)
{
	if
	:: loaded[hart] != NONE ->
	   tlb[ENTRY(hart)] = tlb[ENTRY(hart)] | (1 << loaded[hart]);
	   if
	   :: loaded[hart] == 0 && mapped -> stale[ENTRY(hart)] = true
	   :: else
	   fi
	:: else
	fi
}

/* All of the hart's TLB; the walker goes on with what is loaded. */
inline flush_all(hart)
{
	d_step {
		for (i : 0 .. TAGS - 1) {
			tlb[hart * TAGS + i] = 0;
			stale[hart * TAGS + i] = false
		};
		i = 0;
		fill(hart)
	}
}

inline load_space(hart, space, tag)
{
	d_step { loaded[hart] = space; loaded_tag[hart] = tag; fill(hart) }
}

/* At a wrap: what a hart runs stays. It may switch meanwhile, so this looks once. */
inline keep(hart)
{
#ifdef LOOK_TWICE
	if
	:: running[hart] != NONE && space_generation[running[hart]] == generation - 1 ->
	   reserved[space_tag[running[hart]]] = true;
	   space_generation[running[hart]] = generation
	:: else
	fi
#else
	d_step {
		i = running[hart];
		if
		:: i != NONE && space_generation[i] == generation - 1 ->
		   reserved[space_tag[i]] = true;
		   space_generation[i] = generation
		:: else
		fi;
		i = 0
	}
#endif
}

/* A tag of the current generation. With the tag lock. */
inline new_tag(hart, space)
{
	d_step {
		if
		:: next_tag < TAGS && reserved[next_tag] -> next_tag++
		:: else
		fi
	};
	if
	:: next_tag < TAGS
	:: next_tag == TAGS ->
	   if
	   :: generation == GENERATIONS - 1 -> tag_lock = false; goto end_of_search
	   :: else
	   fi;
	   generation++;
	   d_step { reserved[1] = false; reserved[2] = false };
	   keep(1 - hart);
	   next_tag = (reserved[1] -> 2 : 1)
	fi;
	d_step {
		if
		:: space_generation[space] != generation ->
		   space_generation[space] = generation;
		   space_tag[space] = next_tag;
		   next_tag++
		:: else /* the other hart runs it: kept */
		fi
	}
}

inline switch_to(hart, space)
{
	atomic {
#ifndef MASK_LATE
		if
		:: space == 0 -> may_hold[hart] = true
		:: else
		fi;
#endif
#ifdef TWO_LOADS
		tag = space_tag[space]
	};
	seen = space_generation[space];
#else
		tag = space_tag[space];
		seen = space_generation[space]
	};
#endif
	if
#ifdef HART_GENERATION_UNSEEN
	:: seen == generation ->
#else
	:: seen == generation && hart_generation[hart] == generation ->
#endif
	   running[hart] = space
	:: else ->
	   atomic { !tag_lock -> tag_lock = true };
	   if
	   :: space_generation[space] != generation -> new_tag(hart, space)
	   :: else
	   fi;
	   d_step {
		tag = space_tag[space];
		running[hart] = space;
		flush = (hart_generation[hart] != generation);
#ifndef GENERATION_LATE
		hart_generation[hart] = generation;
#endif
		tag_lock = false
	   };
#ifdef GENERATION_LATE
	   hart_generation[hart] = generation;
#endif
	fi;
#ifdef NO_FLUSH
	flush = false;
#endif
#ifdef FLUSH_FIRST
	if
	:: flush -> flush_all(hart)
	:: else
	fi;
	flush = false;
#endif
	load_space(hart, space, tag);
#ifdef MASK_LATE
	if
	:: space == 0 -> may_hold[hart] = true
	:: else
	fi;
#endif
	/* Before it runs. */
	atomic {
		if
		:: flush -> flush_all(hart)
		:: else
		fi;
		assert((tlb[ENTRY(hart)] & ~(1 << space)) == 0);
		assert(!(space == 0 && unmapped && stale[ENTRY(hart)]));
		seen = 0;
		tag = 0;
		flush = false
	}
}

/* On each hart of the mask, outside the kernel. */
inline shoot_down(hart)
{
#ifdef UNMAP_BY_TAG_ONLY
	if
	:: true ->
#else
	atomic { tag = space_tag[0]; seen = space_generation[0] };
	if
	:: hart_generation[hart] != seen -> flush_all(hart)
	:: hart_generation[hart] == seen ->
#endif
	   atomic { stale[hart * TAGS + space_tag[0]] = false; tlb[hart * TAGS + space_tag[0]] = tlb[hart * TAGS + space_tag[0]] & ~1; fill(hart) }
	fi;
	assert(loaded[hart] != 0 || !stale[ENTRY(hart)]);
	asked[hart] = false
}

proctype hart(byte me; byte switches)
{
	byte i, tag, seen, space;
	bool flush;

end:
	do
	:: atomic { asked[me] -> shoot_down(me); seen = 0; tag = 0 }
	:: atomic {
		!asked[me] && switches > 0;
		switches--;
		if
		:: space = 0
		:: space = 1
		:: space = 2
		fi
	   };
	   switch_to(me, space);
	   space = 0
	od;
end_of_search:
	do /* an end of the search still answers */
	:: asked[me] -> flush_all(me); asked[me] = false
	od
}
