/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway: looks up what root gave, and goes round its loop. */
#include <stdio.h>

#include <libsys/backend.h>
#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>

#include "random.h"
#include "router.h"
#include "status.h"

#define BUFFERS_MAX 2048u
#define STATUS_MS 200u /* between two writings of the status */
#define RAM_MIN ((size_t)4 << 20) /* for queues of two NICs, and enough buffers */

static struct description description;
static struct link links[SIDES];
static struct pool pool;
static struct buffer buffers[BUFFERS_MAX];
static struct nat nat;
static cptr_t server[SIDES];
static struct gateway_status *status;
static uint64_t told; /* ms: when the status was written */

static uint64_t now_ms(void)
{
	return sys_time() / (task_info()->timebase_hz / 1000);
}

static uint32_t now_short(void)
{
	return (uint32_t)now_ms();
}

static void signal_server(unsigned number)
{
	(void)sys_signal(server[number]);
}

static void open_link(unsigned number)
{
	char name[28];
	struct net_session *shared;

	snprintf(name, sizeof(name), "nic.%u.signal", number);
	server[number] = task_cap(name);
	snprintf(name, sizeof(name), "nic.%u.session", number);
	shared = backend_memory(name, sizeof(struct net_session));
	if (!server[number])
		task_fail("NIC %u has no signal", number);
	link_init(&links[number], &pool, shared, number, signal_server);
}

static void start(void)
{
	size_t size;
	void *tree = task_memory("system", &size);
	const char *problem = tree ? description_read(tree, size, &description) : "there is none";
	uint32_t random[2];
	uint8_t *ram;

	if (problem)
		task_fail("the system description: %s", problem);
	random_init(backend_memory("seed", RANDOM_KEY));
	ram = backend_memory("ram", RAM_MIN);
	(void)task_memory("ram", &size);
	status = backend_memory("status", sizeof(struct gateway_status));
	pool_init(&pool, ram, size, task_value("ram_base", 0));
	open_link(INSIDE);
	if (description.outside)
		open_link(OUTSIDE);
	pool_fill(&pool, buffers, BUFFERS_MAX);
	random[0] = random_next();
	random[1] = random_next();
	nat_init(&nat, &description, random);
	stack_init(&description, links, now_short, random_next);
	router_init(&description, links, &nat);
	log_info("%s: %u NICs of guests have addresses, %u ports lead to them%s", description.net, description.leases, description.forwards,
		 description.outside ? "" : "; no way out");
}

static uint64_t deadline(void)
{
	return sys_time() + (uint64_t)stack_wait() * (task_info()->timebase_hz / 1000);
}

/* All is looked at in every turn, whoever signalled; the stack's timers make one often enough for the status. */
static bool turn(uint64_t bits)
{
	uint64_t now = now_ms();
	bool more = router_turn(now);

	(void)bits;
	if (!told || now - told >= STATUS_MS) {
		told = now;
		status_write(status, &description, &nat, stack_outside(), links[INSIDE].dropped + links[OUTSIDE].dropped);
	}
	return more;
}

int main(void)
{
	backend_log();
	start();
	backend_run(turn, deadline);
}
