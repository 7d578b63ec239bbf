/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel knows of each object type, with the objects of the model. */
#include "map.h"

#include "../../kernel/object.c"
