/* SPDX-License-Identifier: Apache-2.0 */
/* Commands: they ask the root task and print what it says. */
#include "command.h"

#include <stdio.h>
#include <string.h>

#include "guess.h"
#include "nat.h"
#include "nets.h"
#include "screen.h"
#include "volumes.h"

enum { WORDS_MAX = 3, LOG_LINES = 200, KIB = 1024 };

struct command {
	const char *name;
	const char *arguments;
	const char *text;
	bool needs_guest; /* the first argument names a channel */
	void (*run)(struct mux *mux, struct channel *channel, char *const word[]); /* the command, its arguments, NULL */
};

static const struct command *commands(unsigned *count);

static unsigned root_call(struct mux *mux, enum root_request request, uint64_t word[5])
{
	return mux->port->call(mux->port->context, request, word);
}

struct channel *command_find_channel(struct mux *mux, const char *name)
{
	const char *closest = NULL;
	unsigned best = 3, i, number = 0;

	for (i = 0; i < mux->channels; i++) {
		struct channel *channel = &mux->channel[i];

		if (channel->guest != MUX_NO_GUEST)
			number++;
		if (!strcmp(channel->name, name))
			return channel;
		if (channel->guest != MUX_NO_GUEST && !name[1] && name[0] == (char)('0' + number))
			return channel;
		if (guess_is_closer(name, channel->name, &best))
			closest = channel->name;
	}
	if (closest)
		screen_print(mux, "no guest is named '%s'; do you mean %s?", name, closest);
	else
		screen_print(mux, "no guest is named '%s'; `list` shows them", name);
	return NULL;
}

static const char *state_name(uint64_t state)
{
	switch (state) {
	case GUEST_OFF:
		return "off";
	case GUEST_STARTING:
		return "starting";
	case GUEST_RUNNING:
		return "running";
	case GUEST_CRASHED:
		return "crashed";
	default:
		return "unknown";
	}
}

void command_bytes(uint64_t bytes, char out[24])
{
	if (bytes >= 8 * (uint64_t)KIB * KIB)
		snprintf(out, 24, "%lu MiB", (unsigned long)(bytes / KIB / KIB));
	else
		snprintf(out, 24, "%lu KiB", (unsigned long)(bytes / KIB));
}

