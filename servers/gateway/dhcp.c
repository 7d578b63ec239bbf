/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of options are those of RFC 2132. */
#include "dhcp.h"

#include <string.h>

#include "bytes.h"

#define HEADER 236u /* up to the options' cookie */
#define COOKIE 0x63825363u
#define HLEN 6u
#define BROADCAST 0x8000u

enum { OP_REQUEST = 1, OP_REPLY = 2 };
enum { AT_OP = 0, AT_TYPE = 1, AT_LENGTH = 2, AT_ID = 4, AT_FLAGS = 10, AT_CLIENT = 12, AT_YOURS = 16, AT_RELAY = 24, AT_MAC = 28 };
enum { DISCOVER = 1, OFFER = 2, REQUEST = 3, ACK = 5, NAK = 6, INFORM = 8 };
enum {
	OPTION_PAD = 0,
	OPTION_MASK = 1,
	OPTION_ROUTER = 3,
	OPTION_DNS = 6,
	OPTION_HOST_NAME = 12,
	OPTION_DOMAIN = 15,
	OPTION_MTU = 26,
	OPTION_BROADCAST = 28,
	OPTION_REQUESTED = 50,
	OPTION_LEASE = 51,
	OPTION_TYPE = 53,
	OPTION_SERVER = 54,
	OPTION_END = 255,
};

/* What matters of a client's options; 0: missing. */
struct options {
	uint8_t type;
	uint32_t requested, server;
};

/* false: they do not end within the message. What is there twice counts the last time. */
static bool read_options(const uint8_t *at, size_t left, struct options *options)
{
	while (left) {
		uint8_t code = at[0];
		size_t size;

		if (code == OPTION_END)
			return true;
		if (code == OPTION_PAD) {
			at++;
			left--;
			continue;
		}
		if (left < 2 || (size = at[1]) > left - 2)
			return false;
		if (code == OPTION_TYPE && size == 1)
			options->type = at[2];
		else if (code == OPTION_REQUESTED && size == 4)
			options->requested = load32(at + 2);
		else if (code == OPTION_SERVER && size == 4)
			options->server = load32(at + 2);
		at += size + 2;
		left -= size + 2;
	}
	return false;
}

/* The type of the answer to a message, 0: none (RFC 2131, section 4.3). */
static uint8_t choose(const struct description *description, const struct lease *lease, const struct options *options, uint32_t client)
{
	uint32_t wanted = options->requested ? options->requested : client;

	switch (options->type) {
	case DISCOVER:
		return OFFER;
	case REQUEST:
		/* An offer of another server was taken. */
		if (options->server && options->server != description->address)
			return 0;
		return wanted == lease->address ? ACK : NAK;
	case INFORM:
		return client == lease->address ? ACK : 0;
	default:
		return 0;
	}
}

static uint8_t *put(uint8_t *at, uint8_t code, const void *value, size_t size)
{
	*at++ = code;
	*at++ = (uint8_t)size;
	memcpy(at, value, size);
	return at + size;
}

static uint8_t *put32(uint8_t *at, uint8_t code, uint32_t value)
{
	uint8_t bytes[4];

	store32(bytes, value);
	return put(at, code, bytes, sizeof(bytes));
}

static uint8_t *put_network(const struct description *description, const struct lease *lease, uint8_t *at)
{
	uint8_t mtu[2];

	store16(mtu, description->mtu);
	at = put32(at, OPTION_MASK, description->mask);
	at = put32(at, OPTION_BROADCAST, description->address | ~description->mask);
	/* Without a way out there is no router, so programs know at once. */
	if (description->outside)
		at = put32(at, OPTION_ROUTER, description->address);
	at = put32(at, OPTION_DNS, description->address);
	at = put(at, OPTION_HOST_NAME, lease->name, strlen(lease->name));
	at = put(at, OPTION_DOMAIN, description->net, strlen(description->net));
	return put(at, OPTION_MTU, mtu, sizeof(mtu));
}

static void build(const struct description *description, const uint8_t *message, uint8_t type, bool informs, struct dhcp_answer *answer)
{
	uint8_t *at = answer->message + HEADER;

	memset(answer->message, 0, sizeof(answer->message));
	answer->message[AT_OP] = OP_REPLY;
	answer->message[AT_TYPE] = 1;
	answer->message[AT_LENGTH] = HLEN;
	memcpy(answer->message + AT_ID, message + AT_ID, 4);
	memcpy(answer->message + AT_FLAGS, message + AT_FLAGS, 2);
	memcpy(answer->message + AT_MAC, answer->lease->mac, HLEN);
	if (type != NAK) {
		memcpy(answer->message + AT_CLIENT, message + AT_CLIENT, 4);
		store32(answer->message + AT_YOURS, informs ? 0 : answer->lease->address);
	}
	store32(at, COOKIE);
	at = put(at + 4, OPTION_TYPE, &type, 1);
	at = put32(at, OPTION_SERVER, description->address);
	if (type != NAK) {
		if (!informs)
			at = put32(at, OPTION_LEASE, DHCP_LEASE_SECONDS);
		at = put_network(description, answer->lease, at);
	}
	*at++ = OPTION_END;
	answer->length = (size_t)(at - answer->message);
	/* BOOTP's least, which some clients still want (RFC 951). */
	if (answer->length < 300)
		answer->length = 300;
}

void dhcp_serve(const struct description *description, const uint8_t source[MAC_SIZE], const uint8_t *message, size_t length,
		struct dhcp_answer *answer)
{
	struct options options = { 0 };
	uint32_t client;
	uint8_t type;

	answer->length = 0;
	if (length < HEADER + 4 || message[AT_OP] != OP_REQUEST || message[AT_TYPE] != 1 || message[AT_LENGTH] != HLEN ||
	    load32(message + AT_RELAY) != 0 || load32(message + HEADER) != COOKIE || memcmp(message + AT_MAC, source, MAC_SIZE) != 0 ||
	    !read_options(message + HEADER + 4, length - HEADER - 4, &options))
		return;
	answer->lease = lease_of_mac(description, source);
	if (!answer->lease)
		return;
	client = load32(message + AT_CLIENT);
	type = choose(description, answer->lease, &options, client);
	if (!type)
		return;
	build(description, message, type, options.type == INFORM, answer);
	if (type == NAK || (!client && (load16(message + AT_FLAGS) & BROADCAST)))
		answer->destination = UINT32_MAX;
	else
		answer->destination = answer->lease->address;
}
