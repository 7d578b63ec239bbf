/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's operations on CNodes, which find slots by the map of the model. */
#include "map.h"

#include "../../kernel/cnode.c"
