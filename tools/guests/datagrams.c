/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends and receives UDP over IPv4, many datagrams by one call, and in groups, without a C library:
 *
 *   datagrams send ADDRESS PORT count=N [parts=N] [size=N]
 *       sends N times so many parts (1) of `size` bytes (1000), which the NIC shall cut if it can; says "datagrams: sent PARTS".
 *   datagrams receive ADDRESS PORT seconds=N [group=ADDRESS]
 *       joins the group, if one is named, on the interface that has ADDRESS; says "datagrams: listening"; takes datagrams until none came for so
 *       long, a minute at first; says "datagrams: received PARTS, WRONG wrong, BYTES bytes".
 *
 * Each datagram begins with its number, 4 bytes, big endian; then byte i is (number * 7 + i) % 256.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "program.h"

/* Linux system calls of riscv64 (include/uapi/asm-generic/unistd.h), and their arguments (include/uapi/linux/in.h, udp.h). */
enum {
	NR_WRITE = 64, NR_EXIT = 93, NR_SOCKET = 198, NR_BIND = 200, NR_SENDTO = 206, NR_RECVFROM = 207, NR_SETSOCKOPT = 208,
};
enum { AF_INET = 2, SOCK_DGRAM = 2, SOL_SOCKET = 1, SO_RCVBUF = 8, RECEIVE_TIMEOUT = 20, IP_ADD_MEMBERSHIP = 35, SOL_UDP = 17, UDP_SEGMENT = 103 };

#define ERROR_AGAIN (-11L)
#define DATAGRAM_MAX 65507u
#define NUMBER_SIZE 4u
#define FIRST_SECONDS 60

struct socket_address {
	uint16_t family;
	uint8_t port[2], address[4], zero[8];
};

static uint8_t data[DATAGRAM_MAX];

static _Noreturn void finish(int status)
{
	for (;;)
		call6(NR_EXIT, status, 0, 0, 0, 0, 0);
}

static void say(const char *text, const uint64_t *numbers)
{
	say_line(NR_WRITE, "datagrams", text, numbers);
}

static void check(long result, const char *text)
{
	uint64_t number = (uint64_t)-result;

	if (result >= 0)
		return;
	say(text, &number);
	finish(1);
}

static uint64_t number_of(const char **text)
{
	uint64_t number = 0;

	if (**text < '0' || **text > '9')
		check(-1, "a number is missing");
	for (; **text >= '0' && **text <= '9' && number < 1000000; ++*text)
		number = number * 10 + (uint64_t)(**text - '0');
	return number;
}

static void address_of(const char *text, uint8_t *address)
{
	for (unsigned i = 0; i < 4; i++) {
		address[i] = (uint8_t)number_of(&text);
		if (*text++ != (i < 3 ? '.' : '\0'))
			check(-1, "not an address like 10.0.2.21");
	}
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

/* The last of the words that names it. */
static uint64_t option(const char *const *words, const char *name, uint64_t otherwise)
{
	for (; *words; words++) {
		const char *value = value_of(*words, name);

		if (value)
			otherwise = number_of(&value);
	}
	return otherwise;
}

static void send(long handle, const struct socket_address *to, const char *const *words)
{
	uint64_t count = option(words, "count", 1), parts = option(words, "parts", 1), size = option(words, "size", 1000), number = 0;
	int32_t segment = (int32_t)size;

	if (size < NUMBER_SIZE || parts == 0 || size * parts > sizeof(data))
		check(-1, "these are too many bytes, or too few");
	if (parts > 1)
		check(call6(NR_SETSOCKOPT, handle, SOL_UDP, UDP_SEGMENT, (long)&segment, sizeof(segment), 0), "cannot send parts, error #");
	for (uint64_t i = 0; i < count; i++) {
		for (uint64_t part = 0; part < parts; part++, number++) {
			uint8_t *at = data + part * size;

			for (unsigned byte = 0; byte < NUMBER_SIZE; byte++)
				at[byte] = (uint8_t)(number >> 8 * (NUMBER_SIZE - 1 - byte));
			for (uint64_t byte = NUMBER_SIZE; byte < size; byte++)
				at[byte] = (uint8_t)(number * 7 + byte);
		}
		check(call6(NR_SENDTO, handle, (long)data, (long)(size * parts), 0, (long)to, sizeof(*to)), "cannot send, error #");
	}
	say("sent #", &number);
}

static bool good(uint64_t length)
{
	uint64_t number = 0;

	if (length < NUMBER_SIZE)
		return false;
	for (unsigned byte = 0; byte < NUMBER_SIZE; byte++)
		number = number << 8 | data[byte];
	for (uint64_t byte = NUMBER_SIZE; byte < length; byte++) {
		if (data[byte] != (uint8_t)(number * 7 + byte))
			return false;
	}
	return true;
}

static void receive(long handle, struct socket_address *at, const char *const *words)
{
	int64_t timeout[2] = { FIRST_SECONDS, 0 };
	uint64_t numbers[3] = { 0, 0, 0 };
	uint8_t group[8];
	int32_t buffer = 4 << 20;

	memcpy(group + 4, at->address, 4);
	memset(at->address, 0, 4);
	check(call6(NR_BIND, handle, (long)at, sizeof(*at), 0, 0, 0), "cannot listen, error #");
	call6(NR_SETSOCKOPT, handle, SOL_SOCKET, SO_RCVBUF, (long)&buffer, sizeof(buffer), 0);
	for (const char *const *word = words; *word; word++) {
		const char *value = value_of(*word, "group");

		if (!value)
			continue;
		address_of(value, group);
		check(call6(NR_SETSOCKOPT, handle, 0, IP_ADD_MEMBERSHIP, (long)group, sizeof(group), 0), "cannot join, error #");
	}
	say("listening", NULL);
	for (;;) {
		long got;

		call6(NR_SETSOCKOPT, handle, SOL_SOCKET, RECEIVE_TIMEOUT, (long)timeout, sizeof(timeout), 0);
		got = call6(NR_RECVFROM, handle, (long)data, sizeof(data), 0, 0, 0);
		if (got == ERROR_AGAIN)
			break;
		check(got, "cannot receive, error #");
		timeout[0] = (int64_t)option(words, "seconds", 1);
		numbers[0]++;
		numbers[1] += !good((uint64_t)got);
		numbers[2] += (uint64_t)got;
	}
	say("received #, # wrong, # bytes", numbers);
}

_Noreturn void program_main(const long *stack)
{
	const char *const *words = (const char *const *)(stack + 1);
	struct socket_address address = { .family = AF_INET };
	const char *port;
	uint64_t number;
	long handle;

	if (stack[0] < 4)
		check(-1, "usage: datagrams send|receive ADDRESS PORT [WORD=VALUE...]");
	address_of(words[2], address.address);
	port = words[3];
	number = number_of(&port);
	address.port[0] = (uint8_t)(number >> 8);
	address.port[1] = (uint8_t)number;
	handle = call6(NR_SOCKET, AF_INET, SOCK_DGRAM, 0, 0, 0, 0);
	check(handle, "cannot open a socket, error #");
	if (words[1][0] == 's')
		send(handle, &address, words + 4);
	else
		receive(handle, &address, words + 4);
	finish(0);
}
