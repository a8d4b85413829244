/* SPDX-License-Identifier: MIT
 *
 * A classifier of two classes for metrics: a network of two hidden layers, trained as scikit-learn's MLPClassifier is.
 *
 *     p = logistic(W3' relu(W2' relu(W1' x + b1) + b2) + b3)        in -> width -> width -> 1; sign -1 or 1
 *     loss of a batch = mean of -log p(sign) + alpha / 2 sum of |W|^2 / rows,        alpha = 1e-4, biases free
 *
 * Batches of 200, Adam, an end when the epoch's loss has not come 1e-4 below the best for more than ten epochs.
 *
 * Rows (n, in+1) end in a one, so that a layer is one matrix (in+1, out) whose last row is the bias, and the bias' gradient a row of the product. A
 * network is one task's own. Random numbers: a task's id; first weights are drawn in blocks below LAYERS at steps up to the width, shuffles in blocks
 * from there on at the epoch as the step. */
#ifndef EBB_METRICS_CLASSIFIER_H
#define EBB_METRICS_CLASSIFIER_H

#include <math.h>
#include <string.h>

#include <ebb/host.h>

enum { LAYERS = 3, BATCH = 200, PATIENCE = 10, LANES = 16 };
/* Blocks of random numbers: one a layer, the rest are chunks of a shuffle. */
enum { CHUNK = 1 << 14, BLOCK_SHUFFLE = LAYERS };
static const double ALPHA = 1e-4, RATE = 1e-3, BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8, TOLERANCE = 1e-4;

/* ---- the network ---- */

/* A hidden layer has room for whole vectors: `room` columns, a multiple of LANES above the width. Column `width` is a unit that always says one (bias
 * 1, no weights): the one that the next layer's bias needs. The columns from there on have no gradient. */
typedef struct Net {
  const EbbHost *host;
  int64_t in, width, room;
  int64_t in_of[LAYERS], out_of[LAYERS], row_of[LAYERS], at[LAYERS + 1]; /* layer l is w[at[l]]: (in_of[l] + 1, out_of[l]), row_of[l] apart */
  float *w, *gradient, *mean, *square;                                   /* [at[LAYERS]]; Adam's moments */
  float *back;                                                           /* W2' (width, room): takes gradients through the second layer */
  float *x, *h[2], *dh[2], *z, *dz;                                      /* (BATCH, in + 1), (BATCH, room) twice, (BATCH) */
  float *sign;                                                           /* (BATCH) label: -1 reference, 1 draw */
  double beta1, beta2;                                                   /* powers of Adam's betas */
} Net;

static float *floats(const EbbHost *host, EbbWork *work, int64_t n) { return host->scratch(work, (size_t)n * sizeof(float)); }

static float *zeros(const EbbHost *host, EbbWork *work, int64_t n) { return memset(floats(host, work, n), 0, (size_t)n * sizeof(float)); }

static inline void net_new(Net *net, const EbbHost *host, EbbWork *work, int64_t in, int64_t width) {
  *net = (Net){.host = host, .in = in, .width = width, .room = width / LANES * LANES + LANES, .beta1 = 1, .beta2 = 1};
  for (int l = 0; l < LAYERS; l++) {
    net->in_of[l] = l == 0 ? in : net->width;
    net->out_of[l] = l == LAYERS - 1 ? 1 : net->width;
    net->row_of[l] = l == LAYERS - 1 ? 1 : net->room;
    net->at[l + 1] = net->at[l] + (net->in_of[l] + 1) * net->row_of[l];
  }
  float **of_weights[] = {&net->w, &net->gradient, &net->mean, &net->square};
  for (size_t i = 0; i < 4; i++) *of_weights[i] = zeros(host, work, net->at[LAYERS]);
  net->back = zeros(host, work, net->width * net->room);
  net->x = floats(host, work, BATCH * (in + 1));
  for (int l = 0; l < 2; l++) {
    net->h[l] = floats(host, work, BATCH * net->room);
    net->dh[l] = zeros(host, work, BATCH * net->room);
  }
  net->z = floats(host, work, BATCH);
  net->dz = floats(host, work, BATCH);
  net->sign = floats(host, work, BATCH);
}

/* Weights and biases of a layer are uniform on +-sqrt(6 / (in + out)). A row of the matrix is addressed by its number as the step. */
static inline void net_draw(Net *net, EbbWork *work, EbbRng rng, uint64_t id) {
  double *u = net->host->scratch(work, (size_t)net->width * sizeof *u);
  for (int l = 0; l < LAYERS; l++) {
    double bound = sqrt(6.0 / (double)(net->in_of[l] + net->out_of[l]));
    float *row = net->w + net->at[l];
    for (uint32_t i = 0; i <= net->in_of[l]; i++, row += net->row_of[l]) {
      net->host->uniform(net->host, rng, 1, &id, &i, (uint32_t)l, net->out_of[l], u);
      for (int64_t j = 0; j < net->out_of[l]; j++) row[j] = (float)(bound * (2 * u[j] - 1));
    }
    if (l < LAYERS - 1) net->w[net->at[l] + net->in_of[l] * net->room + net->width] = 1;
  }
}

