/* SPDX-License-Identifier: Apache-2.0 */
/* Doorbells: a guest's stores signal, it goes on behind them with all its registers, and who waits is there at once. */
#include "races.h"

enum { VCPU, NOTIFICATION, ENDPOINT, REPLY };
#define BELL 0x10001000ull /* nothing is mapped there */
#define OTHER_BELL (BELL + 8)
#define NO_BELL (BELL + 4) /* between them */
#define BADGE 0x10000u
#define OTHER_BADGE 2u
#define TURNS 200u
#define VS_MODE 1u
#define VU_MODE 0u

struct entry {
	const char *code;
	uint64_t last; /* offset of its last store, from which it does not come back */
	uint64_t bits; /* that it signals */
};

static const struct entry entries[] = {
	{ guest_bells, 8, BADGE },
	{ guest_bells_short, 6, BADGE },
	{ guest_bells_both, 16, BADGE | OTHER_BADGE },
};
#define ENTRIES (sizeof(entries) / sizeof(entries[0]))

static uint64_t entry_address(const struct entry *entry)
{
	return GUEST_BASE + (uint64_t)(entry->code - guest_bells);
}

static uint64_t pattern(uint64_t turn, unsigned number)
{
	return turn << 32 | 0xbe110000 | number;
}

static void prepare(volatile struct vcpu_page *page, const struct entry *entry, uint64_t mode, uint64_t turn)
{
	for (unsigned i = 1; i < 32; i++)
		page->gpr[i] = pattern(turn, i);
	page->gpr[11] = BELL;
	page->gpr[12] = OTHER_BELL;
	page->gpr[13] = NO_BELL;
	page->gpr[14] = GUEST_BASE;
	page->mode = mode;
	page->pc = entry_address(entry);
}

static void check_registers(const volatile struct vcpu_page *page, uint64_t turn)
{
	for (unsigned i = 1; i < 32; i++)
		expect((i >= 11 && i <= 14) || page->gpr[i] == pattern(turn, i), "a guest that rang lost a register", i);
	expect(page->gpr[11] == BELL && page->gpr[12] == OTHER_BELL && page->gpr[13] == NO_BELL && page->gpr[14] == GUEST_BASE,
	       "a guest that rang lost an address", turn);
}

static void check_fault(const struct vcpu_exit_info *exit, uint64_t address)
{
	expect(exit->cause == CAUSE_GUEST_STORE_FAULT, "the exit of a store", exit->cause);
	expect(exit->address == address, "the address of a store", exit->address);
}

/* At the last store, to an address that is no bell, and all before it was done. */
static void check_end(const volatile struct vcpu_page *page, const struct entry *entry, uint64_t mode, const struct vcpu_exit_info *exit)
{
	check_fault(exit, NO_BELL);
	expect(page->pc == entry_address(entry) + entry->last, "the pc of the last store", page->pc - GUEST_BASE);
	expect(page->mode == mode, "the mode of a guest that rang", page->mode);
}

/* A guest with both bells; `notification` is what they signal. */
static struct guest make_guest_with_bells(cptr_t notification)
{
	struct guest guest = make_guest(guest_bells);

	must(vcpu_set_bell(guest.vcpu, 5, BELL, copy(notification, BADGE)), "bell");
	must(vcpu_set_bell(guest.vcpu, 0, OTHER_BELL, copy(notification, OTHER_BADGE)), "bell");
	return guest;
}

/* --- with nobody to wake --- */

static void test_alone(void)
{
	cptr_t notification = make(OBJECT_NOTIFICATION, 0);
	struct guest guest = make_guest_with_bells(notification);
	struct vcpu_exit_info exit;
	uint64_t bits;

	for (uint64_t turn = 1; turn <= TURNS; turn++) {
		const struct entry *entry = &entries[turn % ENTRIES];
		uint64_t mode = turn / ENTRIES % 2 ? VU_MODE : VS_MODE;

		prepare(guest.page, entry, mode, turn);
		must(sys_vcpu_run(guest.vcpu, &exit), "run");
		check_end(guest.page, entry, mode, &exit);
		check_registers(guest.page, turn);
		expect(guest.words[GUEST_WORD] == pattern(turn, 10), "what stands behind a bell", guest.words[GUEST_WORD]);
		must(sys_poll(notification, &bits), "poll");
		expect(bits == entry->bits, "what bells signal", bits);
	}
}

