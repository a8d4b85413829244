/* SPDX-License-Identifier: MIT */
#include "base/base.h"
#include "base/log.h"
void progress_tick(void) {}