static void format_time(uint64_t ms, char out[32])
{
	unsigned long seconds = ms / 1000;

	if (seconds >= 86400)
		snprintf(out, 32, "%lud %02lu:%02lu:%02lu", seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60,
			seconds % 60);
	else
		snprintf(out, 32, "%lu:%02lu:%02lu", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

static void list_guest(struct mux *mux, unsigned number, struct channel *channel)
{
	uint64_t word[5] = {channel->guest};
	char memory[24], overhead[24], uptime[32];
	unsigned long exits = __atomic_load_n(&channel->shared->exits, __ATOMIC_RELAXED);

	if (root_call(mux, ROOT_GUEST_STATUS, word) != ROOT_OK) {
		screen_print(mux, "  %u %-15s the root task does not know it", number, channel->name);
		return;
	}
	command_bytes(word[1], memory);
	command_bytes(word[3], overhead);
	format_time(word[2], uptime);
	screen_print(mux, "%c %u %-15s %-9s %9s %9s %12s %12lu %6lu", channel == &mux->channel[mux->focus] ? '*' : ' ',
		number, channel->name, state_name(word[0]), memory, overhead, uptime, exits, (unsigned long)word[4]);
}

static void run_list(struct mux *mux, struct channel *unused, char *const word[])
{
	unsigned i, number = 0;

	(void)unused;
	(void)word;
	screen_print(mux, "  # %-15s %-9s %9s %9s %12s %12s %6s", "NAME", "STATE", "MEMORY", "OVERHEAD", "UPTIME", "EXITS",
		"STARTS");
	for (i = 0; i < mux->channels; i++) {
		if (mux->channel[i].guest != MUX_NO_GUEST)
			list_guest(mux, ++number, &mux->channel[i]);
	}
}

static void run_focus(struct mux *mux, struct channel *channel, char *const word[])
{
	(void)word;
	mux_focus(mux, (unsigned)(channel - mux->channel));
}

bool command_number(const char *text, uint64_t *value)
{
	size_t length = strspn(text, "0123456789"), i;

	if (!length || length > 9 || text[length])
		return false;
	for (i = 0, *value = 0; i < length; i++)
		*value = *value * 10 + (uint64_t)(text[i] - '0');
	return true;
}

static void run_log(struct mux *mux, struct channel *channel, char *const word[])
{
	const struct scrollback *scrollback = &channel->scrollback;
	const char *argument = word[2];
	uint64_t lines = LOG_LINES;
	unsigned long dropped;

	if (argument && !strcmp(argument, "all"))
		lines = scrollback->kept;
	else if (argument && !command_number(argument, &lines)) {
		screen_print(mux, "'%s' is not a number of lines; give one, or `all`", argument);
		return;
	}
	if (lines > scrollback->kept)
		lines = scrollback->kept;
	screen_print(mux, "-- log %s: last %lu of %lu lines --", channel->name, (unsigned long)lines,
		(unsigned long)scrollback->kept);
	dropped = __atomic_load_n(&channel->shared->dropped, __ATOMIC_RELAXED);
	if (dropped)
		screen_print(mux, "-- %lu bytes came faster than they could be kept --", dropped);
	mux->job = (struct mux_job){
		.active = true,
		.channel = (unsigned)(channel - mux->channel),
		.position = scrollback_tail(scrollback, lines),
		.end = scrollback->head,
	};
	channel->skipped = 0;
}

static void say_error(struct mux *mux, const char *verb, struct channel *channel, unsigned error)
{
	uint64_t word[5] = {channel->guest};
	const char *name = channel->name;

	switch (error) {
	case ROOT_WRONG_STATE:
		if (root_call(mux, ROOT_GUEST_STATUS, word) != ROOT_OK)
			word[0] = UINT64_MAX;
		screen_print(mux, "cannot %s %s: it is %s", verb, name, state_name(word[0]));
		break;
	case ROOT_NO_MEMORY:
		screen_print(mux, "cannot %s %s: not enough memory; `memory` shows what there is", verb, name);
		break;
	case ROOT_FAILED:
		screen_print(mux, "cannot %s %s: it could not be built; `log %s` and `log serai` say why", verb, name, name);
		break;
	default:
		screen_print(mux, "cannot %s %s: the root task refuses (%u)", verb, name, error);
		break;
	}
}

static bool change_guest(struct mux *mux, struct channel *channel, enum root_request request, const char *verb)
{
	uint64_t word[5] = {channel->guest};
	unsigned error;

	if (channel->guest == MUX_NO_GUEST) {
		screen_print(mux, "cannot %s %s: it is no guest", verb, channel->name);
		return false;
	}
	channel->stop_asked = request == ROOT_GUEST_STOP;
	error = root_call(mux, request, word);
	if (error == ROOT_OK)
		return true;
	channel->stop_asked = false;
	say_error(mux, verb, channel, error);
	return false;
}

static void run_start(struct mux *mux, struct channel *channel, char *const word[])
{
	(void)word;
	if (change_guest(mux, channel, ROOT_GUEST_START, "start"))
		screen_print(mux, "%s is starting", channel->name);
}

static void run_stop(struct mux *mux, struct channel *channel, char *const word[])
{
	(void)word;
	if (change_guest(mux, channel, ROOT_GUEST_STOP, "stop"))
		screen_print(mux, "%s is stopped", channel->name);
}

static void run_reboot(struct mux *mux, struct channel *channel, char *const word[])
{
	(void)word;
	if (change_guest(mux, channel, ROOT_GUEST_REBOOT, "reboot"))
		screen_print(mux, "%s is starting again", channel->name);
}

static void kill_server(struct mux *mux, const char *name, enum root_request request)
{
	uint64_t word[5] = {0};

	if (root_call(mux, request, word) == ROOT_OK)
		screen_print(mux, "the %s server is made to fault", name);
	else
		screen_print(mux, "cannot kill the %s server: it does not run", name);
}

static void run_kill(struct mux *mux, struct channel *channel, char *const word[])
{
	(void)word;
	if (channel->guest == MUX_NO_GUEST && !strcmp(channel->name, "block"))
		kill_server(mux, channel->name, ROOT_BLOCK_KILL);
	else if (channel->guest == MUX_NO_GUEST && !strcmp(channel->name, "net"))
		kill_server(mux, channel->name, ROOT_NET_KILL);
	else if (channel->guest == MUX_NO_GUEST && !strcmp(channel->name, GATEWAY_NAME))
		kill_server(mux, channel->name, ROOT_GATEWAY_KILL);
	else if (change_guest(mux, channel, ROOT_VMM_KILL, "kill"))
		screen_print(mux, "the VMM of %s is made to fault", channel->name);
}

static void run_memory(struct mux *mux, struct channel *unused, char *const words[])
{
	static const char *const names[5] = {"all", "free", "kernel and root task", "servers", "guests"};
	uint64_t word[5] = {0};
	unsigned i;

	(void)unused;
	(void)words;
	if (root_call(mux, ROOT_MEMORY, word) != ROOT_OK) {
		screen_print(mux, "the root task does not say");
		return;
	}
	for (i = 0; i < 5; i++)
		screen_print(mux, "  %-21s %10lu KiB", names[i], (unsigned long)(word[i] / KIB));
}

static void cpu_of_guest(struct mux *mux, unsigned number, struct channel *channel)
{
	uint64_t word[5] = {channel->guest};
	char cap[24] = "none";

	if (root_call(mux, ROOT_GUEST_CPU, word) != ROOT_OK) {
		screen_print(mux, "  %u %-15s the root task does not know it", number, channel->name);
		return;
	}
	if (word[1])
		snprintf(cap, sizeof(cap), "%lu%%", (unsigned long)word[1]);
	screen_print(mux, "%c %u %-15s %5lu %5lu %6s %10lu.%03lu s %12lu", channel == &mux->channel[mux->focus] ? '*' : ' ', number,
		channel->name, (unsigned long)word[4], (unsigned long)word[0], cap, (unsigned long)(word[2] / 1000),
		(unsigned long)(word[2] % 1000), (unsigned long)word[3]);
}

static void run_cpu(struct mux *mux, struct channel *unused, char *const words[])
{
	unsigned i, number = 0;

	(void)unused;
	(void)words;
	screen_print(mux, "  # %-15s %5s %5s %6s %16s %12s", "NAME", "VCPUS", "SHARE", "CAP", "CPU TIME", "OUT OF TIME");
	for (i = 0; i < mux->channels; i++) {
		if (mux->channel[i].guest != MUX_NO_GUEST)
			cpu_of_guest(mux, ++number, &mux->channel[i]);
	}
}

static void run_volumes(struct mux *mux, struct channel *unused, char *const word[])
{
	(void)unused;
	volumes_show(mux, word[1]);
}

static void run_snapshot(struct mux *mux, struct channel *unused, char *const word[])
{
	(void)unused;
	volumes_ask(mux, BLOCK_SNAPSHOT, word[1], word[2]);
}

static void run_rollback(struct mux *mux, struct channel *unused, char *const word[])
{
	(void)unused;
	volumes_ask(mux, BLOCK_ROLLBACK, word[1], word[2]);
}

static void run_forget(struct mux *mux, struct channel *unused, char *const word[])
{
	(void)unused;
	volumes_ask(mux, BLOCK_DELETE_SNAPSHOT, word[1], word[2]);
}

static void run_nets(struct mux *mux, struct channel *unused, char *const word[])
{
	(void)unused;
	(void)word;
	nets_show(mux);
}

static void run_nat(struct mux *mux, struct channel *unused, char *const word[])
{
	(void)unused;
	(void)word;
	nat_show(mux);
}

static void run_link(struct mux *mux, struct channel *unused, char *const word[])
{
	(void)unused;
	nets_link(mux, word[1], word[2]);
}

static void run_capture(struct mux *mux, struct channel *unused, char *const word[])
{
	(void)unused;
	nets_capture(mux, word[1], word[2]);
}

static void run_quit(struct mux *mux, struct channel *unused, char *const words[])
{
	uint64_t word[5] = {0};

	(void)unused;
	(void)words;
	screen_print(mux, "stopping all guests and powering off");
	mux->shutdown = true;
	(void)root_call(mux, ROOT_SHUTDOWN, word);
}

static void run_exit(struct mux *mux, struct channel *unused, char *const words[])
{
	(void)unused;
	(void)words;
	mux_close_prompt(mux);
}

static void run_help(struct mux *mux, struct channel *unused, char *const word[])
{
	const struct command *command;
	unsigned count, i;

	(void)unused;
	(void)word;
	command = commands(&count);
	for (i = 0; i < count; i++)
		screen_print(mux, "  %-8s %-16s %s", command[i].name, command[i].arguments, command[i].text);
	mux_help(mux);
}

static const struct command *commands(unsigned *count)
{
	static const struct command table[] = {
		{"list", "", "guests: state, memory, overhead, uptime, exits; * has the focus", false, run_list},
		{"focus", "NAME", "type to this guest and see its output as it is", true, run_focus},
		{"log", "NAME [LINES]", "what a guest printed: the last 200 lines, LINES, or `all`", true, run_log},
		{"start", "NAME", "start a guest that is off or crashed", true, run_start},
		{"stop", "NAME", "stop a guest at once; it loses what it has not saved", true, run_stop},
		{"reboot", "NAME", "stop a guest at once and start it again", true, run_reboot},
		{"cpu", "", "guests: vCPUs, share, cap, CPU time used, and how often the cap was reached", false, run_cpu},
		{"memory", "", "where the machine's memory is", false, run_memory},
		{"volumes", "[VOLUME]", "disks of guests: state, size, users, use; or all about one, with its snapshots", false, run_volumes},
		{"snapshot", "VOLUME NAME", "keep an overlay's state under this name; its guest goes on", false, run_snapshot},
		{"rollback", "VOLUME NAME", "back to a snapshot; what came after it is lost. The guest must be off", false, run_rollback},
		{"forget", "VOLUME NAME", "delete a snapshot; the volume's state stays", false, run_forget},
		{"nets", "", "switches and their ports: link, MAC, frames and bytes, and what was dropped and why", false, run_nets},
		{"nat", "", "the gateway: addresses, guests and their connections, and what was dropped and why", false, run_nat},
		{"link", "NAME[.N] up|down", "plug or unplug a guest's NIC; N: 0 for the first", false, run_link},
		{"capture", "[NAME] [on|off]", "write what a guest's NIC, NAME or NAME.N, or `uplink` sends and gets to a file", false, run_capture},
		{"kill", "NAME", "make a guest's VMM fault, or a server (`block`, `net`, `gateway`), to see it contained", true, run_kill},
		{"quit", "", "stop all guests and power the machine off", false, run_quit},
		{"exit", "", "back to the guest; so do an empty line and Ctrl-D", false, run_exit},
		{"help", "", "this list", false, run_help},
	};

	*count = sizeof(table) / sizeof(table[0]);
	return table;
}

static void say_unknown(struct mux *mux, const char *name)
{
	const struct command *command;
	const char *closest = NULL;
	unsigned count, i, best = 3;

	command = commands(&count);
	for (i = 0; i < count; i++) {
		if (guess_is_closer(name, command[i].name, &best))
			closest = command[i].name;
	}
	if (closest)
		screen_print(mux, "no command is named '%s'; do you mean %s?", name, closest);
	else
		screen_print(mux, "no command is named '%s'; `help` lists them", name);
}

/* Cuts a line at its spaces; returns the number of words, WORDS_MAX + 1 if there are more. */
static unsigned split(char *line, char *word[WORDS_MAX])
{
	unsigned count = 0;

	for (;;) {
		line += strspn(line, " ");
		if (!*line)
			return count;
		if (count == WORDS_MAX)
			return WORDS_MAX + 1;
		word[count++] = line;
		line += strcspn(line, " ");
		if (*line)
			*line++ = 0;
	}
}

/* How many words a line must and may have, the command's name included; optional arguments are in brackets. */
static void count_words(const char *arguments, unsigned *least, unsigned *most)
{
	*least = *most = 1;
	while (*arguments) {
		*least += *arguments != '[';
		*most += 1;
		arguments += strcspn(arguments, " ");
		arguments += strspn(arguments, " ");
	}
}

void command_run(struct mux *mux, char *line)
{
	char *word[WORDS_MAX + 1] = {NULL};
	const struct command *command;
	struct channel *channel = NULL;
	unsigned count, i, words = split(line, word), least, most;

	if (!words)
		return;
	command = commands(&count);
	for (i = 0; i < count && strcmp(command[i].name, word[0]); i++)
		;
	if (i == count) {
		say_unknown(mux, word[0]);
		return;
	}
	command += i;
	count_words(command->arguments, &least, &most);
	if (words > most || words < least) {
		screen_print(mux, "usage: %s%s%s", command->name, *command->arguments ? " " : "", command->arguments);
		return;
	}
	if (command->needs_guest) {
		channel = command_find_channel(mux, word[1]);
		if (!channel)
			return;
	}
	command->run(mux, channel, word);
}