/* --- with one who waits --- */

/* Whoever waits on the guest's hart is there before the guest goes on: the word is the last turn's. */
static void note_ring(struct worker *self, uint64_t bits)
{
	const volatile uint64_t *words = self->memory[1];

	expect(bits == BADGE, "what a bell signals", bits);
	if (self->value[0])
		expect(words[GUEST_WORD] == self->value[1], "the guest went on before who waited", words[GUEST_WORD]);
	self->value[1] = pattern(self->progress + 1, 10);
	__atomic_store_n(&self->progress, self->progress + 1, __ATOMIC_SEQ_CST);
}

static void run_waiter(struct worker *self)
{
	uint64_t bits;

	for (;;) {
		must(sys_wait(self->cap[NOTIFICATION], DEADLINE_NEVER, &bits), "wait");
		note_ring(self, bits);
	}
}

static void run_bound(struct worker *self)
{
	struct message message;

	for (;;) {
		must(sys_recv(self->cap[ENDPOINT], self->cap[REPLY], &message, DEADLINE_NEVER), "receive");
		expect(message_label(message.info) == LABEL_NOTIFICATION, "label of a signal", message.info);
		note_ring(self, message.badge);
	}
}

static void wait_for_turn(const struct worker *waiter, uint64_t turn)
{
	uint64_t end = sys_time() + WAIT_TICKS;

	if (waiter->value[0])
		expect(waiter->progress == turn, "who waits on the hart of a bell comes late", waiter->progress);
	while (__atomic_load_n(&waiter->progress, __ATOMIC_SEQ_CST) != turn) {
		expect(sys_time() < end, "nobody hears a bell", turn);
		sys_yield();
	}
}

static void run_vmm(struct worker *self)
{
	volatile struct vcpu_page *page = self->memory[0];
	const volatile uint64_t *words = self->memory[1];
	struct vcpu_exit_info exit;

	for (uint64_t turn = 1; turn <= TURNS; turn++) {
		const struct entry *entry = &entries[turn % 2];
		uint64_t mode = turn / 2 % 2 ? VU_MODE : VS_MODE;

		prepare(page, entry, mode, turn);
		must(sys_vcpu_run(self->cap[VCPU], &exit), "run");
		check_end(page, entry, mode, &exit);
		check_registers(page, turn);
		expect(words[GUEST_WORD] == pattern(turn, 10), "what stands behind a bell", words[GUEST_WORD]);
		wait_for_turn(&workers[1], turn);
		self->progress++;
	}
}

/* The VMM on one hart, who waits on another or the same, and more urgent. */
static void hear(void (*waits)(struct worker *self), uint32_t hart)
{
	cptr_t notification = make(OBJECT_NOTIFICATION, 0);
	struct guest guest = make_guest_with_bells(notification);
	struct worker *vmm = worker_new(0, run_vmm, root_info->harts - 1), *waiter = worker_new(1, waits, hart);

	vmm->cap[VCPU] = guest.vcpu;
	waiter->cap[NOTIFICATION] = notification;
	waiter->cap[ENDPOINT] = make(OBJECT_ENDPOINT, 0);
	waiter->cap[REPLY] = make(OBJECT_REPLY, 0);
	vmm->memory[0] = (void *)(uintptr_t)guest.page;
	vmm->memory[1] = waiter->memory[1] = (void *)(uintptr_t)guest.words;
	guest.words[GUEST_WORD] = 0;
	waiter->value[0] = waiter->hart == vmm->hart;
	worker_start(waiter);
	must(thread_set_priority(waiter->thread, ROOT_SLOT_SCHED_CONTROL, PRIORITY_WORKER + 1), "priority");
	if (waits == run_bound)
		must(thread_bind_notification(waiter->thread, notification), "bind");
	sleep_ticks(ticks_of(5)); /* it waits */
	worker_start(vmm);
	WAIT_FOR(vmm->done, "a guest that rings does not get on");
	arena_end();
}

