/* SPDX-License-Identifier: MIT
 *
 * C2ST, the classifier two-sample test of sbibm (Lopez-Paz & Oquab 2017, 1610.06545; Lueckmann et al. 2021, 2101.04653): how often a small network
 * tells draws from a reference on rows it was not trained on. 0.5: it cannot; 1: it always can.
 *
 *     z = (theta - mean) / sd        of the reference
 *     p = logistic(W3' relu(W2' relu(W1' z + b1) + b2) + b3)        d -> 10 d -> 10 d -> 1; reference 0, draws 1
 *     loss of a batch = mean of -log p(label) + alpha / 2 sum of |W|^2 / rows,        alpha = 1e-4, biases free
 *
 * The protocol is scikit-learn's MLPClassifier under a shuffled KFold: batches of 200, Adam, an end when the epoch's loss has not come 1e-4 below the
 * best for more than ten epochs. Mean accuracy over the folds and `seeds` repeats. Its error is the binomial one, sqrt(c (1 - c) / n) for the n rows
 * of both sets (each is held out once).
 *
 * Rows (n, d+1) end in a one, so that a layer is one matrix (in+1, out) whose last row is the bias, and the bias' gradient a row of the product. A
 * fold of a repeat of a set is one task and owns all it writes: the answer does not depend on the threads. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/metric.h>

typedef struct Config {
  const char *reference;
  int64_t folds, seeds, epochs;
} Config;

static const EbbParam params[] = {
    EBB_STRING(Config, reference, NULL,
               "file of a set's reference draws, {k} the set from 1: \"ref_{k}.npy\"; absent: the simulator's exact posterior"),
    EBB_INT(Config, folds, 5, 2, 100, "", "parts of the cross-validation"),
    EBB_INT(Config, seeds, 1, 1, 1000, "", "repeats with other folds and first weights, averaged"),
    EBB_INT(Config, epochs, 10000, 1, 1000000, "", "most epochs a network is trained"),
    EBB_END,
};

enum { LAYERS = 3, BATCH = 200, PATIENCE = 10, LANES = 16 };
/* Blocks of random numbers: one a layer, the rest are chunks of a shuffle. */
enum { CHUNK = 1 << 14, BLOCK_SHUFFLE = LAYERS };
/* Fold number under which the folds themselves are drawn. */
enum { FOLDS_DRAWN = 255 };
static const double ALPHA = 1e-4, RATE = 1e-3, BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8, TOLERANCE = 1e-4;
/* Farther out nothing changes for a classifier, and squares of gradients stay float32. */
static const double FARTHEST = 1e6;

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

static void net_new(Net *net, const EbbHost *host, EbbWork *work, int64_t in) {
  *net = (Net){.host = host, .in = in, .width = 10 * in, .room = 10 * in / LANES * LANES + LANES, .beta1 = 1, .beta2 = 1};
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
static void net_draw(Net *net, EbbWork *work, EbbRng rng, uint64_t id) {
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

/* ---- a fold ---- */

/* One set of draws against its reference. */
typedef struct Pair {
  const float *draws, *reference; /* [draws][dim], [references][dim] */
  int64_t good;                   /* draws that did not fail */
  int64_t kept;                   /* parameters that are not the same constant in both */
  int64_t apart;                  /* a parameter that is one constant here and another there; -1: none */
  double *mean, *scale;           /* [dim]; scale 0: left out */
} Pair;

typedef struct Run {
  const Config *c;
  const EbbEvidence *e;
  Pair *pair;     /* [sets] */
  double *result; /* [sets][seeds][folds] share of right answers */
} Run;

static int row_is_finite(int64_t n, const float *row) {
  for (int64_t j = 0; j < n; j++)
    if (!isfinite(row[j])) return 0;
  return 1;
}

/* Fisher-Yates over index [n], addressed by (id, step). */
static void shuffle(const EbbEvidence *e, uint64_t id, uint32_t step, double *u, int64_t n, int32_t *index) {
  for (int64_t first = 0; first < n; first += CHUNK) {
    int64_t here = n - first < CHUNK ? n - first : CHUNK;
    e->host->uniform(e->host, e->rng, 1, &id, &step, (uint32_t)(BLOCK_SHUFFLE + first / CHUNK), here, u);
    for (int64_t i = first; i < first + here; i++) {
      int64_t other = (int64_t)(u[i - first] * (double)(i + 1));
      int32_t t = index[i];
      index[i] = index[other];
      index[other] = t;
    }
  }
}

/* A scaled row (kept + 1), ending in a one. */
static void scale_row(const Pair *p, int64_t dim, const float *theta, float *x) {
  for (int64_t j = 0; j < dim; j++)
    if (p->scale[j] > 0) *x++ = (float)fmax(-FARTHEST, fmin(FARTHEST, ((double)theta[j] - p->mean[j]) / p->scale[j]));
  *x = 1;
}

/* Rows index[0..rows) of x and sign into the network's batch. */
static void gather(Net *net, int64_t rows, const int32_t *restrict index, const float *restrict x, const float *restrict sign) {
  int64_t in = net->in + 1;
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < in; j++) net->x[i * in + j] = x[index[i] * in + j];
    net->sign[i] = sign[index[i]];
  }
}

