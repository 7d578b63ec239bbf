/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends and counts Ethernet frames of a guest's NIC, also ones that Linux would not send, without a C library:
 *
 *   net send INTERFACE count=N | seconds=N [to=MAC] [from=MAC] [macs=N] [ip=ADDRESS | arp=ADDRESS] [target=ADDRESS] [size=N]
 *       says "net: sent FRAMES in MILLISECONDS". macs: N sources in turn; ip, arp: source of an IPv4 frame or sender of an ARP request
 *       to `target`; without them frames for experiments (type 0x88b5). size: bytes without the frame check sequence, at least 60.
 *       Left out: to everybody, from the interface's own address, 60 bytes, target 10.0.2.2.
 *   net count INTERFACE seconds=N [all=1]
 *       says "net: listening"; counts frames for experiments, or all, for so long after the first, and says
 *       "net: received FRAMES BYTES in MILLISECONDS"; ends without any after a minute.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "program.h"

/* Linux system calls of riscv64 (include/uapi/asm-generic/unistd.h), and what their arguments are (include/uapi/linux/if_packet.h). */
enum {
	NR_IOCTL = 29,
	NR_WRITE = 64,
	NR_EXIT = 93,
	NR_CLOCK_GETTIME = 113,
	NR_SOCKET = 198,
	NR_BIND = 200,
	NR_SENDTO = 206,
	NR_RECVFROM = 207,
	NR_SETSOCKOPT = 208,
};

#define AF_PACKET 17L
#define SOCK_RAW 3L
#define TYPE_ALL 0x0003u
#define TYPE_EXPERIMENT 0x88b5u
#define TYPE_IPV4 0x0800u
#define TYPE_ARP 0x0806u
#define GET_INDEX 0x8933L
#define GET_ADDRESS 0x8927L
#define SOL_SOCKET 1L
#define RECEIVE_TIMEOUT 20L
#define RECEIVE_BUFFER 33L
#define MESSAGE_TRUNCATE 0x20L
#define ERROR_AGAIN (-11L)
#define ERROR_NO_BUFFER (-105L)

#define ADDRESS 6u
#define FRAME_MIN 60u
#define FRAME_MAX 9018u
#define PATIENCE_MS 60000u
#define NS_IN_MS 1000000u

/* What the command line says. */
struct options {
	uint64_t count, seconds, size, macs, all;
	uint8_t to[ADDRESS], from[ADDRESS];
	uint8_t source[4], target[4];
	uint16_t type;
};

struct socket_address {
	uint16_t family, type; /* big endian */
	int32_t index;
	uint16_t hardware;
	uint8_t kind, length, address[8];
};

static uint8_t frame[FRAME_MAX] __attribute__((aligned(8)));

static long call(long number, long a, long b, long c, long d)
{
	return call6(number, a, b, c, d, 0, 0);
}

static _Noreturn void finish(int status)
{
	for (;;)
		call(NR_EXIT, status, 0, 0, 0);
}

static void say(const char *text, const uint64_t *numbers)
{
	say_line(NR_WRITE, "net", text, numbers);
}

static _Noreturn void fail(const char *text, long number)
{
	uint64_t value = (uint64_t)(number < 0 ? -number : number);

	say(text, &value);
	finish(1);
}

static uint64_t milliseconds(void)
{
	int64_t time[2] = { 0, 0 };

	call(NR_CLOCK_GETTIME, 1, (long)time, 0, 0);
	return (uint64_t)time[0] * 1000 + (uint64_t)time[1] / NS_IN_MS;
}

/* The rest of a word behind a name and '=', or NULL. */
static const char *value_of(const char *word, const char *name)
{
	while (*name && *word == *name) {
		word++;
		name++;
	}
	return *name == '\0' && *word == '=' ? word + 1 : NULL;
}

static uint64_t number_of(const char *text)
{
	uint64_t number = 0;

	if (!*text)
		fail("a number is missing", 0);
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || number > UINT64_C(1) << 50)
			fail("not a number", 0);
		number = number * 10 + (uint64_t)(*text - '0');
	}
	return number;
}

static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	return 16;
}

