/* SPDX-License-Identifier: MIT
 *
 * A program for the simulator `command`, well-behaved or not: worker HOW [MARK]. A row's data are its first parameter, and a number made of the seed
 * and the row's place in its request, which is how a simulator of one seed a call looks. MARK is there to be found in /proc. */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *how;
static int is(const char *word) { return strcmp(how, word) == 0; }

static void array(char *out, size_t *size, const char *type, const char *order, long rows, int columns) {
  int version = is("fortran") ? 3 : 1, start = version == 1 ? 10 : 12;
  memset(out, ' ', 128);
  memcpy(out, "\x93NUMPY", 6);
  out[6] = (char)version;
  out[7] = 0;
  for (int k = 8; k < start; k++) out[k] = 0;
  out[8] = (char)(128 - start);
  int n = snprintf(out + start, 100, "{'descr': '%s', 'fortran_order': %s, 'shape': (%ld, %d), }", type, order, rows, columns);
  out[start + n] = ' ';
  out[127] = '\n';
  *size = 128;
}

int main(int argc, char **argv) {
  how = argc > 1 ? argv[1] : "good";
  if (is("stray_start")) printf("hello\n"), fflush(stdout);
  if (is("leave")) fprintf(stderr, "no module named simulators\n"), exit(3);
  if (is("closed")) close(1), sleep(1000);
  if (is("long_line"))
    for (int k = 0; k < 5000; k++) putchar('x'), fflush(stdout);
  long rows, answered = 0;
  uint64_t seed;
  size_t bytes;
  while (scanf("rows %ld seed %" SCNu64 " bytes %zu", &rows, &seed, &bytes) == 3 && getchar() == '\n') {
    char *in = malloc(bytes), *out = malloc(4096 + 64 * (size_t)rows);
    if (fread(in, 1, bytes, stdin) != bytes) {
      free(in);
      free(out);
      return 4;
    }
    size_t head = 10 + (unsigned char)in[8] + 256 * (size_t)(unsigned char)in[9], columns = (bytes - head) / 4 / (size_t)rows, size;
    const float *theta = (const float *)(void *)(in + head);
    if (is("crash_some") && seed % 4 == 0) fprintf(stderr, "it went wrong here\n"), abort();
    if (is("crash_first")) abort();
    if (is("hang_some") && seed % 4 == 0) sleep(1000);
    if (is("hang") || is("hang_deaf")) sleep(1000);
    if (is("flood"))
      for (int k = 0; k < 1 << 14; k++) fprintf(stderr, "%d: a line of sixty-four letters, so that 16384 of them are 1 MiB..\n", k);
    if (is("fortran")) {
      array(out, &size, "<f8", "True", rows, 2);
    } else if (is("more_rows")) {
      array(out, &size, "<f4", "False", rows + 1, 2);
    } else {
      array(out, &size, is("objects") ? "|O" : "<f4", "False", rows, is("columns") ? 3 : 2);
    }
    for (long i = 0; i < rows; i++) {
      float x[3] = {theta[(size_t)i * columns], (float)((seed + 7919 * (uint64_t)i) % 1000003) / 1000003, 0};
      if (is("nan") && x[0] > 1) x[0] = NAN;
      double wide[2] = {(double)x[0], (double)x[1]};
      if (is("fortran")) {
        memcpy(out + 128 + 8 * i, &wide[0], 8);
        memcpy(out + 128 + 8 * (rows + i), &wide[1], 8);
      } else if (is("columns")) {
        memcpy(out + 128 + 12 * i, x, 12);
      } else {
        memcpy(out + 128 + 8 * i, x, 8);
      }
    }
    size += is("fortran") ? 16 * (size_t)rows : is("columns") ? 12 * (size_t)rows : is("more_rows") ? 8 * (size_t)(rows + 1) : 8 * (size_t)rows;
    if (is("minus")) printf("bytes -1\n"), fflush(stdout);
    printf("bytes %zu\n", is("huge") ? (size_t)99999999999 : is("empty") ? 0 : is("cut") ? size - 1 : size);
    if (is("stray_within")) printf("hello\n");
    if (is("short")) size /= 2;
    if (is("cut")) size -= 1;
    if (!is("empty")) fwrite(out, 1, size, stdout);
    if (is("extra")) printf("and more");
    fflush(stdout);
    free(in);
    free(out);
    if (is("short")) return 5;
    if (is("once")) return 0;
    answered++;
    if (is("stray_between") && answered == 1) printf("hello between\n"), fflush(stdout);
  }
  return feof(stdin) ? 0 : 6;
}
