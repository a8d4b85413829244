/* SPDX-License-Identifier: MIT
 *
 * What every room uses: failures with a text, memory that is released at once, strings. Nothing here knows of Ebb's models.
 *
 * Failures. fail(status, "...") keeps one message for the calling thread and returns the status, so that a function ends with `return fail(...)`. The
 * message is one sentence, lower case, says what was wrong, where, what was expected and what to do. The caller may put a place before it with
 * fail_prefix. Worker threads' messages are carried to the main thread by the pool. */
#ifndef EBB_BASE_BASE_H
#define EBB_BASE_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ebb/status.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

EbbStatus fail(EbbStatus status, const char *format, ...) __attribute__((format(printf, 2, 3)));
EbbStatus fail_v(EbbStatus status, const char *format, va_list arguments);
/* Puts text before the message that stands (nothing if none). Returns status. */
EbbStatus fail_prefix(EbbStatus status, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *fail_text(void); /* the thread's message, "" if none */
void fail_clear(void);
/* Ends the process with a message that names the size: what arena_alloc and the strings do when memory is out. */
_Noreturn void memory_out(size_t bytes);

/* An arena: memory for things that live and die together. Zeroed, 64-byte aligned. Not for several threads at once. Out of memory ends the process
 * with a message that names the size (checked reservations for sizes that come from outside: arena_try). */
typedef struct Arena Arena;
Arena *arena_new(void);
void arena_free(Arena *);                 /* NULL-safe */
void *arena_alloc(Arena *, size_t bytes); /* never NULL; bytes 0 gives a valid pointer */
void *arena_try(Arena *, size_t bytes);   /* NULL when memory is out */
char *arena_copy(Arena *, const char *text);
char *arena_print(Arena *, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A mark and a return to it: what was allocated since is given back (scratch memory). */
typedef struct ArenaMark {
  void *block;
  size_t used;
} ArenaMark;
ArenaMark arena_mark(const Arena *);
void arena_reset(Arena *, ArenaMark);
#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, n) ((type *)arena_alloc((arena), (size_t)(n) * sizeof(type)))

/* A string that grows. Start with {0}; always ends with NUL once something was added. */
typedef struct Str {
  char *text;
  size_t length, room;
} Str;
void str_add(Str *, const char *text);
void str_add_n(Str *, const char *text, size_t n);
void str_print(Str *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void str_free(Str *);
char *str_keep(Str *, Arena *); /* its text in the arena, "" if nothing was added; the string is freed */
/* A field of a CSV table, in quotes where it must be (RFC 4180); NULL: empty. */
void str_csv(Str *, const char *text);
/* The field of a CSV table at *at, unquoted in place and ended; *at moves behind the comma or the line's end, *more: it was a comma. *line counts the
 * line ends passed; may be NULL. NULL: a quote is not closed. */
char *csv_field(char **at, bool *more, int64_t *line);
/* A real as the shortest decimal that reads back to the same double; "nan", "inf", "-inf". */
void str_real(Str *, double value);

/* The candidate nearest to word by edit distance, or NULL when none is near enough to be a slip (at most a third of the letters, at least 1). */
const char *nearest(const char *word, const char *const *candidates, size_t n);
/* Whether text is well-formed UTF-8 without NUL. On failure *at is the offset of the first bad byte. */
bool utf8_valid(const char *text, size_t n, size_t *at);
/* Letters of well-formed UTF-8. */
int utf8_letters(const char *text);

double seconds(void); /* monotonic */

#endif
