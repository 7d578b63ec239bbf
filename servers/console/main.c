/* SPDX-License-Identifier: Apache-2.0 */
/* The console server: the UART on one side, the channels of the guests on the other, the multiplexer between them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libsys/log.h>
#include <libsys/server.h>
#include <libsys/task.h>

#include "driver_ns16550.h"
#include "mux.h"

#define SIGNAL_UART (1u << 30)
#define ESCAPE_DEFAULT 0x1du /* Ctrl-] */
#define SCROLLBACK_DEFAULT (512u << 10)
#define SCROLLBACK_MAX (16u << 20)

enum {
	ROUNDS = 16,          /* of work before signals are looked at again */
	INPUT_CHUNK = 64,     /* bytes per round */
	INPUT_ROOM = 8192,    /* of the terminal queue, so that what a key prints is not cut */
	ROOT_NO_ANSWER = 255, /* beside enum root_error */
};

static struct uart uart;
static struct mux mux;
static cptr_t uart_irq;
static cptr_t client[MUX_CHANNELS]; /* notifications */
static uint64_t ticks_per_ms;
static bool work_left;
static bool input_due = true; /* the UART may hold input */

/* While clients print much, their rings are looked at every millisecond instead of at each signal. */
static bool burst;
static uint64_t burst_at; /* ticks: when the rings were last looked at, or a client signalled */

static size_t port_room(void *context)
{
	(void)context;
	return ns16550_room(&uart);
}

static void port_write(void *context, const void *bytes, size_t length)
{
	(void)context;
	(void)ns16550_write(&uart, bytes, length);
}

static void port_signal(void *context, unsigned channel, uint32_t bits)
{
	/* The capability's badge holds both bits: the client looks at its rings on either. */
	(void)context;
	(void)bits;
	if (client[channel])
		(void)sys_signal(client[channel]);
}

static unsigned port_call(void *context, enum root_request request, uint64_t word[5])
{
	struct message message = {.info = message_info((uint16_t)request, 1), .word = {word[0]}};

	(void)context;
	if (request == ROOT_SHUTDOWN)
		return sys_send(TASK_SLOT_ROOT, &message) == ERR_OK ? ROOT_OK : ROOT_NO_ANSWER;
	if (sys_call(TASK_SLOT_ROOT, &message) != ERR_OK)
		return ROOT_NO_ANSWER;
	memcpy(word, message.word, sizeof(message.word));
	return message_label(message.info);
}
_Static_assert(MESSAGE_WORDS == 5, "words of a call to the root task");

static uint64_t port_now(void *context)
{
	(void)context;
	return sys_time() / ticks_per_ms;
}

static void port_block_signal(void *context)
{
	(void)context;
	(void)sys_signal(task_cap("block.signal"));
}

static void port_net_signal(void *context)
{
	(void)context;
	(void)sys_signal(task_cap("net.signal"));
}

static struct port port = {
	.room = port_room,
	.write = port_write,
	.signal = port_signal,
	.call = port_call,
	.now = port_now,
	.block_signal = port_block_signal,
	.net_signal = port_net_signal,
};

static bool receive(void)
{
	uint8_t bytes[INPUT_CHUNK];
	size_t room = mux_input_room(&mux), count = 0, i;
	bool accept = room && ns16550_room(&uart) >= INPUT_ROOM;

	if (accept)
		count = ns16550_receive(&uart, bytes, room < INPUT_CHUNK ? room : INPUT_CHUNK);
	for (i = 0; i < count; i++)
		mux_input(&mux, bytes[i]);
	ns16550_accept(&uart, accept);
	input_due = !accept || count == INPUT_CHUNK;
	return count != 0;
}

/* Works until nothing moves, or for a while. Clients signal again once nothing moves. */
static void work(void)
{
	unsigned round;

	for (round = 0; round < ROUNDS; round++) {
		bool moved = input_due && receive();

		moved |= mux_turn(&mux);
		ns16550_pump(&uart);
		if (!moved && mux_prepare_wait(&mux)) {
			work_left = false;
			if (burst)
				mux_hold_signals(&mux);
			return;
		}
	}
	work_left = true;
}

static void acknowledge(void)
{
	static const uint64_t none[5];

	if (sys_invoke(uart_irq, OP_IRQ_HANDLER_ACKNOWLEDGE, none, NULL) != ERR_OK)
		task_fail("the UART's interrupt cannot be acknowledged");
}

/* A client's second signal within a millisecond begins a burst, a millisecond with no output ends it. */
static void follow_burst(bool output)
{
	uint64_t time = sys_time();

	burst = output && (burst || time - burst_at < ticks_per_ms);
	burst_at = time;
}

