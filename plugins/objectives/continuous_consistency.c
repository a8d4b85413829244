/* SPDX-License-Identifier: MIT
 *
 * Continuous-time consistency training (sCM, TrigFlow): Lu & Song 2025 (2410.11081), algorithm 1, for data of unit variance. With the angle
 * t = atan(sigma/alpha), z scaled to cos t x + sin t eps and F the network's answer (here of the opposite sign: prediction F, xhat = cos t z + sin t
 * F),
 *
 *     f = cos t z + sin t F,   z' = cos t eps - sin t x,   J = cos t sin t dF/dt along the path: one tangent, (dz, dlambda) = (cos t sin t z', -2)
 *     g = cos^2 t (F + z') - r (cos t sin t z - J),     r = min(1, k / (warm-up))
 *     loss = exp(w) / d |F - (F - g)|^2 - w  =  exp(w) / d |g|^2 - w,     gradient 2 exp(w) / d g
 *
 * g is divided by |g| + 0.1 (or cut at +-1); F inside it is taken as given; w is the weight net's. ln tan t ~ N(P_m, P_s^2), cut to the schedule's
 * range. The network must be smooth in t: no large frequencies, and no dropout, since the tangent has none. Sampled by multistep_consistency. */
#include <math.h>

#include <ebb/normal.h>
#include <ebb/objective.h>

typedef struct Config {
  double p_mean, p_sd, warmup;
  int64_t normalise;
} Config;

enum { NORM = 0, CLIP = 1, NONE = 2 };

static const EbbParam params[] = {
    EBB_REAL(Config, p_mean, -1.0, -20.0, 20.0, "", "law of noise levels: mean of ln(sigma/alpha)"),
    EBB_REAL(Config, p_sd, 1.4, 0.01, 20.0, "", "law of noise levels: standard deviation of ln(sigma/alpha)"),
    EBB_REAL(Config, warmup, 0.1, 0.0, 1.0, "", "share of the steps over which the tangent comes in"),
    EBB_CHOICE(Config, normalise, NORM, "norm|clip|none", "the tangent, by its norm, each number to +-1, or not at all"),
    EBB_END,
};

static void needs(const void *self, EbbObjectiveNeeds *out) {
  (void)self;
  out->wants = EBB_OBJ_JVP | EBB_OBJ_WEIGHT;
  out->prediction = EBB_PREDICT_F;
  out->result = EBB_MAP;
}

static EbbStatus corrupt(const void *self, EbbWork *work, EbbBatch *b) {
  (void)work;
  const Config *c = self;
  for (int64_t r = 0; r < b->rows; r++) {
    EbbLevel *l = &b->at[r];
    double lambda = -2 * (c->p_mean + c->p_sd * ebb_normal_quantile(b->u[r])), t;
    b->schedule->inverse(b->schedule, 1, &lambda, &t); /* within its range */
    b->schedule->at(b->schedule, 1, &t, l);
    b->dlambda[r] = -2;
    for (int64_t j = r * b->dim; j < (r + 1) * b->dim; j++) {
      b->z[j] = (float)(l->alpha * (double)b->x[j] + l->sigma * (double)b->noise[j]);
      b->dz[j] = (float)(-2 / l->dlambda * (l->dalpha * (double)b->x[j] + l->dsigma * (double)b->noise[j]));
    }
  }
  return EBB_OK;
}

static EbbStatus loss(const void *self, EbbWork *work, EbbBatch *b) {
  (void)work;
  const Config *c = self;
  double warm = c->warmup * (double)b->steps, share = warm > 0 ? fmin(1, (double)b->step / warm) : 1, d = (double)b->dim;
  for (int64_t r = 0; r < b->rows; r++) {
    const EbbLevel *l = &b->at[r];
    double radius = hypot(l->alpha, l->sigma), cosine = l->alpha / radius, sine = l->sigma / radius, square = 0, norm = 0;
    for (int64_t j = r * b->dim; j < (r + 1) * b->dim; j++) {
      double velocity = cosine * (double)b->noise[j] - sine * (double)b->x[j], z = (double)b->z[j] / radius;
      double g = cosine * cosine * ((double)b->out[j] + velocity) - share * (cosine * sine * z - (double)b->jout[j]);
      if (c->normalise == CLIP) g = fmax(-1, fmin(1, g));
      norm += g * g;
      b->grad[j] = (float)g;
    }
    double per = c->normalise == NORM ? 1 / (sqrt(norm) + 0.1) : 1, weight = exp(b->w[r]);
    square = per * per * norm;
    b->loss[r] = weight / d * square - b->w[r];
    b->dw[r] = b->scale * (weight / d * square - 1);
    for (int64_t j = r * b->dim; j < (r + 1) * b->dim; j++) b->grad[j] = (float)(b->scale * 2 * weight / d * per * (double)b->grad[j]);
  }
  return EBB_OK;
}

static const EbbObjectiveOps ops = {.size = sizeof ops, .needs = needs, .corrupt = corrupt, .loss = loss};
static const EbbComponent continuous_consistency = {
    .size = sizeof(EbbComponent),
    .kind = EBB_OBJECTIVE,
    .id = "continuous_consistency",
    .summary = "a consistency map trained by its tangent, without a grid of noise levels",
    .version = "1.0",
    .reference = "2410.11081, algorithm 1",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&continuous_consistency)
