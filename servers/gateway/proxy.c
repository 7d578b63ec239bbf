/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy.h"

#include <string.h>

#include <libsys/task.h>

#include "bytes.h"
#include "dns.h"
#include "lwip.h"
#include "stack.h"

#define PORT_TRIES 8u

/* A question that was handed on. */
struct question {
	struct udp_pcb *pcb; /* NULL: free */
	ip_addr_t client;
	u16_t port;
	uint16_t id, own_id; /* the client's number, and ours */
	uint32_t asked;      /* ms */
	size_t size;
	uint8_t text[DNS_QUESTION_MAX];
};

static struct {
	const struct description *description;
	struct netif *inside, *outside;
	struct udp_pcb *pcb;
	struct question question[PROXY_QUESTIONS];
} proxy;

static void send(struct udp_pcb *pcb, const uint8_t *message, size_t length, const ip_addr_t *to, u16_t port, struct netif *netif)
{
	struct pbuf *packet = pbuf_alloc(PBUF_TRANSPORT, (u16_t)length, PBUF_RAM);

	if (!packet)
		return;
	if (pbuf_take(packet, message, (u16_t)length) == LWIP_OK)
		(void)udp_sendto_if(pcb, packet, to, port, netif);
	pbuf_free(packet);
}

static void end(struct question *question)
{
	udp_remove(question->pcb);
	question->pcb = NULL;
}

static void answered(void *context, struct udp_pcb *pcb, struct pbuf *packet, const ip_addr_t *from, u16_t port)
{
	static uint8_t message[DNS_MESSAGE_MAX];
	struct question *question = context;
	size_t length = pbuf_copy_partial(packet, message, sizeof(message), 0);
	bool whole = packet->tot_len <= sizeof(message);

	(void)pcb;
	pbuf_free(packet);
	if (port != DNS_PORT || !ip_addr_eq(from, dns_getserver(0)) || !whole ||
	    !dns_answers(message, length, question->own_id, question->text, question->size))
		return;
	store16(message, question->id);
	send(proxy.pcb, message, length, &question->client, question->port, proxy.inside);
	end(question);
}

/* A place for another question of a client, NULL: it has too many, or all have. */
static struct question *find_place(const ip_addr_t *client)
{
	struct question *place = NULL;
	unsigned own = 0;

	for (unsigned i = 0; i < PROXY_QUESTIONS; i++) {
		struct question *question = &proxy.question[i];

		if (question->pcb && sys_now() - question->asked > PROXY_MS)
			end(question);
		if (!question->pcb)
			place = question;
		else if (ip_addr_eq(&question->client, client))
			own++;
	}
	return own < PROXY_SHARE ? place : NULL;
}

static bool open_port(struct question *question)
{
	question->pcb = udp_new();
	for (unsigned i = 0; question->pcb && i < PORT_TRIES; i++) {
		u16_t port = (u16_t)(STACK_PORT_FIRST + stack_random() % (65536u - STACK_PORT_FIRST));

		if (udp_bind(question->pcb, IP4_ADDR_ANY, port) == LWIP_OK) {
			udp_bind_netif(question->pcb, proxy.outside);
			udp_recv(question->pcb, answered, question);
			return true;
		}
	}
	if (question->pcb)
		end(question);
	return false;
}

/* Hands a question on. false: it cannot be. */
static bool pass(uint8_t *message, size_t length, const ip_addr_t *client, u16_t port)
{
	const ip_addr_t *server = dns_getserver(0);
	struct question *question = find_place(client);
	size_t size = dns_question(message, length);

	if (!question || ip_addr_isany(server) || size > sizeof(question->text) || !open_port(question))
		return false;
	ip_addr_copy(question->client, *client);
	question->port = port;
	question->id = load16(message);
	question->own_id = (uint16_t)stack_random();
	question->asked = sys_now();
	question->size = size;
	memcpy(question->text, message + 12, size);
	store16(message, question->own_id);
	send(question->pcb, message, length, server, DNS_PORT, proxy.outside);
	store16(message, question->id);
	return true;
}

static void asked(void *unused, struct udp_pcb *pcb, struct pbuf *packet, const ip_addr_t *from, u16_t port)
{
	static uint8_t message[DNS_MESSAGE_MAX];
	size_t length = pbuf_copy_partial(packet, message, sizeof(message), 0);
	bool whole = packet->tot_len <= sizeof(message);
	enum dns_verdict verdict;

	(void)unused;
	pbuf_free(packet);
	if (!whole)
		return;
	verdict = dns_serve(proxy.description, message, &length);
	if (verdict == DNS_DROP || (verdict == DNS_PASS && pass(message, length, from, port)))
		return;
	if (verdict == DNS_PASS)
		dns_fail(message, &length);
	send(pcb, message, length, from, port, proxy.inside);
}

void proxy_init(const struct description *description, struct netif *inside, struct netif *outside)
{
	memset(&proxy, 0, sizeof(proxy));
	proxy.description = description;
	proxy.inside = inside;
	proxy.outside = outside;
	proxy.pcb = udp_new();
	if (!proxy.pcb || udp_bind(proxy.pcb, IP4_ADDR_ANY, DNS_PORT) != LWIP_OK)
		task_fail("the name server cannot begin");
	udp_bind_netif(proxy.pcb, inside);
	udp_recv(proxy.pcb, asked, NULL);
}
