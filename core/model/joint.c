/* SPDX-License-Identifier: MIT
 *
 * The joint prior. Correlated normals are drawn as mean + sd (L z) with z the normal quantiles of each parameter's own uniform, so that a row's
 * numbers depend on its address alone. */
#include "model/joint.h"

#include <math.h>
#include <string.h>

#include "num/linalg.h"
#include "num/special.h"

static bool correlated(const EbbParameter *p) { return p->family == EBB_PRIOR_CORRELATED_NORMAL; }

static EbbStatus check_correlation(const EbbModelInfo *info, const Joint *j) {
  const EbbParameter *p = info->parameter;
  if (info->correlation == NULL)
    return fail(EBB_E_CONFIG, "parameter \"%s\" has a correlated normal prior, but there is no correlation", p[j->place[0]].name);
  for (int64_t a = 0; a < j->m; a++)
    for (int64_t b = 0; b <= a; b++) {
      int64_t i = j->place[a], k = j->place[b];
      double r = info->correlation[i * j->d + k];
      if (r != info->correlation[k * j->d + i] || (a == b ? r != 1 : !(fabs(r) < 1)))
        return fail(EBB_E_CONFIG,
                    "the correlation of parameters \"%s\" and \"%s\" is %g; expected a symmetric matrix, 1 on its diagonal, between -1 "
                    "and 1 elsewhere",
                    p[i].name, p[k].name, r);
    }
  return EBB_OK;
}

EbbStatus joint_make(Arena *arena, const EbbModelInfo *info, Joint *out) {
  *out = (Joint){.d = ebb_layout_numbers(&info->theta), .parameter = info->parameter};
  EbbStatus status = prior_check(info->parameter, out->d);
  if (status != EBB_OK) return status;
  out->place = ARENA_ARRAY(arena, int64_t, out->d);
  for (int64_t i = 0; i < out->d; i++)
    if (correlated(&info->parameter[i])) out->place[out->m++] = i;
  if (out->m == 0) return EBB_OK;
  status = check_correlation(info, out);
  if (status != EBB_OK) return status;
  out->factor = ARENA_ARRAY(arena, double, out->m * out->m);
  for (int64_t a = 0; a < out->m; a++)
    for (int64_t b = 0; b < out->m; b++) out->factor[a * out->m + b] = info->correlation[out->place[a] * out->d + out->place[b]];
  if (cholesky(out->m, out->factor) != EBB_OK)
    return fail(EBB_E_CONFIG,
                "the correlations of parameter \"%s\" and those after it contradict each other: no normal law has them (the matrix is not positive "
                "definite); make them smaller",
                info->parameter[out->place[0]].name);
  out->log_norm = -0.5 * (double)out->m * log(2 * acos(-1));
  for (int64_t a = 0; a < out->m; a++) out->log_norm -= log(out->factor[a * out->m + a]) + log(info->parameter[out->place[a]].p[1]);
  return EBB_OK;
}

bool joint_declared(const Joint *j) {
  for (int64_t i = 0; i < j->d; i++)
    if (j->parameter[i].family == EBB_PRIOR_OWN || j->parameter[i].family == EBB_PRIOR_UNKNOWN) return false;
  return true;
}

void joint_draw(const Joint *j, int64_t rows, double *u, float *theta) {
  for (int64_t r = 0; r < rows; r++, u += j->d, theta += j->d) {
    for (int64_t a = j->m - 1; a >= 0; a--) u[j->place[a]] = normal_quantile(u[j->place[a]]);
    for (int64_t a = j->m - 1; a >= 0; a--) {
      double sum = 0;
      for (int64_t b = 0; b <= a; b++) sum += j->factor[a * j->m + b] * u[j->place[b]];
      u[j->place[a]] = sum;
    }
    for (int64_t i = 0; i < j->d; i++) {
      const EbbParameter *p = &j->parameter[i];
      theta[i] = (float)(correlated(p) ? support_clamp(p->lower, p->upper, p->p[0] + p->p[1] * u[i]) : prior_quantile(p, u[i]));
    }
  }
}

double joint_log_density(const Joint *j, const float *theta) {
  double sum = j->log_norm, *w = NULL;
  for (int64_t i = 0; i < j->d; i++)
    if (!correlated(&j->parameter[i])) sum += prior_log_density(&j->parameter[i], (double)theta[i]);
  double own[64];
  if (j->m == 0) return sum;
  Arena *arena = j->m > (int64_t)COUNT(own) ? arena_new() : NULL;
  w = arena != NULL ? ARENA_ARRAY(arena, double, j->m) : own;
  for (int64_t a = 0; a < j->m; a++) { /* L w = h */
    const EbbParameter *p = &j->parameter[j->place[a]];
    w[a] = ((double)theta[j->place[a]] - p->p[0]) / p->p[1];
    for (int64_t b = 0; b < a; b++) w[a] -= j->factor[a * j->m + b] * w[b];
    w[a] /= j->factor[a * j->m + a];
    sum -= 0.5 * w[a] * w[a];
  }
  arena_free(arena);
  return sum;
}
