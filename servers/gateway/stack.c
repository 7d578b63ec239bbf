/* SPDX-License-Identifier: Apache-2.0 */
#include "stack.h"

#include <string.h>

#include <libsys/log.h>
#include <libsys/task.h>

#include "checksum.h"
#include "dhcp.h"
#include "lwip.h"
#include "proxy.h"

#define HOST_NAME "serai"
#define ROUTER_MS 120000u    /* that the router outside is believed to be where it was */
#define ROUTER_ASK_MS 1000u

static struct {
	const struct description *description;
	struct link *link;
	struct netif netif[SIDES];
	bool added[SIDES], up[SIDES];
	uint32_t (*now)(void), (*random)(void);
	uint32_t outside; /* the address that was told in the log */
	const uint8_t *source; /* Ethernet address that the frame at hand came from */
	/* The router outside, kept here too: a guest that tries many addresses there pushes it out of lwIP's table. */
	struct {
		uint32_t address; /* 0: not known */
		uint8_t mac[MAC_SIZE];
		uint32_t seen, asked; /* ms */
	} router;
} stack;

/* Called by lwIP. */
u32_t sys_now(void)
{
	return stack.now();
}

uint32_t stack_random(void)
{
	return stack.random();
}

_Noreturn void stack_failed(const char *what)
{
	task_fail("lwIP: %s", what);
}

static err_t output(struct netif *netif, struct pbuf *packet)
{
	struct link *link = netif->state;
	struct link_frame frame;

	if (packet->tot_len > BUFFER_SIZE - LINK_HEADER || !link_make(link, &frame, packet->tot_len))
		return ERR_BUF;
	pbuf_copy_partial(packet, frame.head, packet->tot_len, 0);
	link_send(link, &frame);
	return LWIP_OK;
}

static err_t interface(struct netif *netif)
{
	const struct link *link = netif->state;

	netif->name[0] = 'n';
	netif->name[1] = (char)('0' + link->number);
	netif->hwaddr_len = MAC_SIZE;
	memcpy(netif->hwaddr, link->mac, MAC_SIZE);
	netif->mtu = (u16_t)stack.description->mtu;
	netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
	netif->output = etharp_output;
	netif->linkoutput = output;
	return LWIP_OK;
}

static void dhcp_input(void *unused, struct udp_pcb *pcb, struct pbuf *packet, const ip_addr_t *from, u16_t port)
{
	static uint8_t message[1500];
	static struct dhcp_answer answer;
	u16_t length = pbuf_copy_partial(packet, message, sizeof(message), 0);
	struct pbuf *out;
	ip4_addr_t to;

	(void)unused;
	(void)from;
	(void)port;
	pbuf_free(packet);
	dhcp_serve(stack.description, stack.source, message, length, &answer);
	if (!answer.length)
		return;
	out = pbuf_alloc(PBUF_TRANSPORT, (u16_t)answer.length, PBUF_RAM);
	if (!out)
		return;
	ip4_addr_set_u32(&to, lwip_htonl(answer.destination));
	if (pbuf_take(out, answer.message, (u16_t)answer.length) == LWIP_OK)
		(void)udp_sendto_if(pcb, out, &to, DHCP_CLIENT_PORT, &stack.netif[INSIDE]);
	pbuf_free(out);
}

/* The guests' NICs are known: nobody is asked, and nobody can say otherwise. */
static void add_neighbours(void)
{
	for (unsigned i = 0; i < stack.description->leases; i++) {
		const struct lease *lease = &stack.description->lease[i];
		ip4_addr_t address;
		struct eth_addr mac;

		ip4_addr_set_u32(&address, lwip_htonl(lease->address));
		memcpy(mac.addr, lease->mac, MAC_SIZE);
		if (etharp_add_static_entry(&address, &mac) != LWIP_OK)
			log_warn("%s: no room for its address", lease->name);
	}
}

static void serve_inside(void)
{
	struct udp_pcb *pcb = udp_new();

	if (!pcb || udp_bind(pcb, IP4_ADDR_ANY, DHCP_SERVER_PORT) != LWIP_OK)
		task_fail("the DHCP server cannot begin");
	udp_bind_netif(pcb, &stack.netif[INSIDE]);
	udp_recv(pcb, dhcp_input, NULL);
	add_neighbours();
	proxy_init(stack.description, &stack.netif[INSIDE], stack.description->outside ? &stack.netif[OUTSIDE] : NULL);
}

static void begin_outside(void)
{
	const struct description *description = stack.description;
	struct netif *netif = &stack.netif[OUTSIDE];
	ip4_addr_t address;

	netif_set_default(netif);
	netif_set_hostname(netif, HOST_NAME);
	if (description->outside_given) {
		ip4_addr_set_u32(&address, lwip_htonl(description->outside_dns));
		dns_setserver(0, &address);
	} else if (dhcp_start(netif) != LWIP_OK) {
		log_error("the DHCP client cannot begin");
	}
}

