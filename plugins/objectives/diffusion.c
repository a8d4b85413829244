/* SPDX-License-Identifier: MIT
 *
 * Denoising score matching: Ho, Jain, Abbeel 2020 (2006.11239), eq. 14, with the weights of Kingma & Gao 2023 (2303.00848):
 *
 *     z = alpha x + sigma eps,     L = E w(lambda) mean_d |eps-hat - eps|^2
 *
 * A weight is a number on the loss of eps. The network may predict something else: L is then evaluated as the equal weight on that,
 * c |out - target|^2 with c = w / units, the units being |out - target|^2 in units of |eps-hat - eps|^2 (ebb/objective.h). For x, v, velocity and F
 * both w and the units hold 1/alpha^2: it is cancelled by hand, so that noise levels with alpha = 0 or sigma = 0 hurt only pairs whose weight is
 * infinite there. With edm and F, c = 1. S = alpha^2 / sigma^2. */
#include <math.h>

#include <ebb/objective.h>

typedef struct Config {
  int64_t predict, weight;
  double sigmoid_bias, min_snr_gamma;
} Config;

enum { EDM = 0, SIGMOID = 1, FLOW = 2, V = 3, MIN_SNR = 4, LIKELIHOOD = 5, UNIT = 6 };

static const EbbParam params[] = {
    EBB_CHOICE(Config, predict, EBB_PREDICT_F, EBB_PREDICTIONS, "what the network predicts; F has unit variance at every noise level"),
    EBB_CHOICE(Config, weight, EDM, "edm|sigmoid|flow|v|min_snr|likelihood|unit",
               "on the loss of eps: edm, v 1 + 1/S; sigmoid 1/(1 + S exp(-bias)); flow (1 + S^-1/2)^2; min_snr min(S, gamma)/S; likelihood "
               "-lambda'(t); unit 1"),
    EBB_REAL(Config, sigmoid_bias, 2.0, -50.0, 50.0, "", "the log-SNR at which the sigmoid weight is one half"),
    EBB_REAL(Config, min_snr_gamma, 5.0, 1e-6, 1e6, "", "the SNR above which min_snr falls"),
    EBB_END,
};

/* c. Units are those of the header: those that hold 1/alpha^2 are taken times alpha^2, and so is w; `per` is that factor over alpha^2. */
static double weight(const Config *c, const EbbLevel *l) {
  double a = l->alpha * l->alpha, s = l->sigma * l->sigma, delta = l->alpha * l->dsigma - l->sigma * l->dalpha;
  int plain = c->predict == EBB_PREDICT_NOISE || c->predict == EBB_PREDICT_SCORE;
  double factor = plain ? 1 : a, per = plain ? 1 / a : 1, w = 0, units = 1;
  switch (c->weight) {
  case EDM:
  case V: w = (a + s) * per; break;
  case SIGMOID: w = factor / (1 + exp(l->lambda - c->sigmoid_bias)); break;
  case FLOW: w = (l->alpha + l->sigma) * (l->alpha + l->sigma) * per; break;
  case MIN_SNR: w = fmin(factor, c->min_snr_gamma * s * per); break;
  case LIKELIHOOD: w = -factor * l->dlambda; break;
  default: w = factor; break;
  }
  switch (c->predict) {
  case EBB_PREDICT_X: units = s; break;
  case EBB_PREDICT_V: units = (a + s) * (a + s); break;
  case EBB_PREDICT_VELOCITY: units = delta * delta; break;
  case EBB_PREDICT_SCORE: units = 1 / s; break;
  case EBB_PREDICT_F: units = a + s; break;
  default: break;
  }
  return w / units;
}

static void needs(const void *self, EbbObjectiveNeeds *out) {
  out->prediction = (uint32_t)((const Config *)self)->predict;
  out->result = EBB_MEAN;
}

static EbbStatus corrupt(const void *self, EbbWork *work, EbbBatch *b) {
  (void)self, (void)work;
  for (int64_t i = 0; i < b->rows; i++) {
    EbbLevel *l = &b->at[i];
    double t;
    b->schedule->inverse(b->schedule, 1, &b->lambda[i], &t);
    b->schedule->at(b->schedule, 1, &t, l);
    for (int64_t j = i * b->dim; j < (i + 1) * b->dim; j++) b->z[j] = (float)(l->alpha * (double)b->x[j] + l->sigma * (double)b->noise[j]);
  }
  return EBB_OK;
}

static EbbStatus loss(const void *self, EbbWork *work, EbbBatch *b) {
  (void)work;
  const Config *c = self;
  for (int64_t i = 0; i < b->rows; i++) {
    double w = weight(c, &b->at[i]) / (double)b->dim, sum = 0;
    for (int64_t j = i * b->dim; j < (i + 1) * b->dim; j++) {
      double error = (double)b->out[j] - (double)b->target[j];
      sum += error * error;
      b->grad[j] = (float)(b->scale * 2 * w * error);
    }
    b->loss[i] = w * sum;
  }
  return EBB_OK;
}

static const EbbObjectiveOps ops = {.size = sizeof ops, .needs = needs, .corrupt = corrupt, .loss = loss};
static const EbbComponent diffusion = {
    .size = sizeof(EbbComponent),
    .kind = EBB_OBJECTIVE,
    .id = "diffusion",
    .summary = "denoising score matching, with a choice of prediction and weight",
    .version = "1.0",
    .reference = "2006.11239, eq. 14; weights 2303.00848",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&diffusion)
