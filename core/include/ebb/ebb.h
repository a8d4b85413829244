/* SPDX-License-Identifier: MIT
 *
 * All of Ebb's public headers. A plugin needs the one of its kind only. */
#ifndef EBB_EBB_H
#define EBB_EBB_H

#include <ebb/composition.h>
#include <ebb/metric.h>
#include <ebb/network.h>
#include <ebb/objective.h>
#include <ebb/sampler.h>
#include <ebb/simulator.h>
#include <ebb/sink.h>

#endif
