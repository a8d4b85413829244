/* SPDX-License-Identifier: MIT
 *
 * Leaves a destructor to be run when a thread ends, long after the host has let go of the plugin. */
#include <pthread.h>
#include <stdlib.h>

#include "sound.h"

static pthread_key_t key;

static void thread_ends(void *value) { free(value); }

static EbbStatus create(const EbbHost *host, const void *config, void **self) {
  (void)config, (void)self;
  if (pthread_key_create(&key, thread_ends) != 0) return host->fail(host, EBB_E_MEMORY, "no key");
  return pthread_setspecific(key, malloc(8)) == 0 ? EBB_OK : host->fail(host, EBB_E_MEMORY, "no room");
}

static EbbStatus advance_with_key(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)self, (void)state, (void)plan, (void)work, (void)r;
  void *old = pthread_getspecific(key);
  free(old);
  return pthread_setspecific(key, malloc(8)) == 0 ? EBB_OK : EBB_E_MEMORY;
}

static const EbbSamplerOps ops = {.size = sizeof ops, .accepts = EBB_MEAN, .steps = steps, .advance = advance_with_key};
static const EbbComponent component = SAMPLER("thread_end", .ops = &ops, .create = create);
EBB_MODULE(&component)