static void test_heard(void)
{
	for (uint32_t i = 0; i < 2; i++) {
		hear(run_waiter, root_info->harts - 1 - i % root_info->harts);
		hear(run_bound, root_info->harts - 1 - i % root_info->harts);
	}
}

/* --- by the thread that runs the guest --- */

static void run_own(struct worker *self)
{
	volatile struct vcpu_page *page = self->memory[0];
	struct vcpu_exit_info exit;

	while (!__atomic_load_n(&self->value[0], __ATOMIC_ACQUIRE)) /* it is bound */
		sys_yield();
	for (uint64_t turn = 1; turn <= TURNS; turn++) {
		const struct entry *entry = &entries[turn % 2];

		prepare(page, entry, VS_MODE, turn);
		must(sys_vcpu_run(self->cap[VCPU], &exit), "run");
		expect(exit.cause == VCPU_EXIT_NOTIFIED && exit.bits == BADGE, "the exit of the VMM's own bell", exit.cause);
		expect(page->pc == entry_address(entry) + entry->last - 4, "the pc behind a bell", page->pc - GUEST_BASE);
		check_registers(page, turn);
		must(sys_vcpu_run(self->cap[VCPU], &exit), "run");
		check_end(page, entry, VS_MODE, &exit);
		check_registers(page, turn);
	}
}

static void test_own(void)
{
	cptr_t notification = make(OBJECT_NOTIFICATION, 0);
	struct guest guest = make_guest_with_bells(notification);
	struct worker *vmm = worker_new(0, run_own, 1);

	vmm->cap[VCPU] = guest.vcpu;
	vmm->memory[0] = (void *)(uintptr_t)guest.page;
	worker_start(vmm);
	must(thread_bind_notification(vmm->thread, notification), "bind");
	__atomic_store_n(&vmm->value[0], 1, __ATOMIC_RELEASE);
	WAIT_FOR(vmm->done, "a guest that rings does not get on");
}

/* --- a store whose instruction the kernel cannot read --- */

#define TABLE_ADDRESS (GUEST_BASE + 4096)
#define SATP_SV39 (8ull << 60)
#define PTE_ALL 0xcfull /* valid, readable, writable, executable, accessed, dirty */
#define FETCH_PAGE_FAULT 12u

/* The guest comes back to the store and finds out by itself: a page fault of its own. */
static void test_unmapped(void)
{
	cptr_t notification = make(OBJECT_NOTIFICATION, 0), table = make(OBJECT_FRAME, 12);
	struct guest guest = make_guest(guest_unmapped);
	volatile uint64_t *root = map_here(table);
	struct vcpu_exit_info exit;
	uint64_t bits;

	must(vcpu_set_bell(guest.vcpu, 1, BELL, copy(notification, BADGE)), "bell");
	map_in(guest.gspace, copy(table, 0), TABLE_ADDRESS, RIGHT_READ | RIGHT_WRITE);
	for (unsigned turn = 0; turn < 10; turn++) {
		root[0] = PTE_ALL;
		root[2] = root[3] = GUEST_BASE >> 2 | PTE_ALL;
		guest_reset(&guest);
		must(vcpu_write_register(guest.vcpu, VCPU_VSATP, 0), "no paging");
		guest.page->gpr[11] = BELL;
		guest.page->gpr[13] = SATP_SV39 | TABLE_ADDRESS >> 12;
		guest.page->gpr[14] = TABLE_ADDRESS;
		must(sys_vcpu_run(guest.vcpu, &exit), "run");
		expect(guest.page->pc < GUEST_BASE + 0x80000000, "a pc that no guest has", guest.page->pc);
		expect(exit.cause == CAUSE_VS_ECALL, "the exit of a guest without code", exit.cause);
		expect(guest.page->gpr[10] == FETCH_PAGE_FAULT, "the trap of a guest without code", guest.page->gpr[10]);
		expect(guest.page->gpr[12] == GUEST_BASE + (uint64_t)(guest_unmapped_bell - guest_unmapped), "where it trapped",
		       guest.page->gpr[12]);
		expect(sys_poll(notification, &bits) == ERR_WOULD_BLOCK, "a bell rang that nobody could read", bits);
	}
}

/* --- notifications that go --- */

