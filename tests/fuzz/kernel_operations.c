/* SPDX-License-Identifier: Apache-2.0 */
/* What each operation answers and does in the naive model, with the errors in the kernel's order. */
#include "kernel_model.h"

/* thread_lookup of the model, with the errors in the kernel's order. */
static enum err lookup(uint64_t cptr, unsigned type, unsigned rights, struct model_cap **cap)
{
	*cap = cptr ? model_lookup(&the_model, cptr) : NULL;
	if (!*cap)
		return ERR_INVALID_CAP;
	if ((*cap)->type != type)
		return ERR_WRONG_TYPE;
	return ((*cap)->rights & rights) == rights ? ERR_OK : ERR_NO_RIGHT;
}

static enum err in_range(const struct model_cap *cnode, uint64_t index, uint64_t count)
{
	uint64_t slots = UINT64_C(1) << the_model.object[cnode->object].size_bits;

	return index == 0 || index >= slots || count == 0 || count > slots - index ? ERR_RANGE : ERR_OK;
}

static bool size_valid(uint64_t type, uint64_t bits)
{
	if (type == OBJECT_CNODE)
		return bits >= 1 && bits <= 16;
	if (type == OBJECT_UNTYPED)
		return bits >= UNTYPED_MIN_BITS && bits <= UNTYPED_MAX_BITS;
	if (type == OBJECT_FRAME)
		return bits == 12 || bits == 21 || bits == 30;
	return type >= OBJECT_THREAD && type <= OBJECT_VCPU && bits == 0;
}

enum err model_retype(const struct request *request, struct model_cap *untyped)
{
	const uint64_t *a = request->a;
	struct model_cap *cnode;
	struct model_object *object = &the_model.object[untyped->object];
	enum err err = lookup(a[2], OBJECT_CNODE, RIGHT_WRITE, &cnode);

	if (err)
		return err;
	if (!size_valid(a[0], a[1]))
		return ERR_INVALID_ARGUMENT;
	if (untyped->type == OBJECT_UNTYPED_DEVICE && a[0] != OBJECT_FRAME)
		return ERR_WRONG_TYPE;
	if (model_depth(&the_model, untyped) == CAP_LEVEL_MAX)
		return ERR_LIMIT;
	err = in_range(cnode, a[3], a[4]);
	if (err)
		return err;
	for (uint64_t i = 0; i < a[4]; i++)
		if (model_find(&the_model, cnode->object, a[3] + i))
			return ERR_SLOT_OCCUPIED;
	int probe = model_add_object(&the_model, (unsigned)a[0], (unsigned)a[1], 0);
	uint64_t size = the_model.object[probe].size, at = model_has_children(&the_model, untyped) ? object->watermark : 0;

	the_model.objects--;
	at = (at + size - 1) / size * size;
	if (at > object->size || (object->size - at) / size < a[4])
		return ERR_NO_MEMORY;
	for (uint64_t i = 0; i < a[4]; i++, at += size) {
		int made = model_add_object(&the_model, (unsigned)a[0], (unsigned)a[1], object->base + at);

		(void)model_add(&the_model, made, untyped, cnode->object, (unsigned)(a[3] + i));
	}
	object->watermark = at;
	return ERR_OK;
}

static enum err check_pair(const struct request *request, const struct model_cap *cnode, unsigned right,
			   struct model_cap **from)
{
	struct model_cap *source;

	if (!(cnode->rights & RIGHT_WRITE))
		return ERR_NO_RIGHT;
	enum err err = lookup(request->a[1], OBJECT_CNODE, right, &source);

	if (!err)
		err = in_range(cnode, request->a[0], 1);
	if (!err)
		err = in_range(source, request->a[2], 1);
	if (err)
		return err;
	*from = model_find(&the_model, source->object, request->a[2]);
	if (!*from)
		return ERR_INVALID_CAP;
	return model_find(&the_model, cnode->object, request->a[0]) ? ERR_SLOT_OCCUPIED : ERR_OK;
}

enum err model_mint(const struct request *request, struct model_cap *cnode)
{
	static const uint32_t single = 1u << OBJECT_UNTYPED | 1u << OBJECT_UNTYPED_DEVICE | 1u << OBJECT_PAGE_TABLE |
				       1u << OBJECT_REPLY | 1u << OBJECT_IRQ_HANDLER;
	struct model_cap *from;
	uint64_t badge = request->a[4];
	enum err err = check_pair(request, cnode, RIGHT_READ, &from);