static EbbStatus train(Net *net, const Run *t, uint64_t id, double *u, int64_t n, int32_t *index, const float *x, const float *sign) {
  double best = INFINITY;
  int64_t waited = 0;
  for (int64_t epoch = 1; epoch <= t->c->epochs && waited <= PATIENCE; epoch++) {
    double loss = 0;
    shuffle(t->e, id, (uint32_t)epoch, u, n, index);
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

static double accuracy(Net *net, int64_t n, const int32_t *index, const float *x, const float *sign) {
  int64_t right = 0;
  for (int64_t i = 0; i < n; i += BATCH) {
    int64_t rows = n - i < BATCH ? n - i : BATCH;
    gather(net, rows, index + i, x, sign);
    forward(net, rows);
    for (int64_t r = 0; r < rows; r++) right += (net->z[r] > 0) == (net->sign[r] > 0);
  }
  return (double)right / (double)n;
}

static EbbStatus run_fold(void *ctx, EbbWork *work, int64_t i) {
  Run *t = ctx;
  const EbbEvidence *e = t->e;
  int64_t folds = t->c->folds, fold = i % folds, seed = i / folds % t->c->seeds, set = i / folds / t->c->seeds;
  const Pair *p = &t->pair[set];
  if (p->apart >= 0 || p->kept == 0) return EBB_OK;
  int64_t n = e->references + p->good, in = p->kept;
  float *x = floats(e->host, work, n * (in + 1)), *sign = floats(e->host, work, n);
  int64_t row = 0;
  for (int64_t r = 0; r < e->references; r++, row++) scale_row(p, e->dim, p->reference + r * e->dim, x + row * (in + 1)), sign[row] = -1;
  for (int64_t r = 0; r < e->draws; r++)
    if (row_is_finite(e->dim, p->draws + r * e->dim)) scale_row(p, e->dim, p->draws + r * e->dim, x + row * (in + 1)), sign[row++] = 1;

  /* Folds are runs of one shuffled list, the first n % folds longer by one; the held-out run goes to the end. */
  int32_t *index = e->host->scratch(work, (size_t)n * sizeof *index), *held = e->host->scratch(work, (size_t)n * sizeof *held);
  double *u = e->host->scratch(work, CHUNK * sizeof *u);
  uint64_t id = (uint64_t)set << 32 | (uint64_t)seed << 8;
  for (int64_t r = 0; r < n; r++) index[r] = (int32_t)r;
  shuffle(e, id | FOLDS_DRAWN, 0, u, n, index);
  int64_t longer = n % folds, first = fold * (n / folds) + (fold < longer ? fold : longer), size = n / folds + (fold < longer);
  memcpy(held, index + first, (size_t)size * sizeof *held);
  memmove(index + first, index + first + size, (size_t)(n - first - size) * sizeof *index);

  Net net;
  net_new(&net, e->host, work, in);
  net_draw(&net, work, e->rng, id | (uint64_t)fold);
  EbbStatus status = train(&net, t, id | (uint64_t)fold, u, n - size, index, x, sign);
  if (status == EBB_OK) t->result[i] = accuracy(&net, size, held, x, sign);
  return status;
}

/* ---- the sets ---- */

typedef struct Spread {
  double mean, sd, low, high;
  int64_t n;
} Spread;

/* Of column j of the finite rows. */
static Spread spread(int64_t rows, int64_t dim, int64_t j, const float *theta) {
  Spread s = {.low = INFINITY, .high = -INFINITY};
  double sum = 0, square = 0;
  for (int64_t i = 0; i < rows; i++) {
    if (!row_is_finite(dim, theta + i * dim)) continue;
    double x = (double)theta[i * dim + j];
    s.low = fmin(s.low, x);
    s.high = fmax(s.high, x);
    sum += x;
    s.n++;
  }
  s.mean = s.n > 0 ? sum / (double)s.n : 0;
  for (int64_t i = 0; i < rows; i++)
    if (row_is_finite(dim, theta + i * dim)) square += pow((double)theta[i * dim + j] - s.mean, 2);
  s.sd = s.n > 0 ? sqrt(square / (double)s.n) : 0;
  return s;
}

/* Fills the pair. A constant of the reference has no sd: the same constant in the draws is left out, another parts the sets, and draws that vary
 * around it are measured in their own distance from it. */
static EbbStatus compare(const Run *t, int64_t set, Pair *p) {
  const EbbEvidence *e = t->e;
  p->draws = e->theta + set * e->draws * e->dim;
  p->reference = e->reference + set * e->references * e->dim;
  p->apart = -1;
  for (int64_t r = 0; r < e->references; r++)
    for (int64_t j = 0; j < e->dim; j++)
      if (!isfinite(p->reference[r * e->dim + j]))
        return e->host->fail(e->host, EBB_E_NUMERIC, "the reference of set %lld is not finite in row %lld, parameter %s; remove the row",
                             (long long)set + 1, (long long)r + 1, e->name[j]);
  for (int64_t r = 0; r < e->draws; r++) p->good += row_is_finite(e->dim, p->draws + r * e->dim);
  if (p->good < t->c->folds || e->references < t->c->folds)
    return e->host->fail(
        e->host, EBB_E_SHAPE,
        "set %lld has %lld draws without failure and %lld of the reference, too few for %lld folds; ask for more draws or fewer folds",
        (long long)set + 1, (long long)p->good, (long long)e->references, (long long)t->c->folds);
  for (int64_t j = 0; j < e->dim; j++) {
    Spread ref = spread(e->references, e->dim, j, p->reference), own = spread(e->draws, e->dim, j, p->draws);
    p->mean[j] = ref.mean;
    p->scale[j] = ref.sd;
    if (ref.low == ref.high) {
      p->mean[j] = ref.low;
      p->scale[j] = hypot(own.sd, own.mean - ref.low);
      if (own.low == own.high) p->scale[j] = 0;
      if (own.low == own.high && own.low != ref.low) p->apart = j;
    }
    p->kept += p->scale[j] > 0;
  }
  return EBB_OK;
}

/* Adds to a note; what does not fit is cut. */
static void add(char *note, size_t room, const char *format, long long a, long long b) {
  size_t used = strlen(note);
  if (used > 0) used += (size_t)snprintf(note + used, room - used, "; ");
  if (used < room) snprintf(note + used, room - used, format, a, b);
}

static double report_set(const Run *t, int64_t set, EbbReport *out) {
  const EbbEvidence *e = t->e;
  const Pair *p = &t->pair[set];
  int64_t n = e->references + p->good, runs = t->c->seeds * t->c->folds;
  double c = 0;
  char note[256] = "";
  for (int64_t i = 0; i < runs; i++) c += t->result[set * runs + i] / (double)runs;
  if (p->good < e->draws) add(note, sizeof note, "%lld of %lld draws failed and were left out", e->draws - p->good, e->draws);
  if (p->kept < e->dim) add(note, sizeof note, "%lld of %lld parameters are constant in both sets", e->dim - p->kept, e->dim);
  if (p->apart >= 0) {
    c = 1;
    add(note, sizeof note, "parameter %lld is one constant in the draws and another in the reference", p->apart + 1, 0);
  } else if (p->kept == 0) {
    c = (double)(p->good > e->references ? p->good : e->references) / (double)n;
  }
  if (p->good != e->references) add(note, sizeof note, "%lld draws against %lld: the larger set's share is the floor", p->good, e->references);
  double error = sqrt(c * (1 - c) / (double)n);
  out->value(out, "c2st", set, -1, c, error, n, note);
  out->value(out, "c2st_folded", set, -1, fmax(c, 1 - c), error, n, "max(c, 1 - c)");
  return c;
}

static void needs(const void *self, EbbMetricNeeds *n) {
  (void)self;
  n->flags = EBB_NEED_REFERENCE;
  n->sets = n->draws = 0;
}

static EbbStatus compute(const void *self, const EbbEvidence *e, EbbReport *out) {
  const Config *c = self;
  if (e->reference == NULL)
    return e->host->fail(e->host, EBB_E_CONFIG, "there are no reference draws to compare with; give reference: \"ref_{k}.npy\"");
  int64_t tasks = e->sets * c->seeds * c->folds;
  Run t = {.c = c, .e = e};
  EbbStatus status = EBB_OK;
  t.pair = calloc((size_t)e->sets + 1, sizeof *t.pair);
  t.result = calloc((size_t)tasks + 1, sizeof *t.result);
  double *scaling = calloc((size_t)(2 * e->sets * e->dim) + 1, sizeof *scaling);
  if (t.pair == NULL || t.result == NULL || scaling == NULL)
    status = e->host->fail(e->host, EBB_E_MEMORY, "no memory for %lld sets", (long long)e->sets);
  for (int64_t set = 0; set < e->sets && status == EBB_OK; set++) {
    t.pair[set].mean = scaling + 2 * set * e->dim;
    t.pair[set].scale = t.pair[set].mean + e->dim;
    status = compare(&t, set, &t.pair[set]);
  }
  if (status == EBB_OK) status = e->host->parallel(e->host, tasks, run_fold, &t);
  if (status == EBB_OK) {
    double sum = 0, square = 0, sets = (double)e->sets;
    for (int64_t set = 0; set < e->sets; set++) {
      double value = report_set(&t, set, out);
      sum += value;
      square += value * value;
    }
    double variance = (square - sum * sum / sets) / (sets - 1);
    if (e->sets > 1) out->value(out, "c2st", -1, -1, sum / sets, sqrt(fmax(0, variance) / sets), e->sets, "mean over sets; error from their spread");
  }
  free(scaling);
  free(t.result);
  free(t.pair);
  return status;
}

static const EbbMetricOps ops = {.size = sizeof ops, .needs = needs, .compute = compute};
static const EbbComponent c2st = {
    .size = sizeof(EbbComponent),
    .kind = EBB_METRIC,
    .id = "c2st",
    .summary = "classifier two-sample test against a reference, the sbibm network",
    .version = "1.0",
    .reference = "1610.06545; 2101.04653",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&c2st)
