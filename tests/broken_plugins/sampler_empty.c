/* SPDX-License-Identifier: MIT
 *
 * Lists no component. */
#include "sound.h"

static const EbbComponent *const components[] = {NULL};
MODULE(EBB_MAGIC, EBB_ABI_MINOR, sizeof(EbbParam))