	if (err)
		return err;
	if (single >> from->type & 1)
		return ERR_WRONG_TYPE;
	if (model_depth(&the_model, from) == CAP_LEVEL_MAX)
		return ERR_LIMIT;
	if (badge && ((from->type != OBJECT_ENDPOINT && from->type != OBJECT_NOTIFICATION) || from->badge || badge >> 32))
		return ERR_INVALID_ARGUMENT;
	struct model_cap *made = model_derive(&the_model, from, cnode->object, (unsigned)request->a[0]);

	made->rights &= (uint8_t)request->a[3];
	if (badge)
		made->badge = (uint32_t)badge;
	return ERR_OK;
}

enum err model_move(const struct request *request, struct model_cap *cnode)
{
	struct model_cap *from;
	enum err err = check_pair(request, cnode, RIGHT_WRITE, &from);
	int holder = cnode->object;

	if (err)
		return err;
	from->holder = holder;
	from->index = (unsigned)request->a[0];
	return ERR_OK;
}

enum err model_end(const struct request *request, struct model_cap *cnode)
{
	if (!(cnode->rights & RIGHT_WRITE))
		return ERR_NO_RIGHT;
	enum err err = in_range(cnode, request->a[0], 1);
	struct model_cap *target = err ? NULL : model_find(&the_model, cnode->object, request->a[0]);

	if (target)
		model_delete(&the_model, target, request->number == OP_CNODE_DELETE);
	return err;
}

static void replace_inner(int holder, enum model_inner inner, const struct model_cap *source)
{
	struct model_cap *old = model_find(&the_model, holder, inner);

	if (old)
		old->live = false;
	if (source)
		(void)model_derive(&the_model, source, holder, inner);
}

enum err model_thread(const struct request *request, struct model_cap *thread)
{
	struct model_cap *cspace, *vspace, *fault = NULL;
	int holder = thread->object;

	if (!(thread->rights & RIGHT_WRITE))
		return ERR_NO_RIGHT;
	enum err err = lookup(request->a[0], OBJECT_CNODE, 0, &cspace);

	if (!err)
		err = lookup(request->a[1], OBJECT_VSPACE, 0, &vspace);
	if (!err && request->a[2])
		err = lookup(request->a[2], OBJECT_ENDPOINT, RIGHT_WRITE, &fault);
	if (err)
		return err;
	if (model_depth(&the_model, cspace) == CAP_LEVEL_MAX || model_depth(&the_model, vspace) == CAP_LEVEL_MAX ||
	    (fault && model_depth(&the_model, fault) == CAP_LEVEL_MAX))
		return ERR_LIMIT;
	replace_inner(holder, INNER_CSPACE, cspace);
	replace_inner(holder, INNER_VSPACE, vspace);
	replace_inner(holder, INNER_FAULT, fault);
	return ERR_OK;
}

enum err model_vcpu(const struct request *request, struct model_cap *vcpu)
{
	struct model_cap *gspace, *frame;
	int holder = vcpu->object;

	if (!(vcpu->rights & RIGHT_WRITE))
		return ERR_NO_RIGHT;
	enum err err = lookup(request->a[0], OBJECT_GSPACE, RIGHT_WRITE, &gspace);

	if (!err)
		err = lookup(request->a[1], OBJECT_FRAME, RIGHT_READ | RIGHT_WRITE, &frame);
	if (err)
		return err;
	uint64_t base = the_model.object[frame->object].base;

	if (the_model.object[frame->object].size_bits != 12 || base < HOST_MEMORY_BASE || base >= ARCHIVE_BASE)
		return ERR_INVALID_ARGUMENT;
	if (model_depth(&the_model, gspace) == CAP_LEVEL_MAX || model_depth(&the_model, frame) == CAP_LEVEL_MAX)
		return ERR_LIMIT;
	replace_inner(holder, INNER_GSPACE, gspace);
	replace_inner(holder, INNER_FRAME, frame);
	return ERR_OK;
}

