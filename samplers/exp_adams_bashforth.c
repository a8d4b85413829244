/* SPDX-License-Identifier: MIT
 *
 * Exponential Adams-Bashforth: Zhang & Chen 2023 (2204.13902), eq. 14-15 (tAB-DEIS), in half the log-SNR. With h = (lambda_s - lambda_t) / 2 and
 * x_j = (lambda_j - lambda_t) / 2h <= 0 the places of the last k answers, xhat is taken as the polynomial through them and integrated exactly:
 *
 *     sum_j c_j x_j^m = J_m,   m < k,   J_m = int_0^1 h exp(-h (1-x)) x^m dx;     z_s = (sigma_s/sigma_t) z + alpha_s sum_j c_j xhat_j
 *
 * Order k, one evaluation a step. The first steps have the order that their history allows; into noise 0 it is 1: z_s = xhat. k = 1 is DDIM, k = 2
 * differs from dpmpp_2m in the third order of h only, k = 3 from dpmpp_3m in nothing. */
#include <math.h>
#include <string.h>

#include <ebb/sampler.h>

enum { MOST = 4 };

typedef struct Config {
  int64_t steps, order;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, steps, 20, 1, 100000, "", "field evaluations a draw"),
    EBB_INT(Config, order, 3, 1, MOST, "", "answers that a step uses"),
    EBB_END,
};

/* One step of the grid: z_s = kept z + sum_j weight[j] xhat_j, newest first. */
typedef struct Step {
  int64_t order;
  double kept, weight[MOST];
} Step;

static int64_t steps(const void *self) { return ((const Config *)self)->steps; }

/* J_m for m < n. The recursion J_m = 1 - (m/h) J_m-1 cancels at small h: there the series h sum_i (-h)^i m! / (m+i+1)!. */
static void moments(double h, int64_t n, double *J) {
  for (int64_t m = 0; m < n; m++) {
    J[m] = m == 0 ? -expm1(-h) : 1 - (double)m / h * J[m - 1];
    if (h > 1) continue;
    double term = h / (double)(m + 1);
    J[m] = term;
    for (int64_t i = 1; i < 24; i++) J[m] += term *= -h / (double)(m + i + 1);
  }
}

/* b becomes c with sum_j c_j x_j^m = b_m: Bjorck & Pereyra 1970, for Vandermonde systems. */
static void solve(int64_t n, const double *x, double *b) {
  for (int64_t k = 0; k < n - 1; k++)
    for (int64_t i = n - 1; i > k; i--) b[i] -= x[k] * b[i - 1];
  for (int64_t k = n - 2; k >= 0; k--) {
    for (int64_t i = k + 1; i < n; i++) b[i] /= x[i] - x[i - k - 1];
    for (int64_t i = k; i < n - 1; i++) b[i] -= b[i + 1];
  }
}

/* The table of steps; a row's state: the answers before, (order - 1) dim numbers. */
static EbbStatus prepare(const void *self, const EbbPlan *plan, EbbSamplerNeeds *needs, void **state) {
  const Config *c = self;
  Step *table = plan->host->alloc(plan->host, (size_t)plan->n * sizeof *table);
  if (table == NULL) return EBB_E_MEMORY;
  for (int64_t i = 0; i < plan->n; i++) {
    const EbbLevel *t = &plan->level[i], *s = t + 1;
    int64_t order = s->sigma == 0 ? 1 : i + 1 < c->order ? i + 1 : c->order;
    double h = 0.5 * (s->lambda - t->lambda), x[MOST];
    for (int64_t j = 0; j < order; j++) x[j] = s->sigma == 0 ? 0 : 0.5 * (t[-j].lambda - t->lambda) / h;
    table[i] = (Step){.order = order, .kept = s->sigma / t->sigma};
    moments(h, order, table[i].weight);
    solve(order, x, table[i].weight);
    for (int64_t j = 0; j < order; j++) table[i].weight[j] *= s->alpha;
  }
  needs->state = (c->order - 1) * plan->dim;
  *state = table;
  return EBB_OK;
}

static EbbStatus advance(const void *self, const void *shared, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)work;
  const Config *c = self;
  for (int64_t i = 0; i < r->rows; i++) {
    const Step *step = (const Step *)shared + r->asked[i] - 1;
    double *past = r->state + i * r->state_step, *z = r->z + i * r->dim;
    const double *xhat = r->xhat + i * r->dim;
    for (int64_t j = 0; j < r->dim; j++) {
      z[j] = step->kept * z[j] + step->weight[0] * xhat[j];
      for (int64_t k = 1; k < step->order; k++) z[j] += step->weight[k] * past[(k - 1) * r->dim + j];
    }
    if (c->order > 2) memmove(past + r->dim, past, (size_t)((c->order - 2) * r->dim) * sizeof *past);
    if (c->order > 1) memcpy(past, xhat, (size_t)r->dim * sizeof *past);
    ebb_ask(r, i, r->asked[i] < plan->n ? EBB_STATE : EBB_DONE);
  }
  return EBB_OK;
}

static const EbbSamplerOps ops = {.size = sizeof ops, .accepts = EBB_MEAN | EBB_MEAN_ODE, .steps = steps, .prepare = prepare, .advance = advance};
static const EbbComponent exp_adams_bashforth = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "exp_adams_bashforth",
    .summary = "multistep; order 3 (1 to 4); 1 evaluation a step; deterministic",
    .version = "1.0",
    .reference = "2204.13902, eq. 14-15",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&exp_adams_bashforth)
