/* SPDX-License-Identifier: Apache-2.0 */
/* lwIP's headers beside ours: both have an ERR_OK, of the same value; lwIP's is called LWIP_OK. */
#pragma once

#include <abi/types.h>

#define ERR_OK LWIP_OK
#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/sys.h>
#include <lwip/timeouts.h>
#include <lwip/udp.h>
#include <netif/ethernet.h>
#undef ERR_OK