static void mac_of(const char *text, uint8_t *mac)
{
	for (unsigned i = 0; i < ADDRESS; i++, text += 3) {
		if (digit_of(text[0]) > 15 || digit_of(text[1]) > 15 || text[2] != (i < ADDRESS - 1 ? ':' : '\0'))
			fail("not a MAC address like 52:54:00:12:34:56", 0);
		mac[i] = (uint8_t)(digit_of(text[0]) << 4 | digit_of(text[1]));
	}
}

static void address_of(const char *text, uint8_t *address)
{
	for (unsigned i = 0; i < 4; i++, text++) {
		unsigned number = 0, digits = 0;

		for (; *text >= '0' && *text <= '9' && digits < 3; text++, digits++)
			number = number * 10 + (unsigned)(*text - '0');
		if (!digits || number > 255 || *text != (i < 3 ? '.' : '\0'))
			fail("not an address like 10.0.2.21", 0);
		address[i] = (uint8_t)number;
	}
}

static void read_word(struct options *options, const char *word)
{
	const char *value;

	if ((value = value_of(word, "count")))
		options->count = number_of(value);
	else if ((value = value_of(word, "seconds")))
		options->seconds = number_of(value);
	else if ((value = value_of(word, "size")))
		options->size = number_of(value);
	else if ((value = value_of(word, "macs")))
		options->macs = number_of(value);
	else if ((value = value_of(word, "all")))
		options->all = number_of(value);
	else if ((value = value_of(word, "to")))
		mac_of(value, options->to);
	else if ((value = value_of(word, "from")))
		mac_of(value, options->from);
	else if ((value = value_of(word, "target")))
		address_of(value, options->target);
	else if ((value = value_of(word, "ip"))) {
		address_of(value, options->source);
		options->type = TYPE_IPV4;
	} else if ((value = value_of(word, "arp"))) {
		address_of(value, options->source);
		options->type = TYPE_ARP;
	} else {
		fail("a word that it does not know", 0);
	}
}

static uint16_t big(uint32_t value)
{
	return (uint16_t)((value & 0xff) << 8 | (value >> 8 & 0xff));
}