/* z (rows) of the rows in x. */
static void forward(Net *net, int64_t rows) {
  const float *a = net->x;
  for (int l = 0; l < LAYERS; l++) {
    float *out = l < LAYERS - 1 ? net->h[l] : net->z;
    EbbProduct p = {.m = rows, .n = net->row_of[l], .k = net->in_of[l] + 1, .relu = l < LAYERS - 1};
    p.a = a, p.a_row = l == 0 ? net->in + 1 : net->room, p.a_col = 1;
    p.b = net->w + net->at[l], p.b_row = net->row_of[l];
    p.c = out, p.c_row = net->row_of[l];
    net->host->product(net->host, &p);
    a = out;
  }
}

/* dw = a' dy of a hidden layer: a (rows, in+1), dy (rows, room), dw (in+1, room). */
static void weight_gradient(const Net *net, int l, int64_t rows, const float *a, const float *dy) {
  EbbProduct p = {.m = net->in_of[l] + 1, .n = net->room, .k = rows};
  p.a = a, p.a_row = 1, p.a_col = l == 0 ? net->in + 1 : net->room;
  p.b = dy, p.b_row = net->room;
  p.c = net->gradient + net->at[l], p.c_row = net->room;
  net->host->product(net->host, &p);
}

/* x where a unit spoke (h > 0), else 0. Which units speak is as good as random, so no branch may depend on it: the mask comes from h's bits, an
 * integer above 0 where h is, which gcc turns into vectors; of a choice between floats it makes branches. */
static inline float if_spoke(float h, float x) {
  int32_t speaks, bits;
  memcpy(&speaks, &h, sizeof speaks);
  memcpy(&bits, &x, sizeof bits);
  bits &= -(speaks > 0);
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* dh = dh where h > 0; both (rows, room). */
static void silence(int64_t rows, int64_t width, int64_t room, const float *restrict h, float *restrict dh) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < width; j++) dh[i * room + j] = if_spoke(h[i * room + j], dh[i * room + j]);
}

/* dh = dz w' where h > 0: through the last layer, w (width). */
static void through_last(int64_t rows, int64_t width, int64_t room, const float *restrict dz, const float *restrict w, const float *restrict h,
                         float *restrict dh) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < width; j++) dh[i * room + j] = if_spoke(h[i * room + j], dz[i] * w[j]);
}

/* In LANES sums of every LANES-th number, so that a compiler may use vectors without leave to reorder. */
static double square_sum(int64_t n, const float *w) {
  float lane[LANES] = {0};
  int64_t whole = n - n % LANES;
  for (int64_t i = 0; i < whole; i += LANES)
    for (int j = 0; j < LANES; j++) lane[j] += w[i + j] * w[i + j];
  double sum = 0;
  for (int j = 0; j < LANES; j++) sum += (double)lane[j];
  for (int64_t i = whole; i < n; i++) sum += (double)(w[i] * w[i]);
  return sum;
}

/* dz = (p - label) / rows; returns the sum over rows of -log p(label), that is log of the product of 1 + exp(-sign z). scikit-learn holds p away from
 * 0 by 2.2e-16, so a factor is at most exp(36.05) and sixteen of them fit a double. */
static double logistic(const Net *net, int64_t rows) {
  double sum = 0, product = 1, share = 1 / (double)rows;
  for (int64_t i = 0; i < rows; i++) {
    double t = -(double)(net->sign[i] * net->z[i]), e = exp(t < 700 ? t : 700);
    net->dz[i] = (float)(-(double)net->sign[i] * share * (e / (1 + e)));
    product *= 1 + (e < 0x1p52 ? e : 0x1p52 - 1);
    if (i % 16 == 15) sum += log(product), product = 1;
  }
  return sum + log(product);
}

