/* SPDX-License-Identifier: MIT
 *
 * Arenas: a list of blocks, the newest first. Blocks come zeroed from calloc (large ones cost nothing until touched) and what a reset gives back is
 * zeroed again, so that every allocation is zero. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { ALIGN = 64, FIRST_BLOCK = 16 << 10, LARGEST_GROWTH = 4 << 20 };

typedef struct Block Block;
struct Block {
  Block *older;
  unsigned char *data; /* aligned, inside the same allocation */
  size_t size, used;
};

struct Arena {
  Block *newest;
  size_t next_size;
};

static size_t align_up(size_t n) { return (n + ALIGN - 1) / ALIGN * ALIGN; }

static Block *block_new(size_t size) {
  Block *b = calloc(1, sizeof(Block) + ALIGN + size);
  if (b == NULL) return NULL;
  uintptr_t start = (uintptr_t)(b + 1);
  b->data = (unsigned char *)(b + 1) + (align_up(start) - start);
  b->size = size;
  return b;
}

Arena *arena_new(void) {
  Arena *a = calloc(1, sizeof *a);
  if (a == NULL) memory_out(sizeof *a);
  a->next_size = FIRST_BLOCK;
  return a;
}

static void blocks_free(Arena *a, const Block *keep) {
  while (a->newest != keep) {
    Block *older = a->newest->older;
    free(a->newest);
    a->newest = older;
  }
}

void arena_free(Arena *a) {
  if (a == NULL) return;
  blocks_free(a, NULL);
  free(a);
}

void *arena_try(Arena *a, size_t bytes) {
  if (bytes > SIZE_MAX / 4) return NULL; /* no address space holds that, and no sum below overflows */
  size_t size = bytes > 0 ? align_up(bytes) : ALIGN;
  if (a->newest == NULL || a->newest->size - a->newest->used < size) {
    Block *b = block_new(size > a->next_size ? size : a->next_size);
    if (b == NULL) return NULL;
    b->older = a->newest;
    a->newest = b;
    if (a->next_size < LARGEST_GROWTH) a->next_size *= 2;
  }
  void *p = a->newest->data + a->newest->used;
  a->newest->used += size;
  return p;
}

void *arena_alloc(Arena *a, size_t bytes) {
  void *p = arena_try(a, bytes);
  if (p == NULL) memory_out(bytes);
  return p;
}

char *arena_copy(Arena *a, const char *text) {
  size_t n = strlen(text) + 1;
  return memcpy(arena_alloc(a, n), text, n);
}

char *arena_print(Arena *a, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int n = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  char *text = arena_alloc(a, n < 0 ? 1 : (size_t)n + 1);
  if (n >= 0) vsnprintf(text, (size_t)n + 1, format, again);
  va_end(again);
  return text;
}

ArenaMark arena_mark(const Arena *a) { return (ArenaMark){a->newest, a->newest == NULL ? 0 : a->newest->used}; }

void arena_reset(Arena *a, ArenaMark mark) {
  blocks_free(a, mark.block);
  if (a->newest == NULL) return;
  memset(a->newest->data + mark.used, 0, a->newest->used - mark.used);
  a->newest->used = mark.used;
}
