/* SPDX-License-Identifier: Apache-2.0 */
#include "dns.h"

#include <string.h>

#include "bytes.h"

#define HEADER 12u
#define NAME_MAX 255u /* bytes, with the lengths and the root */
#define LABEL_MAX 63u
#define TTL 60u       /* seconds */
#define POINTER 0xc000u

enum { AT_ID = 0, AT_FLAGS = 2, AT_QUESTIONS = 4, AT_ANSWERS = 6, AT_AUTHORITIES = 8, AT_ADDITIONALS = 10 };
enum { FLAG_ANSWER = 0x8000, FLAG_AUTHORITATIVE = 0x0400, FLAG_DESIRED = 0x0100, FLAG_AVAILABLE = 0x0080 };
enum { OPCODE = 0x7800 };
enum { FORMAT_ERROR = 1, SERVER_FAILURE = 2, NAME_ERROR = 3, NOT_IMPLEMENTED = 4, REFUSED = 5 };
enum { TYPE_A = 1, TYPE_PTR = 12, TYPE_ANY = 255, CLASS_IN = 1, CLASS_ANY = 255 };

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

size_t dns_question(const uint8_t *message, size_t length)
{
	size_t at = HEADER;

	if (length < HEADER || load16(message + AT_QUESTIONS) != 1)
		return 0;
	while (at < length && message[at]) {
		/* Above it are pointers, which a question has no use for. */
		if (message[at] > LABEL_MAX)
			return 0;
		at += message[at] + 1u;
		if (at - HEADER >= NAME_MAX)
			return 0;
	}
	return at < length && length - at >= 5 ? at + 5 - HEADER : 0;
}

bool dns_answers(const uint8_t *message, size_t length, uint16_t id, const uint8_t *question, size_t size)
{
	if (length < HEADER + size || load16(message + AT_ID) != id || !(load16(message + AT_FLAGS) & FLAG_ANSWER) ||
	    dns_question(message, length) != size)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (lower(message[HEADER + i]) != lower(question[i]))
			return false;
	}
	return true;
}

/* The name as text: "beta.lan"; NUL-terminated. What is not printable, or a dot in a label, becomes '?'. */
static void read_name(const uint8_t *question, char text[NAME_MAX + 1])
{
	size_t used = 0;

	while (*question) {
		unsigned size = *question++;

		if (used)
			text[used++] = '.';
		for (; size; size--, question++)
			text[used++] = *question > ' ' && *question < 127 && *question != '.' ? (char)lower(*question) : '?';
	}
	text[used] = '\0';
}

/* The name without ".NET" of this network at its end, in place. *ours: it had that, or is one word. */
static void strip(const struct description *description, char *name, bool *ours)
{
	size_t length = strlen(name), net = strlen(description->net);

	*ours = *name && !strchr(name, '.');
	if (length > net + 1 && name[length - net - 1] == '.' && strcmp(name + length - net, description->net) == 0) {
		name[length - net - 1] = '\0';
		*ours = true;
	} else if (strcmp(name, description->net) == 0) {
		*ours = true;
	}
}

/* "10.0.77.10.in-addr.arpa" as the address that it is about: the last part of that comes first, each without zeroes before it. */
static bool read_reverse(const char *name, uint32_t *address)
{
	uint32_t number = 0;

	for (unsigned i = 0; i < 4; i++) {
		unsigned part = 0, digits = 0;

		for (; *name >= '0' && *name <= '9' && digits < 3; name++, digits++)
			part = part * 10 + (unsigned)(*name - '0');
		if (!digits || part > 255 || *name != '.' || (digits > 1 && name[-(int)digits] == '0'))
			return false;
		number |= part << 8 * i;
		name++;
	}
	*address = number;
	return strcmp(name, "in-addr.arpa") == 0;
}

/* An answer of this kind without records. */
static void begin(uint8_t *message, size_t *length, size_t question, uint16_t flags)
{
	uint16_t kept = load16(message + AT_FLAGS) & (OPCODE | FLAG_DESIRED);

	store16(message + AT_FLAGS, kept | flags | FLAG_ANSWER | FLAG_AVAILABLE);
	store16(message + AT_QUESTIONS, question ? 1 : 0);
	memset(message + AT_ANSWERS, 0, HEADER - AT_ANSWERS);
	*length = HEADER + question;
}

