/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends packets from guest to guest so that tests/bench/count can count what each costs; without a C library:
 *
 *   packets serve               answers one `cost` after another, for ever
 *   packets cost A.B.C.D [PORT] round trips, lone packets, packets 32 at once, and a stream of TCP, between marks, to the guest that serves,
 *                               or to a program at another port that answers the 16 MiB of the stream with a byte
 *   packets begin | end         sets a mark before, or behind, what another program does
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "program.h"

/* Linux system calls of riscv64 (include/uapi/asm-generic/unistd.h). */
enum {
	NR_CLOSE = 57,
	NR_READ = 63,
	NR_WRITE = 64,
	NR_PPOLL = 73,
	NR_EXIT = 93,
	NR_NANOSLEEP = 101,
	NR_SOCKET = 198,
	NR_BIND = 200,
	NR_LISTEN = 201,
	NR_ACCEPT = 202,
	NR_CONNECT = 203,
	NR_SENDTO = 206,
	NR_RECVFROM = 207,
};

enum { FAMILY_INET = 2, SOCKET_STREAM = 1, SOCKET_DATAGRAM = 2, SOCKET_RAW = 3, PROTOCOL_ICMP = 1 };
enum { ECHO_REPLY = 0, ECHO_REQUEST = 8 };

#define PORT 7000u /* and the default of `cost` */
#define ROUNDS 64u
#define AT_ONCE 32u
#define PAUSE_NS 5000000l          /* until all that a packet caused has ended */
#define STREAM (16u << 20)         /* bytes */
#define PIECE (64u << 10)
#define FRAME_64 (60u - 14 - 20 - 8)     /* payload of UDP: the least frame of 64 bytes has 4 of a checksum that is not sent here */
#define PACKET_1500 (1500u - 20 - 8)
#define PING 56u                   /* as ping sends */

struct address {
	uint16_t family, port; /* port and internet: big endian */
	uint32_t internet;
	uint8_t zero[8];
};
struct seconds {
	int64_t seconds, nanoseconds;
};
struct poll {
	int32_t file;
	int16_t wanted, found;
};
struct echo {
	uint8_t type, code;
	uint16_t sum, id, sequence;
	uint8_t data[PING];
};

/* Hints that tests/bench/count sees. */
#define MARK(number) __asm__ volatile("slti zero, zero, " #number ::: "memory")

static uint8_t buffer[PIECE] __attribute__((aligned(4096)));

static _Noreturn void finish(const char *text, int status)
{
	size_t length = 0;

	while (text[length])
		length++;
	call6(NR_WRITE, 1, (long)text, (long)length, 0, 0, 0);
	for (;;)
		call6(NR_EXIT, status, 0, 0, 0, 0, 0);
}

static long checked(long result, const char *text)
{
	if (result < 0)
		finish(text, 1);
	return result;
}

static void pause_for(int64_t nanoseconds)
{
	struct seconds time = { .nanoseconds = nanoseconds };

	call6(NR_NANOSLEEP, (long)&time, 0, 0, 0, 0, 0);
}

static uint16_t big_endian(uint16_t value)
{
	return (uint16_t)(value << 8 | value >> 8);
}

static long open_socket(int kind, int protocol)
{
	return checked(call6(NR_SOCKET, FAMILY_INET, kind, protocol, 0, 0, 0), "packets: cannot make a socket\n");
}

static long send_to(long file, const void *data, size_t size, const struct address *to)
{
	return call6(NR_SENDTO, file, (long)data, (long)size, 0, (long)to, to ? (long)sizeof(*to) : 0);
}

static long receive(long file, void *data, size_t size)
{
	return call6(NR_RECVFROM, file, (long)data, (long)size, 0, 0, 0);
}

/* serve */

/* Takes a stream to its end, then tells so. */
static void take_stream(long listener)
{
	long file = call6(NR_ACCEPT, listener, 0, 0, 0, 0, 0);

	if (file < 0)
		return;
	for (size_t left = STREAM; left;) {
		long got = call6(NR_READ, file, (long)buffer, (long)sizeof(buffer), 0, 0, 0);

		if (got <= 0 || (size_t)got > left)
			break;
		left -= (size_t)got;
	}
	call6(NR_WRITE, file, (long)"!", 1, 0, 0, 0);
	call6(NR_CLOSE, file, 0, 0, 0, 0, 0);
}

static _Noreturn void serve(void)
{
	struct address any = { .family = FAMILY_INET, .port = big_endian(PORT) };
	struct poll files[2] = { { .wanted = 1 }, { .wanted = 1 } };
	long datagrams = open_socket(SOCKET_DATAGRAM, 0), streams = open_socket(SOCKET_STREAM, 0);

	checked(call6(NR_BIND, datagrams, (long)&any, sizeof(any), 0, 0, 0), "packets: cannot bind a port of UDP\n");
	checked(call6(NR_BIND, streams, (long)&any, sizeof(any), 0, 0, 0), "packets: cannot bind a port of TCP\n");
	checked(call6(NR_LISTEN, streams, 1, 0, 0, 0, 0), "packets: cannot listen\n");
	files[0].file = (int32_t)datagrams;
	files[1].file = (int32_t)streams;
	for (;;) {
		checked(call6(NR_PPOLL, (long)files, 2, 0, 0, 0, 0), "packets: cannot wait\n");
		if (files[0].found)
			receive(datagrams, buffer, sizeof(buffer));
		if (files[1].found)
			take_stream(streams);
	}
}

