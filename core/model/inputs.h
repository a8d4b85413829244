/* SPDX-License-Identifier: MIT
 *
 * What the network is told of a data row: its columns, each by its own map (transform.h), and where quadratic inputs are wanted the products of all
 * pairs of these, squares among them, each standardised and clipped (methods.md 3.7). Posteriors that depend on second moments, such as slcp's, are
 * hard to learn from the columns alone. */
#ifndef EBB_MODEL_INPUTS_H
#define EBB_MODEL_INPUTS_H

#include "model/safetensors.h"
#include "model/transform.h"

enum {
  INPUTS_MOST_SQUARED = 30,   /* columns whose products are taken: 495 inputs */
  INPUTS_ROWS_A_PRODUCT = 30, /* simulations for every input, from which on products pay */
};

/* value[first] value[second] of the mapped columns, minus centre, over scale. A product that is constant is 0. */
typedef struct Product {
  int64_t first, second;
  double centre, scale;
} Product;

typedef struct Inputs {
  int64_t q, n;      /* columns of a data row; inputs, at least q */
  ColumnMap *column; /* [q] */
  Product *product;  /* [n - q] */
} Inputs;

/* Whether products are within reach of this many simulations: what the spec's `auto` asks. */
bool inputs_afford_products(int64_t q, int64_t simulations);
/* Maps that do nothing yet. */
void inputs_new(Arena *, int64_t q, bool quadratic, Inputs *out);
/* On data [rows][q], rows with keep[i]. */
void inputs_fit(Inputs *, int64_t rows, const float *data, const uint8_t *keep);
void inputs_copy(Inputs *, const Inputs *from); /* of the same shape */
/* data [q] to value [n]. */
void inputs_forward(const Inputs *, const float *data, float *value);

/* As the model's file has them, in the metadata: `columns` and `products`, JSON lists, one object each. */
const char *inputs_columns_text(Arena *, const Inputs *);
const char *inputs_products_text(Arena *, const Inputs *);
EbbStatus inputs_read(Arena *, const SafeFile *, const char *path, Inputs *);

#endif