/* Its last bell is dead: an exit at that store, as if it had never been set. */
static void expect_dead(const struct guest *guest, uint64_t turn)
{
	struct vcpu_exit_info exit;

	for (unsigned i = 0; i < 2; i++) {
		prepare(guest->page, &entries[i], VS_MODE, turn);
		must(sys_vcpu_run(guest->vcpu, &exit), "run");
		check_fault(&exit, BELL);
		expect(guest->page->pc == entry_address(&entries[i]), "the pc of a dead bell", guest->page->pc - GUEST_BASE);
		check_registers(guest->page, turn);
	}
}

static void test_gone(void)
{
	for (unsigned way = 0; way < 3; way++) {
		cptr_t notification = make(OBJECT_NOTIFICATION, 0);
		struct guest guest = make_guest_with_bells(notification);
		struct vcpu_exit_info exit;
		uint64_t bits;

		prepare(guest.page, &entries[0], VS_MODE, 1);
		must(sys_vcpu_run(guest.vcpu, &exit), "run");
		check_end(guest.page, &entries[0], VS_MODE, &exit);
		if (way < 2)
			must(cnode_revoke(ROOT_SLOT_CNODE, notification), "revoke");
		else
			must(vcpu_set_bell(guest.vcpu, 5, 0, 0), "no bell");
		if (way == 1) {
			/* The bell alone does not keep it. */
			must(vcpu_set_bell(guest.vcpu, 5, BELL, notification), "bell");
			must(cnode_delete(ROOT_SLOT_CNODE, notification), "delete");
		}
		expect_dead(&guest, 2);
		if (way != 1)
			expect(sys_poll(notification, &bits) == ERR_OK && bits == BADGE, "what a dead bell signals", bits);
		arena_end();
	}
}

static void run_ringing(struct worker *self)
{
	struct vcpu_exit_info exit;

	must(sys_vcpu_run(self->cap[VCPU], &exit), "run");
	check_fault(&exit, BELL);
}

/* The guest rings all the time, somebody waits, and it is all revoked from this hart. */
static void run_listener(struct worker *self)
{
	uint64_t bits;

	while (sys_wait(self->cap[NOTIFICATION], DEADLINE_NEVER, &bits) == ERR_OK)
		self->progress++;
}

static void revoke_once(unsigned number)
{
	cptr_t notification = make(OBJECT_NOTIFICATION, 0), heard = copy(notification, 0);
	struct guest guest = make_guest(guest_ring);
	struct worker *vmm = worker_new(0, run_ringing, 1), *listener = worker_new(1, run_listener, number);

	must(vcpu_set_bell(guest.vcpu, 7, BELL, copy(notification, BADGE)), "bell");
	vmm->cap[VCPU] = guest.vcpu;
	guest.page->gpr[11] = BELL;
	listener->cap[NOTIFICATION] = heard;
	worker_start(listener);
	must(thread_set_priority(listener->thread, ROOT_SLOT_SCHED_CONTROL, PRIORITY_WORKER + 1), "priority");
	worker_start(vmm);
	WAIT_FOR(listener->progress > 0 && guest.words[GUEST_WORD] > 0, "nobody hears a bell");
	expect(vcpu_set_bell(guest.vcpu, 7, BELL, notification) == ERR_BUSY, "a bell is set while the guest runs", 0);
	sleep_ticks(pick(3000));
	must(cnode_revoke(ROOT_SLOT_CNODE, notification), "revoke");
	if (number % 2)
		WAIT_FOR(vmm->done, "a bell that was revoked");
	must(cnode_delete(ROOT_SLOT_CNODE, notification), "delete"); /* the listener still waits for it */
	WAIT_FOR(vmm->done && listener->done, "a bell that is gone");
	arena_end();
}

static void test_revoked(void)
{
	uint64_t end = sys_time() + ticks_of(parameters.ms);
	unsigned number = 0;

	do {
		revoke_once(number++);
	} while (sys_time() < end || number < 8);
}

const struct race_case bell_cases[] = {
	{ "bells alone", test_alone },
	{ "bells heard", test_heard },
	{ "bells of the VMM", test_own },
	{ "bells unmapped", test_unmapped },
	{ "bells gone", test_gone },
	{ "bells revoked", test_revoked },
	{ 0 },
};
