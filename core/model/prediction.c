/* SPDX-License-Identifier: MIT
 *
 * The table of methods.md 2, one row a prediction. D^2 = alpha^2 + sigma^2 and Delta = alpha sigma' - sigma alpha' stand for any schedule; nothing
 * assumes D = 1. Only noise and score need alpha > 0 on the way to xhat, only score needs sigma > 0 in its target. */
#include "model/prediction.h"

#include <math.h>

static double square(double a) { return a * a; }
static double total(const EbbLevel *l) { return square(l->alpha) + square(l->sigma); }
static double delta(const EbbLevel *l) { return l->alpha * l->dsigma - l->sigma * l->dalpha; }

Affine prediction_affine(uint32_t prediction, const EbbLevel *l) {
  double alpha = l->alpha, sigma = l->sigma;
  switch (prediction) {
  case EBB_PREDICT_NOISE: return (Affine){1 / alpha, -sigma / alpha};
  case EBB_PREDICT_V: return (Affine){alpha / total(l), -sigma / total(l)};
  case EBB_PREDICT_VELOCITY: return (Affine){l->dsigma / delta(l), -sigma / delta(l)};
  case EBB_PREDICT_SCORE: return (Affine){1 / alpha, sigma * sigma / alpha};
  case EBB_PREDICT_BOUNDARY:
  case EBB_PREDICT_F: return (Affine){alpha / total(l), sigma / sqrt(total(l))};
  default: return (Affine){0, 1};
  }
}

Affine prediction_boundary(const EbbLevel *l, double u_min) {
  double u = l->sigma / l->alpha, over = u - u_min;
  if (!(over > 1e-12 * u)) return (Affine){1 / l->alpha, 0};
  return (Affine){1 / (l->alpha * (1 + over * over)), over / sqrt(1 + u * u)};
}

Target prediction_target(uint32_t prediction, const EbbLevel *l) {
  switch (prediction) {
  case EBB_PREDICT_NOISE: return (Target){0, 1};
  case EBB_PREDICT_V: return (Target){-l->sigma, l->alpha};
  case EBB_PREDICT_VELOCITY: return (Target){l->dalpha, l->dsigma};
  case EBB_PREDICT_SCORE: return (Target){0, -1 / l->sigma};
  case EBB_PREDICT_BOUNDARY:
  case EBB_PREDICT_F: return (Target){l->sigma / sqrt(total(l)), -l->alpha / sqrt(total(l))};
  default: return (Target){1, 0};
  }
}

double prediction_error(uint32_t prediction, const EbbLevel *l) {
  switch (prediction) {
  case EBB_PREDICT_NOISE: return 1;
  case EBB_PREDICT_V: return square(total(l) / l->alpha);
  case EBB_PREDICT_VELOCITY: return square(delta(l) / l->alpha);
  case EBB_PREDICT_SCORE: return 1 / square(l->sigma);
  case EBB_PREDICT_BOUNDARY:
  case EBB_PREDICT_F: return total(l) / square(l->alpha);
  default: return square(l->sigma / l->alpha);
  }
}

const char *prediction_name(uint32_t prediction) {
  static const char *const name[] = {"x", "noise", "v", "velocity", "score", "F", "boundary"};
  return prediction < sizeof name / sizeof *name ? name[prediction] : "unknown";
}

double level_input(const EbbLevel *l) { return 1 / sqrt(total(l)); }