/* cost */

static uint16_t sum_of(const void *data, size_t size)
{
	const uint16_t *word = data;
	uint32_t sum = 0;

	for (; size > 1; size -= 2)
		sum += *word++;
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~(sum + (sum >> 16));
}

static void round_trips(const struct address *peer)
{
	static struct echo request;
	long file = open_socket(SOCKET_RAW, PROTOCOL_ICMP);

	for (uint16_t round = 0; round < ROUNDS; round++) {
		uint8_t *answer = buffer;
		long got;

		request = (struct echo){ .type = ECHO_REQUEST, .id = big_endian(PORT), .sequence = big_endian(round) };
		request.sum = sum_of(&request, sizeof(request));
		pause_for(PAUSE_NS);
		MARK(1);
		checked(send_to(file, &request, sizeof(request), peer), "packets: cannot send an echo request\n");
		do
			got = checked(receive(file, answer, sizeof(buffer)), "packets: no answer to an echo request\n");
		while (got < 28 || answer[20] != ECHO_REPLY || answer[26] != request.sequence % 256 || answer[27] != request.sequence / 256);
		MARK(2);
	}
	call6(NR_CLOSE, file, 0, 0, 0, 0, 0);
}

static void send_some(long file, size_t size, unsigned count, const struct address *peer)
{
	for (unsigned i = 0; i < count; i++)
		checked(send_to(file, buffer, size, peer), "packets: cannot send\n");
	pause_for(PAUSE_NS);
}

/* Each mark pair holds the same pause, so that what the pause itself costs can be taken off. */
static void datagrams(const struct address *peer)
{
	long file = open_socket(SOCKET_DATAGRAM, 0);

	for (unsigned round = 0; round < ROUNDS; round++) {
		MARK(3);
		send_some(file, 0, 0, peer);
		MARK(4);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		MARK(5);
		send_some(file, FRAME_64, 1, peer);
		MARK(6);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		MARK(7);
		send_some(file, PACKET_1500, 1, peer);
		MARK(8);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		MARK(9);
		send_some(file, FRAME_64, AT_ONCE, peer);
		MARK(10);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		MARK(11);
		send_some(file, PACKET_1500, AT_ONCE, peer);
		MARK(12);
	}
	call6(NR_CLOSE, file, 0, 0, 0, 0, 0);
}

static void stream(const struct address *peer)
{
	long file = open_socket(SOCKET_STREAM, 0);

	checked(call6(NR_CONNECT, file, (long)peer, sizeof(*peer), 0, 0, 0), "packets: nobody serves there\n");
	MARK(13);
	for (unsigned piece = 0; piece < STREAM / PIECE; piece++)
		for (size_t done = 0; done < PIECE;)
			done += (size_t)checked(call6(NR_WRITE, file, (long)(buffer + done), (long)(PIECE - done), 0, 0, 0),
				"packets: the stream broke\n");
	if (receive(file, buffer, 1) != 1)
		finish("packets: the stream did not arrive\n", 1);
	MARK(14);
	call6(NR_CLOSE, file, 0, 0, 0, 0, 0);
}

static void cost(const char *text, const char *port)
{
	struct address peer = { .family = FAMILY_INET };
	unsigned part = 0, shift = 0, number = 0;

	for (; *port >= '0' && *port <= '9' && number < 65536; port++)
		number = number * 10 + (unsigned)(*port - '0');
	peer.port = big_endian((uint16_t)number);

	for (; *text; text++) {
		if (*text >= '0' && *text <= '9') {
			part = part * 10 + (unsigned)(*text - '0');
		} else {
			peer.internet |= (part & 255) << shift;
			part = 0;
			shift += 8;
		}
	}
	if (shift != 24)
		finish("packets: not an address\n", 2);
	peer.internet |= (part & 255) << shift;
	round_trips(&peer);
	datagrams(&peer);
	for (unsigned round = 0; round < 4; round++)
		stream(&peer);
	finish("packets: all sent\n", 0);
}

static bool is(const char *text, const char *other)
{
	while (*text && *text == *other) {
		text++;
		other++;
	}
	return *text == *other;
}

_Noreturn void program_main(const long *stack)
{
	long count = stack[0];
	const char *const *words = (const char *const *)(stack + 1);

	if (count == 2 && is(words[1], "serve"))
		serve();
	if ((count == 3 || count == 4) && is(words[1], "cost"))
		cost(words[2], count == 4 ? words[3] : "7000");
	if (count == 2 && is(words[1], "begin")) {
		MARK(15);
		finish("", 0);
	}
	if (count == 2 && is(words[1], "end")) {
		MARK(16);
		finish("", 0);
	}
	finish("usage: packets serve | packets cost A.B.C.D [PORT] | packets begin | packets end\n", 2);
}