static void put_big(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

/* A socket for frames of a type on an interface; the interface's address goes to `mac`. */
static long open_socket(const char *interface, uint16_t type, uint8_t *mac)
{
	struct {
		char name[16];
		int32_t index;
		uint8_t more[20];
	} request = { .name = "" };
	struct socket_address address = { .family = AF_PACKET, .type = big(type) };
	long handle = call(NR_SOCKET, AF_PACKET, SOCK_RAW, address.type, 0), error;

	if (handle < 0)
		fail("cannot open a socket for frames, error #", handle);
	for (unsigned i = 0; interface[i] && i < sizeof(request.name) - 1; i++)
		request.name[i] = interface[i];
	error = call(NR_IOCTL, handle, GET_INDEX, (long)&request, 0);
	address.index = request.index;
	if (error == 0)
		error = call(NR_IOCTL, handle, GET_ADDRESS, (long)&request, 0);
	/* struct sockaddr: the family, then the address, is where the index was. */
	memcpy(mac, (const uint8_t *)&request.index + 2, ADDRESS);
	if (error == 0)
		error = call(NR_BIND, handle, (long)&address, sizeof(address), 0);
	if (error)
		fail("there is no such interface, error #", error);
	return handle;
}

/* RFC 791. */
static void put_ipv4(const struct options *options, uint8_t *packet)
{
	uint32_t length = (uint32_t)options->size - 14, sum = 0;

	packet[0] = 0x45;
	put_big(packet + 2, length);
	packet[8] = 64; /* time to live */
	packet[9] = 17; /* UDP */
	memcpy(packet + 12, options->source, 4);
	memcpy(packet + 16, options->target, 4);
	for (unsigned i = 0; i < 20; i += 2)
		sum += (uint32_t)packet[i] << 8 | packet[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put_big(packet + 10, ~sum & 0xffff);
	/* UDP to and from port 9, which discards, without a checksum (RFC 768). */
	put_big(packet + 20, 9);
	put_big(packet + 22, 9);
	put_big(packet + 24, length - 20);
}

/* A request (RFC 826). */
static void put_arp(const struct options *options, uint8_t *packet)
{
	put_big(packet, 1);
	put_big(packet + 2, TYPE_IPV4);
	packet[4] = ADDRESS;
	packet[5] = 4;
	put_big(packet + 6, 1);
	memcpy(packet + 8, options->from, ADDRESS);
	memcpy(packet + 14, options->source, 4);
	memcpy(packet + 24, options->target, 4);
}

static void send(const char *interface, struct options *options)
{
	uint64_t sent = 0, tried = 0, start = milliseconds(), end = start + options->seconds * 1000, time = start;
	uint8_t own[ADDRESS];
	long handle = open_socket(interface, options->type, own);

	if (!(options->from[0] | options->from[1] | options->from[2] | options->from[3] | options->from[4] | options->from[5]))
		memcpy(options->from, own, ADDRESS);
	memcpy(frame, options->to, ADDRESS);
	memcpy(frame + ADDRESS, options->from, ADDRESS);
	put_big(frame + 12, options->type);
	if (options->type == TYPE_IPV4)
		put_ipv4(options, frame + 14);
	else if (options->type == TYPE_ARP)
		put_arp(options, frame + 14);
	while (options->seconds ? time < end : sent < options->count) {
		long result;

		if (options->macs) {
			put_big(frame + ADDRESS + 4, (uint32_t)(sent % options->macs));
			frame[ADDRESS] = 2; /* locally administered, for one */
		}
		result = call6(NR_SENDTO, handle, (long)frame, (long)options->size, 0, 0, 0);
		if (result == (long)options->size)
			sent++;
		else if (result != ERROR_NO_BUFFER)
			fail("cannot send, error #", result);
		if (options->seconds && ++tried % 16 == 0)
			time = milliseconds();
	}
	say("sent # in #", (uint64_t[]){ sent, milliseconds() - start });
}

static void count(const char *interface, const struct options *options)
{
	uint64_t frames = 0, bytes = 0, start = milliseconds(), end = start + PATIENCE_MS, time = start;
	uint16_t type = options->all ? TYPE_ALL : TYPE_EXPERIMENT;
	int64_t timeout[2] = { 0, 100000 }; /* seconds, microseconds */
	int32_t buffer = 8 << 20;
	uint8_t own[ADDRESS];
	long handle = open_socket(interface, type, own);

	call6(NR_SETSOCKOPT, handle, SOL_SOCKET, RECEIVE_TIMEOUT, (long)timeout, sizeof(timeout), 0);
	call6(NR_SETSOCKOPT, handle, SOL_SOCKET, RECEIVE_BUFFER, (long)&buffer, sizeof(buffer), 0);
	say("listening", NULL);
	while (time < end) {
		/* A small buffer, and the size of the whole. */
		long got = call6(NR_RECVFROM, handle, (long)frame, 64, MESSAGE_TRUNCATE, 0, 0);

		if (got < 0 && got != ERROR_AGAIN)
			fail("cannot receive, error #", got);
		time = milliseconds();
		if (got < 0 || time >= end)
			continue;
		if (!frames) {
			start = time;
			end = start + options->seconds * 1000;
		}
		frames++;
		bytes += (uint64_t)got;
	}
	say("received # # in #", (uint64_t[]){ frames, bytes, time - start });
}

_Noreturn void program_main(const long *stack)
{
	static struct options options = { .size = FRAME_MIN, .type = TYPE_EXPERIMENT, .to = { 255, 255, 255, 255, 255, 255 },
		.target = { 10, 0, 2, 2 } };
	const char *const *words = (const char *const *)(stack + 1);

	for (long i = 3; i < stack[0]; i++)
		read_word(&options, words[i]);
	if (options.size < FRAME_MIN || options.size > FRAME_MAX)
		fail("size: # at least", FRAME_MIN);
	if (stack[0] > 3 && words[1][0] == 's' && (options.count || options.seconds))
		send(words[2], &options);
	else if (stack[0] > 3 && words[1][0] == 'c' && options.seconds)
		count(words[2], &options);
	else
		fail("usage: net send INTERFACE count=N | seconds=N ..., or net count INTERFACE seconds=N", 0);
	finish(0);
}
