/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows from the capabilities and their order: ranges, which of them meet, which stands above which.
 *
 * These are functions of a few fields. Where the fields are those of a capability of the state before, the value is
 * taken from there: it is the same, and the solver need not find out that two circuits compute the same.
 */
#include "state.h"

/* Where a value of the state before can stand for one of now. */
struct twin {
	bool itself[PLACES]; /* the same capability is in the same place */
	bool source[PLACES]; /* the same object, size and place in memory as the source */
	bool level[PLACES], word[PLACES];
};

static bool same_memory(const struct cap *a, const struct cap *b)
{
	return (a->type == b->type) & (a->size_bits == b->size_bits) & (a->object == b->object);
}

static struct twin find_twins(const struct view *view, const struct view *old, unsigned source)
{
	struct twin twin;

	for (unsigned i = 0; i < PLACES; i++) {
		twin.itself[i] = old && same_memory(&view->cap[i], &old->cap[i]);
		twin.level[i] = old && view->cap[i].level == old->cap[i].level;
		twin.word[i] = old && view->cap[i].word == old->cap[i].word;
		twin.source[i] = old && source < PLACES && same_memory(&view->cap[i], &old->cap[source]);
	}
	return twin;
}

static bool is_below(const struct view *view, unsigned i, unsigned j)
{
	struct span outer = view->span[i], inner = view->span[j];

	return (inner.first >= outer.first) & (inner.last - outer.first < view->cap[i].word);
}

static void derive_each(struct view *view, const struct view *old, const struct twin *twin, unsigned source)
{
	for (unsigned i = 0; i < PLACES; i++) {
		view->span[i] = twin->itself[i] ? old->span[i] : twin->source[i] ? old->span[source] : cap_span(&view->cap[i]);
		for (unsigned t = 0; t < TABLES; t++) {
			struct span table = table_span(t);

			view->names[t][i] = (view->cap[i].type == OBJECT_CNODE) & (view->cap[i].object == table_address(t));
			view->meets_table[t][i] = twin->itself[i] ? old->meets_table[t][i] : twin->source[i] ? old->meets_table[t][source] :
							spans_meet(table, view->span[i]);
			view->covers_table[t][i] = twin->itself[i] ? old->covers_table[t][i] :
						   twin->source[i] ? old->covers_table[t][source] :
								     span_within(view->span[i], table);
		}
	}
}

static void derive_pair(struct view *view, const struct view *old, const struct twin *twin, unsigned source, unsigned i, unsigned j)
{
	const struct cap *a = &view->cap[i], *b = &view->cap[j];

	view->earlier[i][j] = view->full[i] & view->full[j] & (view->position[i] < view->position[j]);
	view->deeper[i][j] = twin->level[i] & twin->level[j] ? old->deeper[i][j] : a->level < b->level;
	if (twin->itself[i] & twin->itself[j]) {
		view->same[i][j] = old->same[i][j];
		view->meets[i][j] = old->meets[i][j];
		view->below[i][j] = twin->word[i] ? old->below[i][j] : is_below(view, i, j);
	} else if (twin->itself[i] & twin->source[j] & (i != source)) {
		view->same[i][j] = old->same[i][source];
		view->meets[i][j] = old->meets[i][source];
		view->below[i][j] = twin->word[i] ? old->below[i][source] : is_below(view, i, j);
	} else if (twin->source[i] & twin->itself[j] & (j != source)) {
		view->same[i][j] = old->same[source][j];
		view->meets[i][j] = old->meets[source][j];
		view->below[i][j] = is_below(view, i, j);
	} else {
		view->same[i][j] = same_thing(a, view->span[i], b, view->span[j]);
		view->meets[i][j] = spans_meet(view->span[i], view->span[j]);
		view->below[i][j] = is_below(view, i, j);
	}
}

void view_derive(struct view *view, const struct view *old, unsigned source)
{
	struct twin twin = find_twins(view, old, source);

	derive_each(view, old, &twin, source);
	for (unsigned i = 0; i < PLACES; i++)
		for (unsigned j = 0; j < PLACES; j++)
			if (i != j)
				derive_pair(view, old, &twin, source, i, j);
	for (unsigned i = 0; i < PLACES; i++) {
		view->earlier[i][i] = view->above[i][i] = view->same[i][i] = view->meets[i][i] = view->below[i][i] = false;
		for (unsigned j = 0; j < PLACES; j++) {
			bool above = i != j && (view->earlier[i][j] & view->deeper[i][j]);

			for (unsigned k = 0; k < PLACES; k++)
				if (k != i && k != j)
					above &= !(view->earlier[i][k] & view->earlier[k][j]) | view->deeper[i][k];
			view->above[i][j] = above;
		}
	}
}