/* Gradient of the batch's loss from x and sign; returns the loss. */
static double backward(Net *net, int64_t rows) {
  int64_t width = net->width, room = net->room;
  forward(net, rows);
  double loss = logistic(net, rows) / (double)rows;

  /* The last layer's gradient as a row, dz' h. */
  EbbProduct p = {.m = 1, .n = width + 1, .k = rows, .a = net->dz, .a_row = rows, .a_col = 1, .b = net->h[1], .b_row = room};
  p.c = net->gradient + net->at[2], p.c_row = width + 1;
  net->host->product(net->host, &p);
  through_last(rows, width, room, net->dz, net->w + net->at[2], net->h[1], net->dh[1]);
  weight_gradient(net, 1, rows, net->h[0], net->dh[1]);

  const float *restrict w = net->w + net->at[1];
  for (int64_t j = 0; j < width; j++)
    for (int64_t i = 0; i < width; i++) net->back[j * room + i] = w[i * room + j];
  p = (EbbProduct){.m = rows, .n = room, .k = width, .a = net->dh[1], .a_row = room, .a_col = 1, .b = net->back, .b_row = room};
  p.c = net->dh[0], p.c_row = room;
  net->host->product(net->host, &p);
  silence(rows, width, room, net->h[0], net->dh[0]);
  weight_gradient(net, 0, rows, net->x, net->dh[0]);

  for (int l = 0; l < LAYERS; l++) {
    int64_t weights = net->in_of[l] * net->row_of[l];
    const float *restrict from = net->w + net->at[l];
    float *restrict to = net->gradient + net->at[l], decay = (float)(ALPHA / (double)rows);
    for (int64_t i = 0; i < weights; i++) to[i] += decay * from[i];
    loss += ALPHA / 2 * square_sum(weights, from) / (double)rows;
  }
  return loss;
}

/* The 1e-30 keeps the mean of a silent unit's bias from decaying into denormal numbers, which many processors add slowly. */
static void adam(int64_t n, float rate, const float *restrict g, float *restrict mean, float *restrict square, float *restrict w) {
  const float b1 = (float)BETA1, c1 = (float)(1 - BETA1), b2 = (float)BETA2, c2 = (float)(1 - BETA2), epsilon = (float)EPSILON;
  for (int64_t i = 0; i < n; i++) {
    mean[i] = b1 * mean[i] + (c1 * g[i] + 1e-30f);
    square[i] = b2 * square[i] + c2 * (g[i] * g[i]);
    w[i] -= rate * mean[i] / (sqrtf(square[i]) + epsilon);
  }
}

/* Only the columns in use; the last layer is one run. */
static void update(Net *net) {
  net->beta1 *= BETA1;
  net->beta2 *= BETA2;
  float rate = (float)(RATE * sqrt(1 - net->beta2) / (1 - net->beta1));
  for (int l = 0; l < LAYERS; l++) {
    int64_t last = l == LAYERS - 1, rows = last ? 1 : net->in_of[l] + 1, n = last ? net->width + 1 : net->width;
    for (int64_t at = net->at[l]; rows > 0; rows--, at += net->room) adam(n, rate, net->gradient + at, net->mean + at, net->square + at, net->w + at);
  }
}

/* ---- training ---- */

/* Fisher-Yates over index [n], addressed by (id, step); u has room for CHUNK. */
static void shuffle(const EbbHost *host, EbbRng rng, uint64_t id, uint32_t step, double *u, int64_t n, int32_t *index) {
  for (int64_t first = 0; first < n; first += CHUNK) {
    int64_t here = n - first < CHUNK ? n - first : CHUNK;
    host->uniform(host, rng, 1, &id, &step, (uint32_t)(BLOCK_SHUFFLE + first / CHUNK), here, u);
    for (int64_t i = first; i < first + here; i++) {
      int64_t other = (int64_t)(u[i - first] * (double)(i + 1));
      int32_t t = index[i];
      index[i] = index[other];
      index[other] = t;
    }
  }
}

/* Rows index[0..rows) of x and sign into the network's batch. */
static void gather(Net *net, int64_t rows, const int32_t *restrict index, const float *restrict x, const float *restrict sign) {
  int64_t in = net->in + 1;
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < in; j++) net->x[i * in + j] = x[index[i] * in + j];
    net->sign[i] = sign[index[i]];
  }
}

/* Trains on rows index[0..n) of x (., in + 1) and sign, for at most `epochs`; index is shuffled. */
static inline EbbStatus net_train(Net *net, EbbRng rng, uint64_t id, int64_t epochs, double *u, int64_t n, int32_t *index, const float *x,
                                  const float *sign) {
  double best = INFINITY;
  int64_t waited = 0;
  for (int64_t epoch = 1; epoch <= epochs && waited <= PATIENCE; epoch++) {
    double loss = 0;
    shuffle(net->host, rng, id, (uint32_t)epoch, u, n, index);
    for (int64_t i = 0; i < n; i += BATCH) {
      int64_t rows = n - i < BATCH ? n - i : BATCH;
      gather(net, rows, index + i, x, sign);
      loss += (double)rows * backward(net, rows);
      update(net);
    }
    loss /= (double)n;
    if (!isfinite(loss)) return net->host->fail(net->host, EBB_E_NUMERIC, "the classifier's loss is not finite in epoch %lld", (long long)epoch);
    waited = loss > best - TOLERANCE ? waited + 1 : 0;
    best = fmin(best, loss);
  }
  return EBB_OK;
}

#endif
