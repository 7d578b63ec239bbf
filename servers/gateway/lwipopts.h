/* SPDX-License-Identifier: Apache-2.0 */
/* Options of lwIP: no threads, memory of fixed pools only, IPv4 with UDP, ICMP and a DHCP client. What is forwarded never gets to it. */
#pragma once

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_TCP 0
#define LWIP_RAW 0
#define LWIP_IPV4 1
#define LWIP_IPV6 0

#define MEM_LIBC_MALLOC 0
#define MEMP_MEM_MALLOC 0
#define MEM_ALIGNMENT 8
#define MEM_SIZE 65536
#define MEMP_NUM_UDP_PCB 48
#define MEMP_NUM_SYS_TIMEOUT (LWIP_NUM_SYS_TIMEOUT_INTERNAL + 2)
#define MEMP_NUM_ARP_QUEUE 16
#define PBUF_POOL_SIZE 64
#define PBUF_POOL_BUFSIZE 1600

#define ARP_TABLE_SIZE 80 /* every lease, and who is met outside */
#define ARP_QUEUEING 1
#define ARP_QUEUE_LEN 3
#define ETHARP_SUPPORT_STATIC_ENTRIES 1
#define ETHARP_TABLE_MATCH_NETIF 1
#define IP_FORWARD 0
#define IP_REASSEMBLY 0
#define IP_FRAG 0
#define IP_OPTIONS_ALLOWED 0
#define LWIP_ICMP 1
#define LWIP_BROADCAST_PING 0
#define LWIP_MULTICAST_PING 0
#define LWIP_UDP 1
#define LWIP_NETBUF_RECVINFO 0
#define LWIP_NETIF_HOSTNAME 1
#define LWIP_NETIF_LINK_CALLBACK 0
#define LWIP_NETIF_STATUS_CALLBACK 0
#define LWIP_CHECKSUM_CTRL_PER_NETIF 0

#define LWIP_DHCP 1
#define LWIP_DHCP_DOES_ACD_CHECK 0
#define LWIP_DHCP_BOOTP_FILE 0
#define LWIP_DNS 1 /* where the DHCP client puts the servers */
#define DNS_MAX_SERVERS 2
#define DNS_TABLE_SIZE 1

#define LWIP_STATS 0