static void signals(uint64_t bits)
{
	if (bits & SIGNAL_UART) {
		ns16550_interrupt(&uart);
		input_due = true;
	}
	if (bits & ~(uint64_t)(SIGNAL_UART | CONSOLE_SIGNAL_STATE))
		follow_burst(true);
	work();
	if (bits & CONSOLE_SIGNAL_STATE) {
		/* After what the guest and its VMM said before they ended. */
		mux_states(&mux);
		work();
	}
	if (bits & SIGNAL_UART)
		acknowledge();
}

static void timer(void)
{
	if (burst)
		follow_burst(mux_readable(&mux));
	work();
}

static uint64_t deadline(void)
{
	uint64_t ms, ticks;

	if (work_left)
		return 0;
	ms = mux_deadline(&mux);
	ticks = ms >= DEADLINE_NEVER / ticks_per_ms ? DEADLINE_NEVER : ms * ticks_per_ms;
	return burst && burst_at + ticks_per_ms < ticks ? burst_at + ticks_per_ms : ticks;
}

static bool request(struct message *message)
{
	/* No requests are defined: clients have their channels. */
	*message = (struct message){.info = message_info(ROOT_UNKNOWN, 0)};
	return true;
}

static void log_sink(const char *line, unsigned long length)
{
	mux_log(&mux, line, length);
}

/* Absent if the system has no disks. */
static void find_block_server(void)
{
	size_t status_size = 0, command_size = 0;
	const void *status = task_memory("block.status", &status_size);
	void *command = task_memory("block.command", &command_size);

	if (!status || !command || status_size < sizeof(struct block_status) || command_size < sizeof(struct block_command))
		return;
	port.block_status = status;
	port.block_command = command;
}

/* Absent if the system has no networks. */
static void find_net_server(void)
{
	size_t status_size = 0, command_size = 0;
	const void *status = task_memory("net.status", &status_size);
	void *command = task_memory("net.command", &command_size);

	if (!status || !command || status_size < sizeof(struct net_status) || command_size < sizeof(struct net_command))
		return;
	port.net_status = status;
	port.net_command = command;
}

/* Absent if no network has nat. */
static void find_gateway(void)
{
	size_t size = 0;
	const void *status = task_memory("gateway.status", &size);

	if (status && size >= sizeof(struct gateway_status))
		port.gateway_status = status;
}

/* False if there is no channel of this number. */
static bool add_channel(unsigned number, size_t scrollback_size)
{
	char key[sizeof(((struct task_resource *)0)->name)];
	struct console_channel *shared;
	const char *name;
	uint8_t *scrollback, color;
	uint32_t guest;
	size_t size;

	snprintf(key, sizeof(key), "channel.%u.name", number);
	name = task_string(key, NULL);
	snprintf(key, sizeof(key), "channel.%u", number);
	shared = task_memory(key, &size);
	if (!name || !shared)
		return false;
	snprintf(key, sizeof(key), "channel.%u.notification", number);
	client[number] = task_cap(key);
	snprintf(key, sizeof(key), "channel.%u.color", number);
	color = (uint8_t)(task_value(key, 7) & 7);
	snprintf(key, sizeof(key), "channel.%u.guest", number);
	guest = (uint32_t)task_value(key, MUX_NO_GUEST);
	scrollback = malloc(scrollback_size);
	if (size < sizeof(*shared) || !scrollback ||
		!mux_add(&mux, name, color ? color : 7, guest, shared, scrollback, scrollback_size))
		task_fail("channel %u (%s) cannot be opened", number, name);
	return true;
}

int main(void)
{
	static const struct server server = {
		.request = request,
		.signals = signals,
		.timer = timer,
		.deadline = deadline,
	};
	uint64_t scrollback = task_value("scrollback", SCROLLBACK_DEFAULT);
	volatile uint8_t *registers = task_memory("uart", NULL);
	unsigned number = 0;

	uart_irq = task_cap("uart.irq");
	if (!registers || !uart_irq)
		task_fail("no UART was given");
	ticks_per_ms = task_info()->timebase_hz / 1000;
	if (!ticks_per_ms)
		ticks_per_ms = 1;
	if (scrollback < SCROLLBACK_SIZE_MIN || scrollback > SCROLLBACK_MAX)
		scrollback = SCROLLBACK_DEFAULT;
	ns16550_init(&uart, registers);
	find_block_server();
	find_net_server();
	find_gateway();
	mux_init(&mux, &port, (uint8_t)task_value("escape", ESCAPE_DEFAULT));
	while (number < MUX_CHANNELS && add_channel(number, scrollback))
		number++;
	if (!number)
		task_fail("no channel was given");
	log_set_sink(log_sink);
	mux_start(&mux);
	acknowledge();
	work();
	server_run(&server);
}
