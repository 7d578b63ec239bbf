/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities that pass along with messages. */
#include "parties.h"

TEST(pass, capability_passes_with_grant)
{
	struct parties all = meet();
	cptr_t gift = make(OBJECT_FRAME, 12), to = free_slot();

	do_recv(all.server, all.endpoint, 0, to, DEADLINE_NEVER);
	assert_ok(do_send(all.client, all.endpoint, (uint64_t)gift << 32 | message_info(2, 1), 3).err);
	assert_int_equal(answer_of(all.server).info, UINT64_C(1) << 32 | message_info(2, 1));
	assert_int_equal(slot_at(to)->cap.type, OBJECT_FRAME);
	assert_int_equal(slot_at(to)->cap.level, slot_at(gift)->cap.level + 1);
	assert_ok(revoke_cap(gift));
	assert_true(slot_empty(slot_at(to)));
}

TEST(pass, capability_of_each_type_that_may_pass_does)
{
	static const uint8_t types[][2] = { { OBJECT_ENDPOINT, 0 }, { OBJECT_NOTIFICATION, 0 }, { OBJECT_FRAME, 12 } };
	struct parties all = meet();

	for (unsigned i = 0; i < 3; i++) {
		cptr_t gift = make(types[i][0], types[i][1]), to = free_slot();

		do_recv(all.server, all.endpoint, 0, to, DEADLINE_NEVER);
		assert_ok(do_send(all.client, all.endpoint, (uint64_t)gift << 32, 0).err);
		assert_int_equal(answer_of(all.server).info >> 32, 1);
		assert_int_equal(slot_at(to)->cap.type, types[i][0]);
	}
}

/* A thread whose CSpace is a CNode of its own, which has the endpoint in slot 1 and a gift in slot 2. */
static struct thread *make_apart(cptr_t endpoint, cptr_t *cnode)
{
	struct made_thread made = make_thread(100);

	*cnode = make(OBJECT_CNODE, 3);
	assert_ok(invoke(*cnode, OP_CNODE_MINT, 1, CNODE, endpoint, RIGHT_ALL, 0));
	assert_ok(invoke(*cnode, OP_CNODE_MINT, 2, CNODE, make(OBJECT_ENDPOINT, 0), RIGHT_ALL, 0));
	assert_ok(invoke(made.cap, OP_THREAD_CONFIGURE, *cnode, VSPACE, 0, 0, 0));
	thread_resume(made.thread);
	return made.thread;
}

TEST(pass, message_comes_without_capability_when_the_senders_cnode_is_gone)
{
	struct parties all = meet();
	cptr_t cnode, to = free_slot();
	struct thread *sender = make_apart(all.endpoint, &cnode);

	do_send(sender, 1, UINT64_C(2) << 32, 7);
	assert_int_equal(sender->state, THREAD_SENDING);
	assert_ok(delete_cap(cnode));
	assert_int_equal(do_recv(all.server, all.endpoint, 0, to, 0).word[0], 7);
	assert_int_equal(answer_of(all.server).info, 0);
	assert_true(slot_empty(slot_at(to)));
}

TEST(pass, message_comes_without_capability_when_the_receivers_cnode_is_gone)
{
	struct parties all = meet();
	cptr_t cnode, gift = make(OBJECT_ENDPOINT, 0);
	struct thread *receiver = make_apart(all.endpoint, &cnode);

	do_recv(receiver, 1, 0, 3, DEADLINE_NEVER);
	assert_ok(delete_cap(cnode));
	assert_ok(do_send(all.client, all.endpoint, (uint64_t)gift << 32, 7).err);
	assert_int_equal(answer_of(receiver).word[0], 7);
	assert_int_equal(answer_of(receiver).info, 0);
	assert_false(cap_has_children(slot_at(gift)));
}

TEST(pass, capability_passes_from_a_queued_sender)
{
	struct parties all = meet();
	cptr_t gift = make(OBJECT_NOTIFICATION, 0), to = free_slot();

	do_call(all.client, all.endpoint, (uint64_t)gift << 32, 0);
	struct answer got = do_recv(all.server, all.endpoint, all.reply, to, DEADLINE_NEVER);

	assert_int_equal(message_cap(got.info), 1);
	assert_int_equal(slot_at(to)->cap.type, OBJECT_NOTIFICATION);
}

