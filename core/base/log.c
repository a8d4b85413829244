/* SPDX-License-Identifier: MIT
 *
 * Log lines and progress on stderr. One lock guards the stream and the line that is shown on a terminal: a log line erases it, prints itself, and
 * puts it back, all in one write. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"

static const double redraw_seconds = 0.1, line_seconds = 10;
static const char erase[] = "\r\x1b[K";

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
  bool ready, terminal;
  LogOptions options;
  Str bar; /* the line shown, length 0 if none */
} state;   /* under lock */

/* With the lock held. */
static void make_ready(void) {
  if (state.ready) return;
  const char *term = getenv("TERM");
  state.terminal = !state.options.json && isatty(STDERR_FILENO) && (term == NULL || strcmp(term, "dumb") != 0);
  state.ready = true;
}

void log_setup(LogOptions options) {
  pthread_mutex_lock(&lock);
  state.options = options;
  state.ready = false;
  make_ready();
  pthread_mutex_unlock(&lock);
}

/* With the lock held: writes a whole line above the bar, if one is shown. Control characters, which a file name or a message may bring, do not reach
 * the terminal. */
static void emit(const char *line) {
  Str s = {0};
  if (state.bar.length > 0) str_add(&s, erase);
  size_t start = s.length;
  str_add(&s, line);
  for (char *p = s.text + start; *p != '\0'; p++)
    if (((unsigned char)*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7F) *p = '?';
  str_add(&s, "\n");
  if (state.bar.length > 0) str_add_n(&s, state.bar.text, state.bar.length);
  fwrite(s.text, 1, s.length, stderr);
  fflush(stderr);
  str_free(&s);
}

void log_line(LogLevel level, const char *format, ...) {
  static const char *const names[] = {"info", "warning", "error"}, *const prefixes[] = {"", "warning: ", "error: "};
  Str text = {0};
  char message[4096];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  pthread_mutex_lock(&lock);
  make_ready();
  if (!(state.options.quiet && level == LOG_INFO)) {
    if (state.options.json) {
      JsonWriter w = {.compact = true};
      json_begin_object(&w);
      json_key(&w, "level");
      json_put_string(&w, names[level]);
      json_key(&w, "message");
      json_put_string(&w, message);
      json_end_object(&w);
      text = w.out;
    } else {
      str_print(&text, "%s%s", prefixes[level], message);
    }
    emit(text.text);
  }
  pthread_mutex_unlock(&lock);
  str_free(&text);
}

/* (time, done) at a few moments, evenly spread over the work. */
enum { SAMPLES = 64 };
typedef struct Sample {
  double time, done;
} Sample;

struct Progress {
  Progress *outer; /* of the same thread */
  char *stage, *unit, *note;
  int64_t total, start, drawn, scale; /* scale: steps a unit */
  atomic_int_least64_t done, expected;
  double began, due; /* due: the next time something may be drawn */
  Sample sample[SAMPLES];
  int samples;
  double spacing; /* of the samples, in units of done */
};

static _Thread_local Progress *newest;

static void keep_sample(Progress *p, double now, int64_t done) {
  Sample *last = &p->sample[p->samples - 1];
  if ((double)done < last->done + p->spacing) return;
  if (p->samples == SAMPLES) { /* every other one goes, the first stays */
    for (int k = 1; k < SAMPLES / 2; k++) p->sample[k] = p->sample[2 * k];
    p->samples = SAMPLES / 2;
    p->spacing *= 2;
  }
  p->sample[p->samples++] = (Sample){now, (double)done};
}

/* Units a second over the last half of the work done since the start; 0 if nothing is known. */
static double rate(const Progress *p, double now, int64_t done) {
  double half = (double)p->start + 0.5 * (double)(done - p->start);
  if (done <= p->start) return 0;
  int k = 0;
  while (k + 1 < p->samples && p->sample[k + 1].done <= half) k++;
  Sample a = p->sample[k], b = k + 1 < p->samples ? p->sample[k + 1] : (Sample){now, (double)done};
  double then = b.done > a.done ? a.time + (b.time - a.time) * (half - a.done) / (b.done - a.done) : a.time;
  return now > then ? ((double)done - half) / (now - then) : 0;
}

static void add_duration(Str *s, double time) {
  int64_t t = time < 1e9 ? (int64_t)(time + 0.5) : 1000000000;
  if (time < 9.95)
    str_print(s, "%.1f s", time);
  else if (t < 60)
    str_print(s, "%" PRId64 " s", t);
  else if (t < 3600)
    str_print(s, "%" PRId64 ":%02" PRId64, t / 60, t % 60);
  else
    str_print(s, "%" PRId64 ":%02" PRId64 ":%02" PRId64, t / 3600, t / 60 % 60, t % 60);
}

static void add_rate(Str *s, double per_second, const char *unit) {
  if (per_second >= 1e6)
    str_print(s, ", %.1f M %s/s", per_second * 1e-6, unit);
  else if (per_second >= 100)
    str_print(s, ", %.0f %s/s", per_second, unit);
  else if (per_second >= 1)
    str_print(s, ", %.1f %s/s", per_second, unit);
  else if (per_second > 0)
    str_print(s, ", %.1f %s/min", per_second * 60, unit);
}

static void add_note(Str *s, const Progress *p) {
  if (p->note != NULL && p->note[0] != '\0') str_print(s, ", %s", p->note);
}

/* "training [#####---------------]  25%, 25 of 100 steps, 12.0 steps/s, 6.3 s left, loss 0.31" */
static void describe(Str *s, const Progress *p, double now, int64_t done, int bar) {
  str_add(s, p->stage);
  if (p->total > 0) {
    double part = done >= p->total ? 1 : done > 0 ? (double)done / (double)p->total : 0;
    if (bar > 0) str_add(s, " [");
    for (int k = 0; k < bar; k++) str_add(s, k < (int)(part * bar) ? "#" : "-");
    str_print(s, bar > 0 ? "] %3d%%," : ": %d%%,", (int)(100 * part));
    str_print(s, " %" PRId64 " of %" PRId64 " %s", done / p->scale, p->total / p->scale, p->unit);
  } else {
    str_print(s, ": %" PRId64 " %s", done / p->scale, p->unit);
  }
  double speed = rate(p, now, done);
  add_rate(s, speed / (double)p->scale, p->unit);
  if (speed > 0 && done < p->total) {
    str_add(s, ", ");
    add_duration(s, (double)(p->total - done) / speed);
    str_add(s, " left");
  }
  add_note(s, p);
}

/* Cuts to so many letters (wide ones count as one). */
static void cut(Str *s, int columns) {
  int n = 0;
  for (size_t i = 0; i < s->length; i++) {
    if (((unsigned char)s->text[i] & 0xC0) == 0x80) continue;
    if (++n <= columns) continue;
    s->length = i;
    s->text[i] = '\0';
  }
}

static int terminal_columns(void) {
  struct winsize size;
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

/* With the lock held. */
static void draw_bar(const Progress *p, double now, int64_t done) {
  int columns = terminal_columns();
  Str s = {0};
  str_add(&s, erase);
  state.bar.length = 0;
  describe(&state.bar, p, now, done, columns >= 100 ? 20 : columns >= 60 ? 10 : 0);
  for (char *c = state.bar.text; *c != '\0'; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7F) *c = '?';
  cut(&state.bar, columns - 1); /* a full line would wrap on some terminals */
  str_add_n(&s, state.bar.text, state.bar.length);
  fwrite(s.text, 1, s.length, stderr);
  fflush(stderr);
  str_free(&s);
}

/* With the lock held. */
static void emit_json(const Progress *p, const char *event, double now, int64_t done) {
  JsonWriter w = {.compact = true};
  double speed = rate(p, now, done);
  json_begin_object(&w);
  json_key(&w, "level");
  json_put_string(&w, "info");
  json_key(&w, "event");
  json_put_string(&w, event);
  json_key(&w, "stage");
  json_put_string(&w, p->stage);
  json_key(&w, "unit");
  json_put_string(&w, p->unit);
  json_key(&w, "done");
  json_put_int(&w, done / p->scale);
  json_key(&w, "total");
  json_put_int(&w, p->total / p->scale);
  json_key(&w, "seconds");
  json_put_real(&w, now - p->began);
  if (speed > 0 && done < p->total) {
    json_key(&w, "seconds_left");
    json_put_real(&w, (double)(p->total - done) / speed);
  }
  if (p->note != NULL) {
    json_key(&w, "note");
    json_put_string(&w, p->note);
  }
  json_end_object(&w);
  emit(w.out.text);
  str_free(&w.out);
}

static void draw(Progress *p, double now) {
  int64_t done = atomic_load(&p->done);
  keep_sample(p, now, done);
  p->drawn = done;
  pthread_mutex_lock(&lock);
  p->due = now + (state.terminal ? redraw_seconds : line_seconds);
  if (state.options.quiet) {
    ;
  } else if (state.options.json) {
    emit_json(p, "progress", now, done);
  } else if (state.terminal) {
    draw_bar(p, now, done);
  } else {
    Str s = {0};
    describe(&s, p, now, done, 0);
    emit(s.text);
    str_free(&s);
  }
  pthread_mutex_unlock(&lock);
}

static char *copy(const char *text) {
  char *c = strdup(text);
  if (c == NULL) memory_out(strlen(text));
  return c;
}

static void set_note(Progress *p, const char *note) {
  if (note == NULL) return;
  free(p->note);
  p->note = copy(note);
}

Progress *progress_begin(const char *stage, const char *unit, int64_t total, int64_t done) {
  Progress *p = calloc(1, sizeof *p);
  if (p == NULL) memory_out(sizeof *p);
  p->outer = newest;
  newest = p;
  p->stage = copy(stage);
  p->unit = copy(unit);
  p->total = total;
  p->scale = 1;
  p->start = p->drawn = done;
  atomic_store(&p->done, done);
  p->began = seconds();
  p->spacing = 1;
  p->sample[p->samples++] = (Sample){p->began, (double)done};
  pthread_mutex_lock(&lock);
  make_ready();
  p->due = p->began + (state.terminal ? redraw_seconds : line_seconds);
  if (state.options.quiet) {
    ;
  } else if (state.options.json) {
    emit_json(p, "begin", p->began, done);
  } else if (state.terminal) {
    draw_bar(p, p->began, done);
  } else {
    Str s = {0};
    str_add(&s, p->stage);
    if (total > 0) str_print(&s, ": %" PRId64 " %s", total, p->unit);
    if (done > 0) str_print(&s, ", %" PRId64 " of them done before", done);
    emit(s.text);
    str_free(&s);
  }
  pthread_mutex_unlock(&lock);
  return p;
}

void progress_at(Progress *p, int64_t done, const char *note) {
  atomic_store_explicit(&p->done, done, memory_order_relaxed);
  double now = seconds();
  if (now < p->due) return;
  set_note(p, note);
  draw(p, now);
}

void progress_fine(Progress *p, int64_t scale) {
  p->scale = scale;
  p->total *= scale;
  p->start *= scale;
  p->drawn *= scale;
  p->sample[0].done *= (double)scale;
  atomic_store(&p->done, p->start);
}

void progress_expect(Progress *p, int64_t units) { atomic_store_explicit(&p->expected, units, memory_order_relaxed); }

Progress *progress_current(void) { return newest; }

void progress_share(Progress *p, int64_t parts) {
  if (p != NULL && parts > 0) progress_add(p, atomic_load_explicit(&p->expected, memory_order_relaxed) / parts);
}

void progress_add(Progress *p, int64_t n) { atomic_fetch_add_explicit(&p->done, n, memory_order_relaxed); }

void progress_tick(void) {
  Progress *p = newest;
  if (p == NULL || atomic_load_explicit(&p->done, memory_order_relaxed) == p->drawn) return;
  double now = seconds();
  if (now >= p->due) draw(p, now);
}

/* "training: 100 steps in 8.3 s, 12.0 steps/s, loss 0.31" or, when it ended early, "training: stopped after 25 of 100 steps, 2.1 s" */
void progress_end(Progress *p, const char *note) {
  if (p == NULL) return;
  int64_t done = atomic_load(&p->done);
  double now = seconds(), time = now - p->began;
  set_note(p, note);
  pthread_mutex_lock(&lock);
  if (state.bar.length > 0) {
    fwrite(erase, 1, sizeof erase - 1, stderr);
    state.bar.length = 0;
  }
  if (state.options.quiet) {
    ;
  } else if (state.options.json) {
    emit_json(p, "end", now, done);
  } else {
    Str s = {0};
    if (done < p->total)
      str_print(&s, "%s: stopped after %" PRId64 " of %" PRId64 " %s, ", p->stage, done / p->scale, p->total / p->scale, p->unit);
    else
      str_print(&s, "%s: %" PRId64 " %s in ", p->stage, done / p->scale, p->unit);
    add_duration(&s, time);
    if (time > 0 && done >= p->total) add_rate(&s, (double)(done - p->start) / (double)p->scale / time, p->unit);
    add_note(&s, p);
    emit(s.text);
    str_free(&s);
  }
  pthread_mutex_unlock(&lock);
  for (Progress **link = &newest; *link != NULL; link = &(*link)->outer)
    if (*link == p) {
      *link = p->outer;
      break;
    }
  free(p->stage);
  free(p->unit);
  free(p->note);
  free(p);
}
