/* SPDX-License-Identifier: Apache-2.0 */
/* What a running guest and its VMM live from is taken away, from another hart if there is one. */
#include "races.h"

struct victim {
	struct guest guest;
	struct process vmm;
	cptr_t fault_endpoint, reply;
	uint32_t hart;
};

/* What follows. */
enum outcome {
	GUEST_FAULTS,  /* vcpu_run answers with a guest-page fault, again and again */
	RUN_FAILS,     /* vcpu_run answers ERR_INVALID_CAP */
	RUN_FAILS_KICKED, /* the same, but only after this exit */
	VMM_FAULTS,    /* after this exit, the VMM cannot fetch its next instruction */
	GUEST_STOPS,   /* and nothing else is seen */
	GUEST_GOES_ON,
};

static uint64_t turns(const struct victim *victim)
{
	return victim->guest.words[GUEST_WORD];
}

static void expect_outcome(const struct victim *victim, enum outcome outcome)
{
	const volatile uint64_t *data = victim->vmm.data;
	struct message message;
	uint64_t seen = turns(victim);

	if (outcome == RUN_FAILS_KICKED || outcome == VMM_FAULTS)
		must(sys_vcpu_kick(victim->guest.vcpu, 0), "kick");
	switch (outcome) {
	case GUEST_FAULTS:
		WAIT_FOR(data[1] > 2 && data[2] == ERR_OK && data[3] >= CAUSE_GUEST_FETCH_FAULT && data[3] <= CAUSE_GUEST_STORE_FAULT,
			 "the guest does not fault");
		break;
	case RUN_FAILS:
	case RUN_FAILS_KICKED:
		WAIT_FOR(data[1] > 2 && data[2] == ERR_INVALID_CAP, "vcpu_run does not fail");
		break;
	case VMM_FAULTS:
		must(sys_recv(victim->fault_endpoint, victim->reply, &message, sys_time() + WAIT_TICKS), "fault of the VMM");
		expect(message_label(message.info) == LABEL_FAULT && message.word[FAULT_CAUSE] == 12, "the VMM's fault", message.word[FAULT_CAUSE]);
		break;
	case GUEST_GOES_ON:
		WAIT_FOR(turns(victim) != seen, "the guest does not go on");
		return;
	case GUEST_STOPS:
		break;
	}
	sleep_ticks(1000);
	seen = turns(victim);
	sleep_ticks(ticks_of(1));
	expect(turns(victim) == seen, "the guest still runs", seen);
}

static void delete(cptr_t slot)
{
	must(cnode_delete(ROOT_SLOT_CNODE, slot), "delete");
}

static void unmap_memory(struct victim *victim)
{
	enum err err = frame_unmap(victim->guest.memory_there);

	expect(err == ERR_OK || err == ERR_INVALID_CAP, "unmap", (uint64_t)err); /* it may have been revoked */
}

static void revoke_memory(struct victim *victim) { must(cnode_revoke(ROOT_SLOT_CNODE, victim->guest.memory), "revoke"); }
static void unmap_table(struct victim *victim) { must(page_table_unmap(victim->guest.tables[pick(2)]), "unmap"); }
static void delete_table(struct victim *victim) { delete(victim->guest.tables[pick(2)]); }
static void delete_gspace(struct victim *victim) { delete(victim->guest.gspace); }
static void delete_page(struct victim *victim) { delete(victim->guest.page_frame); }
static void delete_vcpu(struct victim *victim) { delete(victim->guest.vcpu); }
static void delete_cnode(struct victim *victim) { delete(victim->vmm.cnode); }
static void delete_vspace(struct victim *victim) { delete(victim->vmm.vspace); }
static void delete_vmm_table(struct victim *victim) { delete(victim->vmm.tables[pick(2)]); }
static void delete_thread(struct victim *victim) { delete(victim->vmm.thread); }
static void delete_context(struct victim *victim) { delete(victim->vmm.context); }
static void unbind_context(struct victim *victim) { must(thread_bind_sched_context(victim->vmm.thread, 0), "unbind"); }
static void suspend(struct victim *victim) { must(thread_suspend(victim->vmm.thread), "suspend"); }

static void resume(struct victim *victim)
{
	suspend(victim);
	expect_outcome(victim, GUEST_STOPS);
	must(thread_resume(victim->vmm.thread), "resume");
}

static void bind_anew(struct victim *victim)
{
	if (pick(2))
		unbind_context(victim);
	else
		delete_context(victim);
	expect_outcome(victim, GUEST_STOPS);
	must(thread_bind_sched_context(victim->vmm.thread, context_of(ticks_of(1), ticks_of(2))), "bind");
}