TEST(pass, capability_stays_when_anything_is_against_it)
{
	struct parties all = meet();
	cptr_t gift = make(OBJECT_ENDPOINT, 0), no_grant = derive(all.endpoint, RIGHT_WRITE, 0), to = free_slot();
	cptr_t cnode = make(OBJECT_CNODE, 2), deep = make(OBJECT_ENDPOINT, 0), gone = make(OBJECT_ENDPOINT, 0);
	const struct {
		cptr_t endpoint, gift, to;
	} cases[] = {
		{ no_grant, gift, to },	 { all.endpoint, gift, 0 },	       { all.endpoint, gift, gift },
		{ all.endpoint, 0, to }, { all.endpoint, UINT32_MAX, to },     { all.endpoint, gift, UINT32_MAX },
		{ all.endpoint, RAM, to }, { all.endpoint, cnode, to },	       { all.endpoint, all.reply, to },
		{ all.endpoint, gone, to }, { all.endpoint, ROOT_SLOT_THREAD, to },
	};

	assert_ok(delete_cap(gone));
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		do_recv(all.server, all.endpoint, 0, cases[i].to, DEADLINE_NEVER);
		assert_ok(do_send(all.client, cases[i].endpoint, (uint64_t)cases[i].gift << 32, i).err);
		assert_int_equal(answer_of(all.server).info, 0);
		assert_int_equal(answer_of(all.server).word[0], i);
		assert_true(slot_empty(slot_at(to)));
	}
	while (slot_at(deep)->cap.level < CAP_LEVEL_MAX)
		deep = derive(deep, RIGHT_ALL, 0);
	do_recv(all.server, all.endpoint, 0, to, DEADLINE_NEVER);
	do_send(all.client, all.endpoint, (uint64_t)deep << 32, 0);
	assert_true(slot_empty(slot_at(to)));
}

TEST(pass, capability_passed_is_looked_up_when_received)
{
	struct parties all = meet();
	cptr_t gift = make(OBJECT_ENDPOINT, 0), to = free_slot();

	do_send(all.client, all.endpoint, (uint64_t)gift << 32, 0);
	assert_ok(delete_cap(gift));
	struct answer got = do_recv(all.server, all.endpoint, 0, to, DEADLINE_NEVER);

	assert_ok(got.err);
	assert_int_equal(got.info, 0);
	assert_true(slot_empty(slot_at(to)));
}

TEST(pass, passed_frame_does_not_take_the_mapping_along)
{
	struct parties all = meet();
	cptr_t frame = make(OBJECT_FRAME, 30 - 9), gspace = make(OBJECT_GSPACE, 0), table = make(OBJECT_PAGE_TABLE, 0), to = free_slot();

	assert_ok(invoke(table, OP_PAGE_TABLE_MAP, gspace, 0, 0, 0, 0));
	assert_ok(invoke(frame, OP_FRAME_MAP, gspace, 0, RIGHT_READ, 0, 0));
	do_recv(all.server, all.endpoint, 0, to, DEADLINE_NEVER);
	do_send(all.client, all.endpoint, (uint64_t)frame << 32, 0);
	assert_int_equal(slot_at(to)->cap.type, OBJECT_FRAME);
	assert_int_equal(slot_at(to)->cap.word, 0);
}

TEST(pass, capability_of_a_queued_sender_stays_without_grant)
{
	struct parties all = meet();
	cptr_t gift = make(OBJECT_ENDPOINT, 0), to = free_slot(), no_grant = derive(all.endpoint, RIGHT_WRITE, 0);

	do_send(all.client, no_grant, (uint64_t)gift << 32, 7);
	assert_int_equal(all.client->state, THREAD_SENDING);
	assert_int_equal(do_recv(all.server, all.endpoint, 0, to, 0).word[0], 7);
	assert_int_equal(answer_of(all.server).info, 0);
	assert_true(slot_empty(slot_at(to)));
}