static void add(enum side side)
{
	const struct description *description = stack.description;
	ip4_addr_t address, mask, router;

	ip4_addr_set_u32(&address, lwip_htonl(side == INSIDE ? description->address : description->outside_address));
	ip4_addr_set_u32(&mask, lwip_htonl(side == INSIDE ? description->mask : description->outside_mask));
	ip4_addr_set_u32(&router, lwip_htonl(side == INSIDE ? 0 : description->outside_router));
	if (side == OUTSIDE && !description->outside_given) {
		ip4_addr_set_zero(&address);
		ip4_addr_set_zero(&mask);
	}
	if (!netif_add(&stack.netif[side], &address, &mask, &router, &stack.link[side], interface, ethernet_input))
		task_fail("lwIP takes no interface");
	netif_set_up(&stack.netif[side]);
	stack.added[side] = stack.up[side] = true;
	if (side == INSIDE)
		serve_inside();
	else
		begin_outside();
}

/* Inside the link stays up for us: entries of neighbours are for good. */
static void follow_link(void)
{
	bool up = stack.link[OUTSIDE].up;

	if (!stack.added[OUTSIDE] || stack.up[OUTSIDE] == up)
		return;
	stack.up[OUTSIDE] = up;
	if (up)
		netif_set_link_up(&stack.netif[OUTSIDE]);
	else
		netif_set_link_down(&stack.netif[OUTSIDE]);
}

/* Tells when the address outside has changed. */
static void tell(void)
{
	uint32_t address = stack_outside();

	if (address == stack.outside)
		return;
	stack.outside = address;
	if (!address)
		log_warn("no address outside any more");
	else if (((address ^ stack.description->address) & stack.description->mask) == 0)
		log_warn("the network outside has the addresses of %s: nothing can be reached there; write another subnet", stack.description->net);
	else
		log_info("%u.%u.%u.%u outside", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
}

void stack_init(const struct description *description, struct link link[SIDES], uint32_t (*now)(void), uint32_t (*random)(void))
{
	stack.description = description;
	stack.link = link;
	stack.now = now;
	stack.random = random;
	lwip_init();
}

/* Does what the sender left to be done. false: it makes no sense. */
static bool complete(struct link_frame *frame)
{
	uint32_t start = frame->header.checksum_start, at = start + frame->header.checksum_offset;
	uint16_t sum;

	if (!(frame->header.flags & LINK_NEEDS_CHECKSUM))
		return true;
	if (frame->header.gso_type || at + 2 > frame->head_length || start < 14)
		return false;
	sum = (uint16_t)~checksum_fold(checksum_add(0, frame->head + start, frame->head_length - start));
	/* In UDP zero says that there is none. */
	store16(frame->head + at, sum ? sum : 0xffff);
	frame->header.flags = 0;
	return true;
}

void stack_input(enum side side, struct link_frame *frame)
{
	struct netif *netif = &stack.netif[side];
	struct pbuf *packet;

	/* Nothing that it answers is longer than a buffer. */
	if (!stack.added[side] || frame->head_length != frame->length || !complete(frame))
		return;
	packet = pbuf_alloc(PBUF_RAW, (u16_t)frame->length, PBUF_POOL);
	if (!packet)
		return;
	stack.source = frame->head + MAC_SIZE;
	if (pbuf_take(packet, frame->head, (u16_t)frame->length) != LWIP_OK || netif->input(packet, netif) != LWIP_OK)
		pbuf_free(packet);
}

void stack_turn(void)
{
	for (unsigned side = INSIDE; side < SIDES; side++) {
		if (stack.link[side].running && !stack.added[side])
			add((enum side)side);
	}
	follow_link();
	sys_check_timeouts();
	tell();
}

uint32_t stack_wait(void)
{
	return sys_timeouts_sleeptime();
}

uint32_t stack_outside(void)
{
	if (!stack.added[OUTSIDE] || !stack.up[OUTSIDE])
		return 0;
	return lwip_ntohl(ip4_addr_get_u32(netif_ip4_addr(&stack.netif[OUTSIDE])));
}

/* The kept MAC of the router; asked for again from time to time. */
static bool router_mac(const ip4_addr_t *hop, uint8_t mac[MAC_SIZE])
{
	uint32_t now = stack.now();

	if (stack.router.address != ip4_addr_get_u32(hop) || now - stack.router.seen > ROUTER_MS)
		return false;
	memcpy(mac, stack.router.mac, MAC_SIZE);
	if (now - stack.router.asked > ROUTER_ASK_MS) {
		stack.router.asked = now;
		(void)etharp_query(&stack.netif[OUTSIDE], hop, NULL);
	}
	return true;
}

bool stack_next_hop(uint32_t address, uint8_t mac[MAC_SIZE], bool ask)
{
	struct netif *netif = &stack.netif[OUTSIDE];
	const ip4_addr_t *found_address;
	struct eth_addr *found;
	ip4_addr_t hop;

	if (!stack_outside())
		return false;
	ip4_addr_set_u32(&hop, lwip_htonl(address));
	if (!ip4_addr_net_eq(&hop, netif_ip4_addr(netif), netif_ip4_netmask(netif)))
		hop = *netif_ip4_gw(netif);
	if (etharp_find_addr(netif, &hop, &found, &found_address) >= 0) {
		memcpy(mac, found->addr, MAC_SIZE);
		if (ip4_addr_eq(&hop, netif_ip4_gw(netif))) {
			memcpy(stack.router.mac, mac, MAC_SIZE);
			stack.router.address = ip4_addr_get_u32(&hop);
			stack.router.seen = stack.now();
		}
		return true;
	}
	if (router_mac(&hop, mac))
		return true;
	if (ask)
		(void)etharp_query(netif, &hop, NULL);
	return false;
}
