/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system description as the target sees it: the flattened device tree "system.dtb" in the boot archive, written by
 * the image builder from the TOML file and read with libfdt. The builder has checked it; the root task checks what it uses.
 *
 * / { compatible = "serai,system-1";
 *     console { escape = <0x1d>; scrollback = <0 0x40000>; };
 *     guests { alpha { memory = <0 0x8000000>; vcpus = <2>; affinity = <0 1>; kernel = "file.0"; initrd = "file.1";
 *                      cpu-share = <100>; cpu-cap = <25>; cpu-period = <10>; cmdline = "..."; color = <2>; autostart;
 *                      restart = <0>; }; beta { ... }; }; };
 *
 * / { block { memory = <0 0x1000000>; };
 *     disks { system { serial = "system"; }; };
 *     volumes { base { disk = "system"; partition = <1>; label = "root"; read-only; };
 *               alpha { base = "base"; store = "alpha-store"; }; };
 *     guests { alpha { disks { 0 { volume = "alpha"; read-only; serial = "alpha"; bandwidth = <0 0x1400000>;
 *                      bandwidth-burst = <0 0x2800000>; operations = <500>; operations-burst = <1000>; }; 1 { ... }; }; }; }; };
 *
 * Missing if the system has no disks. /block memory: two cells, bytes for the maps of overlays. disk: a node of /disks, named by it. partition
 * (number from 1) and label: one of them, or none for the whole disk. read-only: empty property. bandwidth: bytes a second,
 * operations: requests a second, missing: no limit; the bursts: bytes and requests, there when the limit is. Disks of a guest are numbered
 * in order; sessions of the block server (<proto/block.h>) likewise, over all guests.
 *
 * / { nets { lan { uplink; uplink-mac = [52 54 00 00 00 01]; mtu = <1500>; uplink-capture = <1>; }; };
 *     captures { snaplen = <96>; 0 { file = "/tmp/alpha.pcapng"; limit = <0 0x40000000>; }; 1 { ... }; };
 *     guests { alpha { nics { 0 { net = "lan"; mac = [52 54 00 12 34 56]; vlan = <5>; addresses = "10.0.2.21", "fd00::21";
 *                      bandwidth = <0 0xa00000>; bandwidth-burst = <0 0x100000>; packets = <5000>; packets-burst = <500>;
 *                      group = <1>; capture = <0>; forward = <2201 22>; }; }; }; }; };
 *
 * Missing if the system has no networks. uplink: empty property; a machine's NIC whose address is uplink-mac, or the only one there is. mac: always
 * there. forward: pairs of TCP ports, outside and of the guest, for the gateway. vlan: 1 to 4094. addresses: numbers as text, missing: any. Limits are missing, or come with their bursts. NICs of a guest are
 * numbered in order; sessions of the net server (<proto/net.h>) likewise, over all guests. capture, uplink-capture: missing, or a node of
 * /captures, whose numbers are those of the machine's devices for that; file: where they lead on the host, only to be shown. limit: bytes of it at
 * most, missing: none. snaplen: bytes of a frame that are kept, missing: as the server likes.
 *
 * / { gateway { net = "lan"; address = "10.77.0.1"; prefix = <24>; mtu = <1500>; outside-address = "10.0.2.15"; outside-prefix = <24>;
 *               outside-router = "10.0.2.2"; outside-dns = "10.0.2.3";
 *               nics { 0 { net = "lan"; mac = [...]; }; 1 { net = "outside"; mac = [...]; }; }; }; };
 *
 * Missing if no network has nat; docs/network.md. Its NICs are sessions of the net server after those of all guests: one inside, and one on a
 * switch of its own that has the uplink, if there is one. outside-*: missing for DHCP. Each NIC of a guest on the network has one address in
 * the subnet, which is what it is given.
 *
 * memory and scrollback: two cells, bytes. kernel, initrd: names in the archive (initrd may be missing).
 * affinity: the hart of each vCPU, modulo the number of harts that run; missing: the root task spreads them.
 * cpu-share: weight among guests that compete for a hart. cpu-cap: percent of one hart for all vCPUs together, in each
 * cpu-period, ms; missing: none.
 * color: ANSI colour 1 to 7. autostart: empty property. restart: 0 never, 1 after a crash.
 */
#pragma once

#define SYSTEM_COMPATIBLE "serai,system-1"
#define SYSTEM_GUESTS_MAX 8u
#define SYSTEM_VCPUS_MAX 8u    /* of a guest */
#define SYSTEM_HARTS_MAX 8u
#define SYSTEM_SHARE_MIN 10u
#define SYSTEM_SHARE_DEFAULT 100u
#define SYSTEM_SHARE_MAX 1000u
#define SYSTEM_PERIOD_DEFAULT 10u /* ms */
#define SYSTEM_PERIOD_MAX 1000u   /* ms */
#define SYSTEM_NAME_MAX 15u    /* characters of a guest's name */
#define SYSTEM_CMDLINE_MAX 1023u
#define GATEWAY_NAME "gateway"    /* of its program, its node and its ports */
#define GATEWAY_OUTSIDE "outside" /* its switch with the uplink */
#define GATEWAY_NICS 2u           /* inside, outside */
