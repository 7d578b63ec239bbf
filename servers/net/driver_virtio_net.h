/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-net devices, on mmio and PCI. */
#pragma once

#include "nic.h"

extern const struct nic_driver driver_virtio_net;