/* Adds a record about the name in the question. */
static void add(uint8_t *message, size_t *length, uint16_t type, const uint8_t *data, size_t size)
{
	uint8_t *at = message + *length;

	if (*length + 12 + size > DNS_MESSAGE_MAX)
		return;
	store16(at, POINTER | HEADER);
	store16(at + 2, type);
	store16(at + 4, CLASS_IN);
	store32(at + 6, TTL);
	store16(at + 10, (uint32_t)size);
	memcpy(at + 12, data, size);
	*length += 12 + size;
	store16(message + AT_ANSWERS, load16(message + AT_ANSWERS) + 1u);
}

static void add_address(uint8_t *message, size_t *length, uint16_t type, uint32_t address, bool *known)
{
	uint8_t data[4];

	*known = true;
	store32(data, address);
	if (type == TYPE_A || type == TYPE_ANY)
		add(message, length, TYPE_A, data, sizeof(data));
}

static size_t put_label(uint8_t *at, const char *label)
{
	size_t size = strlen(label);

	at[0] = (uint8_t)size;
	memcpy(at + 1, label, size);
	return size + 1;
}

static void answer_name(const struct description *description, uint8_t *message, size_t *length, uint16_t type, const char *name)
{
	bool known = false;

	if (strcmp(name, GATEWAY_NAME) == 0)
		add_address(message, length, type, description->address, &known);
	for (unsigned i = 0; i < description->leases; i++) {
		if (strcmp(description->lease[i].name, name) == 0)
			add_address(message, length, type, description->lease[i].address, &known);
	}
	if (!known && strcmp(name, description->net) != 0)
		store16(message + AT_FLAGS, load16(message + AT_FLAGS) | NAME_ERROR);
}

static void answer_reverse(const struct description *description, uint8_t *message, size_t *length, uint16_t type, uint32_t address)
{
	const struct lease *lease = lease_of_address(description, address);
	const char *name = lease ? lease->name : address == description->address ? GATEWAY_NAME : NULL;
	uint8_t data[2 * (LABEL_MAX + 1) + 1];
	size_t size;

	if (!name) {
		store16(message + AT_FLAGS, load16(message + AT_FLAGS) | NAME_ERROR);
		return;
	}
	size = put_label(data, name);
	size += put_label(data + size, description->net);
	data[size++] = 0;
	if (type == TYPE_PTR || type == TYPE_ANY)
		add(message, length, TYPE_PTR, data, size);
}

enum dns_verdict dns_serve(const struct description *description, uint8_t *message, size_t *length)
{
	char name[NAME_MAX + 1];
	size_t question;
	uint16_t type, class;
	uint32_t address = 0;
	bool ours, reverse;

	if (*length < HEADER || (load16(message + AT_FLAGS) & FLAG_ANSWER))
		return DNS_DROP;
	question = dns_question(message, *length);
	if ((load16(message + AT_FLAGS) & OPCODE) || !question) {
		begin(message, length, 0, load16(message + AT_FLAGS) & OPCODE ? NOT_IMPLEMENTED : FORMAT_ERROR);
		return DNS_ANSWER;
	}
	type = load16(message + HEADER + question - 4);
	class = load16(message + HEADER + question - 2);
	read_name(message + HEADER, name);
	reverse = read_reverse(name, &address) && ((address ^ description->address) & description->mask) == 0;
	strip(description, name, &ours);
	if (!ours && !reverse && description->outside)
		return DNS_PASS;
	begin(message, length, question, FLAG_AUTHORITATIVE);
	if (class != CLASS_IN && class != CLASS_ANY)
		store16(message + AT_FLAGS, load16(message + AT_FLAGS) | REFUSED);
	else if (reverse)
		answer_reverse(description, message, length, type, address);
	else if (ours)
		answer_name(description, message, length, type, name);
	else
		store16(message + AT_FLAGS, load16(message + AT_FLAGS) | NAME_ERROR);
	return DNS_ANSWER;
}

void dns_fail(uint8_t *message, size_t *length)
{
	begin(message, length, dns_question(message, *length), SERVER_FAILURE);
}