static enum err find_space(uint64_t cptr, struct model_cap **space)
{
	*space = cptr ? model_lookup(&the_model, cptr) : NULL;
	if (!*space)
		return ERR_INVALID_CAP;
	if (!((*space)->rights & RIGHT_WRITE))
		return ERR_NO_RIGHT;
	return (*space)->type == OBJECT_VSPACE || (*space)->type == OBJECT_GSPACE ? ERR_OK : ERR_WRONG_TYPE;
}

static bool is_mapped(const struct model_cap *cap)
{
	return cap->mapped_in != MODEL_NONE && !the_model.object[cap->mapped_in].dead;
}

enum err model_frame(const struct request *request, struct model_cap *frame)
{
	uint64_t at = request->a[1];
	unsigned rights = (unsigned)(request->a[2] & RIGHT_ALL), bits = the_model.object[frame->object].size_bits;
	struct model_cap *space;

	if (request->number == OP_FRAME_UNMAP) {
		model_unmap(&the_model, frame);
		return ERR_OK;
	}
	enum err err = find_space(request->a[0], &space);

	if (err)
		return err;
	if (is_mapped(frame))
		return ERR_ALREADY_MAPPED;
	if (rights & ~(unsigned)frame->rights || !(rights & RIGHT_READ))
		return ERR_NO_RIGHT;
	if (at & ((UINT64_C(1) << bits) - 1))
		return ERR_ALIGNMENT;
	struct model_entry *entry = model_walk(&the_model, space->object, at, bits);

	if (!entry)
		return ERR_NO_TABLE;
	if (entry->object != MODEL_NONE)
		return ERR_ALREADY_MAPPED;
	*entry = (struct model_entry){ frame->object, rights };
	frame->mapped_in = space->object;
	frame->mapped_at = at;
	frame->level = bits;
	return ERR_OK;
}

enum err model_table(const struct request *request, struct model_cap *table)
{
	uint64_t at = request->a[1];
	struct model_cap *space;

	if (request->number == OP_PAGE_TABLE_UNMAP) {
		model_unmap(&the_model, table);
		return ERR_OK;
	}
	enum err err = find_space(request->a[0], &space);

	if (err)
		return err;
	if (is_mapped(table))
		return ERR_ALREADY_MAPPED;
	for (unsigned i = 0; i < MODEL_ENTRIES; i++)
		the_model.object[table->object].entry[i].object = MODEL_NONE;
	for (unsigned level = 30; level > 12; level -= 9) {
		struct model_entry *entry = model_walk(&the_model, space->object, at, level);

		if (!entry)
			break;
		if (entry->object != MODEL_NONE)
			continue;
		*entry = (struct model_entry){ table->object, 0 };
		table->mapped_in = space->object;
		table->mapped_at = at;
		table->level = level;
		return ERR_OK;
	}
	return ERR_ALREADY_MAPPED;
}

enum err model_irq_get(const struct request *request, struct model_cap *control)
{
	struct model_cap *cnode;
	unsigned source = (unsigned)request->a[0];
	enum err err = lookup(request->a[1], OBJECT_CNODE, RIGHT_WRITE, &cnode);

	if (!err)
		err = in_range(cnode, request->a[2], 1);
	if (err)
		return err;
	if (source == 0 || source > HOST_IRQ_LAST)
		return ERR_RANGE;
	for (int i = 0; i < the_model.objects; i++)
		if (the_model.object[i].type == OBJECT_IRQ_HANDLER && the_model.object[i].source == source && !the_model.object[i].dead)
			return ERR_BUSY;
	if (model_find(&the_model, cnode->object, request->a[2]))
		return ERR_SLOT_OCCUPIED;
	if (model_depth(&the_model, control) == CAP_LEVEL_MAX)
		return ERR_LIMIT;
	int made = model_add_object(&the_model, OBJECT_IRQ_HANDLER, 0, 0);

	the_model.object[made].source = source;
	(void)model_add(&the_model, made, control, cnode->object, (unsigned)request->a[2]);
	return ERR_OK;
}

enum err model_irq_bind(const struct request *request, struct model_cap *handler)
{
	struct model_cap *notification;
	enum err err = lookup(request->a[0], OBJECT_NOTIFICATION, RIGHT_WRITE, &notification);

	if (err)
		return err;
	if (model_depth(&the_model, notification) == CAP_LEVEL_MAX)
		return ERR_LIMIT;
	replace_inner(handler->object, INNER_IRQ, notification);
	return ERR_OK;
}