static void reconfigure(struct victim *victim)
{
	must(sched_control_configure(ROOT_SLOT_SCHED_CONTROL, victim->vmm.context, 1 + pick(100), 100 + pick(1000), 0), "configure");
	must(sched_control_configure(ROOT_SLOT_SCHED_CONTROL, victim->vmm.context, ticks_of(1), ticks_of(1), 0), "configure");
}

static void move(struct victim *victim)
{
	for (unsigned i = 0; i < 20; i++) {
		move_to(victim->vmm.thread, (uint32_t)pick(root_info->harts));
		must(thread_set_priority(victim->vmm.thread, ROOT_SLOT_SCHED_CONTROL, PRIORITY_WORKER + pick(2)), "priority");
	}
}

static void kick_much(struct victim *victim)
{
	for (unsigned i = 0; i < 200; i++)
		must(sys_vcpu_kick(victim->guest.vcpu, pick(2) ? 0 : VCPU_IRQ_ALL), "kick");
}

static const struct {
	const char *name;
	void (*take)(struct victim *victim);
	enum outcome outcome;
} takes[] = {
	{ "memory unmapped", unmap_memory, GUEST_FAULTS },
	{ "memory revoked", revoke_memory, GUEST_FAULTS },
	{ "table unmapped", unmap_table, GUEST_FAULTS },
	{ "table deleted", delete_table, GUEST_FAULTS },
	{ "GSpace deleted", delete_gspace, RUN_FAILS },
	{ "page deleted", delete_page, RUN_FAILS },
	{ "vCPU deleted", delete_vcpu, RUN_FAILS },
	{ "CNode deleted", delete_cnode, RUN_FAILS_KICKED },
	{ "VSpace deleted", delete_vspace, VMM_FAULTS },
	{ "table of the VMM deleted", delete_vmm_table, VMM_FAULTS },
	{ "thread deleted", delete_thread, GUEST_STOPS },
	{ "context deleted", delete_context, GUEST_STOPS },
	{ "context unbound", unbind_context, GUEST_STOPS },
	{ "thread suspended", suspend, GUEST_STOPS },
	{ "thread resumed", resume, GUEST_GOES_ON },
	{ "context bound anew", bind_anew, GUEST_GOES_ON },
	{ "context configured", reconfigure, GUEST_GOES_ON },
	{ "thread moved", move, GUEST_GOES_ON },
	{ "guest kicked", kick_much, GUEST_GOES_ON },
};

static void take_once(unsigned number, uint32_t hart)
{
	struct victim victim = { .guest = make_guest(guest_spin), .hart = hart };

	victim.fault_endpoint = make(OBJECT_ENDPOINT, 0);
	victim.reply = make(OBJECT_REPLY, 0);
	victim.vmm = make_process(SYS_VCPU_RUN, victim.guest.vcpu, victim.fault_endpoint, hart);
	expect_outcome(&victim, GUEST_GOES_ON);
	takes[number].take(&victim);
	expect_outcome(&victim, takes[number].outcome);
	arena_end();
}

/* Each one alone, its outcome seen; of a guest on another hart, if there is one. */
static void test_each(void)
{
	for (unsigned i = 0; i < sizeof(takes) / sizeof(takes[0]); i++)
		take_once(i, 1);
}

/* Several guests at once, any of it in any order; only the kernel has to stand. */
static void test_all(void)
{
	uint64_t end = sys_time() + ticks_of(parameters.ms);
	static void (*const harmless[])(struct victim *) = { unmap_memory, revoke_memory, kick_much, suspend, reconfigure, move };

	while (sys_time() < end) {
		struct victim victims[4];

		for (unsigned i = 0; i < 4; i++) {
			victims[i] = (struct victim){ .guest = make_guest(guest_spin) };
			victims[i].fault_endpoint = make(OBJECT_ENDPOINT, 0);
			victims[i].vmm = make_process(SYS_VCPU_RUN, victims[i].guest.vcpu, victims[i].fault_endpoint, i);
		}
		for (unsigned i = 0; i < 12; i++) {
			sleep_ticks(pick(500));
			harmless[pick(sizeof(harmless) / sizeof(harmless[0]))](&victims[pick(4)]);
		}
		/* The rest ends with the arena, wherever it is. */
		arena_end();
	}
}

const struct race_case take_cases[] = {
	{ "take each", test_each },
	{ "take all", test_all },
	{ 0 },
};
