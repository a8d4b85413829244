/* SPDX-License-Identifier: MIT
 *
 * The network's inputs from a data row, their fit and their text. */
#include "model/inputs.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const double PRODUCT_CLIP = 10;

static int64_t pairs(int64_t q) { return q * (q + 1) / 2; }

bool inputs_afford_products(int64_t q, int64_t simulations) {
  return q <= INPUTS_MOST_SQUARED && simulations >= INPUTS_ROWS_A_PRODUCT * (q + pairs(q));
}

void inputs_new(Arena *arena, int64_t q, bool quadratic, Inputs *out) {
  *out = (Inputs){.q = q, .n = q + (quadratic ? pairs(q) : 0), .column = ARENA_ARRAY(arena, ColumnMap, q)};
  out->product = ARENA_ARRAY(arena, Product, out->n - q);
  for (int64_t j = 0; j < q; j++) out->column[j] = (ColumnMap){.scale = 1};
  for (int64_t i = 0, k = 0; i < q && quadratic; i++)
    for (int64_t j = i; j < q; j++) out->product[k++] = (Product){i, j, 0, 1};
}

void inputs_copy(Inputs *to, const Inputs *from) {
  memcpy(to->column, from->column, (size_t)from->q * sizeof *from->column);
  if (from->n > from->q) memcpy(to->product, from->product, (size_t)(from->n - from->q) * sizeof *from->product);
}

/* Mean and sd of every product, in two passes. */
static void fit_products(Inputs *in, int64_t rows, const float *data, const uint8_t *keep) {
  Arena *scratch = arena_new();
  float *value = ARENA_ARRAY(scratch, float, in->q);
  int64_t n = in->n - in->q, count = 0;
  double *sum = ARENA_ARRAY(scratch, double, n), *square = ARENA_ARRAY(scratch, double, n);
  for (int pass = 0; pass < 2; pass++)
    for (int64_t i = 0; i < rows; i++) {
      if (!keep[i]) continue;
      count += pass == 0;
      for (int64_t j = 0; j < in->q; j++) value[j] = column_forward(&in->column[j], (double)data[i * in->q + j]);
      for (int64_t k = 0; k < n; k++) {
        double product = (double)value[in->product[k].first] * (double)value[in->product[k].second];
        if (pass == 0)
          sum[k] += product;
        else
          square[k] += (product - sum[k] / (double)count) * (product - sum[k] / (double)count);
      }
    }
  for (int64_t k = 0; k < n; k++) {
    double sd = count > 0 ? sqrt(square[k] / (double)count) : 0;
    in->product[k].centre = count > 0 ? sum[k] / (double)count : 0;
    in->product[k].scale = sd > 1e-6 ? sd : 1; /* columns are of order 1 in float32: less is rounding */
  }
  arena_free(scratch);
}

void inputs_fit(Inputs *in, int64_t rows, const float *data, const uint8_t *keep) {
  Arena *scratch = arena_new();
  for (int64_t j = 0; j < in->q; j++) column_fit(scratch, &in->column[j], rows, data + j, in->q, keep);
  arena_free(scratch);
  if (in->n > in->q) fit_products(in, rows, data, keep);
}

void inputs_forward(const Inputs *in, const float *data, float *value) {
  for (int64_t j = 0; j < in->q; j++) value[j] = column_forward(&in->column[j], (double)data[j]);
  for (int64_t k = 0; k < in->n - in->q; k++) {
    const Product *p = &in->product[k];
    double x = ((double)value[p->first] * (double)value[p->second] - p->centre) / p->scale;
    value[in->q + k] = (float)(fabs(x) > PRODUCT_CLIP ? copysign(PRODUCT_CLIP, x) : x);
  }
}

/* ---- The file ---- */

static const char *const rules[] = {"mean", "median", "constant"};

static void put(JsonWriter *w, const char *key, double value) {
  json_key(w, key);
  json_put_real(w, value);
}

static const char *taken(Arena *arena, JsonWriter *w) {
  json_end_list(w);
  return str_keep(&w->out, arena);
}

const char *inputs_columns_text(Arena *arena, const Inputs *in) {
  JsonWriter w = {.compact = true};
  json_begin_list(&w);
  for (int64_t j = 0; j < in->q; j++) {
    const ColumnMap *c = &in->column[j];
    json_begin_object(&w);
    json_key(&w, "rule");
    json_put_string(&w, rules[c->rule]);
    put(&w, "centre", c->centre);
    put(&w, "scale", c->scale);
    put(&w, "clip", c->clip);
    put(&w, "low", c->low);
    put(&w, "high", c->high);
    json_end_object(&w);
  }
  return taken(arena, &w);
}

const char *inputs_products_text(Arena *arena, const Inputs *in) {
  JsonWriter w = {.compact = true};
  json_begin_list(&w);
  for (int64_t k = 0; k < in->n - in->q; k++) {
    const Product *p = &in->product[k];
    json_begin_object(&w);
    put(&w, "first", (double)p->first); /* columns, counted from 0 */
    put(&w, "second", (double)p->second);
    put(&w, "centre", p->centre);
    put(&w, "scale", p->scale);
    json_end_object(&w);
  }
  return taken(arena, &w);
}

static int rule_of(const char *text) {
  for (size_t i = 0; i < COUNT(rules); i++)
    if (strcmp(text, rules[i]) == 0) return (int)i;
  return -1;
}

EbbStatus inputs_read(Arena *arena, const SafeFile *file, const char *path, Inputs *in) {
  Json *columns, *products = NULL;
  EbbStatus status = safetensors_list(arena, file, path, "columns", in->q, &columns);
  bool older = in->n == in->q && safetensors_meta(file, "products") == NULL; /* a file from before there were products */
  if (status == EBB_OK && !older) status = safetensors_list(arena, file, path, "products", in->n - in->q, &products);
  if (status != EBB_OK) return status;
  int64_t j = 0;
  for (const Json *c = columns->first; c != NULL; c = c->next, j++) {
    const char *name = json_string(c, "rule", "");
    int rule = rule_of(name);
    if (rule < 0) return fail(EBB_E_IO, "%s: data column %" PRId64 " has the rule \"%s\", which this version does not know", path, j + 1, name);
    in->column[j] = (ColumnMap){(ColumnRule)rule,          json_number(c, "centre", 0),      json_number(c, "scale", 1),
                                json_number(c, "clip", 0), json_number(c, "low", -INFINITY), json_number(c, "high", INFINITY)};
  }
  j = 0;
  for (const Json *p = older ? NULL : products->first; p != NULL; p = p->next, j++) {
    in->product[j].centre = json_number(p, "centre", 0);
    in->product[j].scale = json_number(p, "scale", 1);
  }
  return EBB_OK;
}
