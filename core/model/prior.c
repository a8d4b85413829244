/* SPDX-License-Identifier: MIT
 *
 * Declared priors, and the exact mean and variance of x given its diffused value z = alpha x + sigma eps.
 *
 * Gaussian in x: closed form. A box and a logistic: with q = centre + scale x the density of q given z is proportional to
 *
 *     p(q) exp(-(P q^2 / 2 - M q)),   P = (alpha / (scale sigma))^2,   M = P centre + alpha z / (scale sigma^2)
 *
 * which is log-concave. It is integrated from its mode outwards, in t = q - mode, where nothing cancels however far z lies from the prior; to where
 * it has fallen by exp(-DROP) on either side; on panels that end at the mode and, for the logistic, at the bend of its log density at 0. */
#include "model/prior.h"

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "num/special.h"

enum { HALF_NODES = 24 }; /* a panel has 48 nodes, symmetric */
static const double DROP = 42, PI = 3.14159265358979323846;
static pthread_once_t nodes_once = PTHREAD_ONCE_INIT;
static double node[HALF_NODES], node_weight[HALF_NODES];

/* Gauss-Legendre on [-1, 1]: roots of the Legendre polynomial by Newton from Tricomi's estimate, the positive half. */
static void make_nodes(void) {
  const int n = 2 * HALF_NODES;
  for (int i = 0; i < HALF_NODES; i++) {
    double x = cos(PI * (i + 0.75) / (n + 0.5)), slope = 1;
    for (int round = 0; round < 10; round++) {
      double p = x, before = 1;
      for (int k = 2; k <= n; k++) {
        double next = ((2 * k - 1) * x * p - (k - 1) * before) / k;
        before = p;
        p = next;
      }
      slope = n * (before - x * p) / (1 - x * x);
      x -= p / slope;
    }
    node[i] = x;
    node_weight[i] = 2 / ((1 - x * x) * slope * slope);
  }
}

/* The share of N(0, 1) between a and b, which is counted from the tail in which it lies, so that digits are kept.
 */
static double normal_share(double a, double b) {
  if (a > 0) return 0.5 * (erfc(a * sqrt(0.5)) - erfc(b * sqrt(0.5)));
  if (b < 0) return 0.5 * (erfc(-b * sqrt(0.5)) - erfc(-a * sqrt(0.5)));
  return 1 - 0.5 * (erfc(-a * sqrt(0.5)) + erfc(b * sqrt(0.5)));
}

/* Of N(0, 1) cut to (a, b): counted from the nearer tail, where sums keep their digits. */
static double cut_normal_quantile(double a, double b, double u) {
  double share = normal_share(a, b), x;
  if (b < 0 || (a <= 0 && u < 0.5))
    x = normal_quantile(0.5 * erfc(-a * sqrt(0.5)) + u * share);
  else
    x = -normal_quantile(0.5 * erfc(b * sqrt(0.5)) + (1 - u) * share);
  return fmin(fmax(x, a), b);
}

double prior_quantile(const EbbParameter *p, double u) {
  double lower = p->lower, upper = p->upper, theta;
  switch (p->family) {
  case EBB_PRIOR_NORMAL:
  case EBB_PRIOR_CORRELATED_NORMAL: theta = p->p[0] + p->p[1] * normal_quantile(u); break;
  case EBB_PRIOR_LOGNORMAL: theta = exp(p->p[0] + p->p[1] * normal_quantile(u)); break;
  case EBB_PRIOR_UNIFORM:
    theta = p->p[0] * (1 - u) + p->p[1] * u;
    lower = fmax(lower, p->p[0]);
    upper = fmin(upper, p->p[1]);
    break;
  case EBB_PRIOR_BETA: theta = lower + (upper - lower) * beta_quantile(p->p[0], p->p[1], u); break;
  case EBB_PRIOR_GAMMA: theta = gamma_quantile(p->p[0], u) / p->p[1]; break;
  case EBB_PRIOR_EXPONENTIAL: theta = -log1p(-u) / p->p[0]; break;
  case EBB_PRIOR_HALF_NORMAL: theta = -p->p[1] * normal_quantile(0.5 * (1 - u)); break;
  case EBB_PRIOR_TRUNCATED_NORMAL:
    theta = p->p[0] + p->p[1] * cut_normal_quantile((lower - p->p[0]) / p->p[1], (upper - p->p[0]) / p->p[1], u);
    break;
  default: return NAN;
  }
  return support_clamp(lower, upper, theta);
}

static double log_normal_density(double h, double sd) { return -0.5 * h * h - log(sd * sqrt(2 * PI)); }

double prior_log_density(const EbbParameter *p, double theta) {
  if (!(theta > p->lower && theta < p->upper)) return -INFINITY;
  double a = p->p[0], b = p->p[1], h = (theta - a) / b;
  switch (p->family) {
  case EBB_PRIOR_NORMAL: return log_normal_density(h, b);
  case EBB_PRIOR_LOGNORMAL: return log_normal_density((log(theta) - a) / b, b) - log(theta);
  case EBB_PRIOR_UNIFORM: return theta > a && theta < b ? -log(b - a) : -INFINITY;
  case EBB_PRIOR_BETA: {
    double width = p->upper - p->lower, x = (theta - p->lower) / width, rest = (p->upper - theta) / width;
    return (a - 1) * log(x) + (b - 1) * log(rest) - (log_gamma(a) + log_gamma(b) - log_gamma(a + b)) - log(width);
  }
  case EBB_PRIOR_GAMMA: return a * log(b) - log_gamma(a) + (a - 1) * log(theta) - b * theta;
  case EBB_PRIOR_EXPONENTIAL: return log(a) - a * theta;
  case EBB_PRIOR_HALF_NORMAL: return log(2) + log_normal_density(theta / b, b);
  case EBB_PRIOR_TRUNCATED_NORMAL: return log_normal_density(h, b) - log(normal_share((p->lower - a) / b, (p->upper - a) / b));
  default: return NAN;
  }
}

static EbbStatus check_support(const EbbParameter *p) {
  const char *name = p->name;
  if (isnan(p->lower) || isnan(p->upper) || !(p->lower < p->upper))
    return fail(EBB_E_CONFIG, "parameter \"%s\": its support (%g, %g) is empty; the lower end must be below the upper", name, p->lower, p->upper);
  if ((isfinite(p->lower) && fabs(p->lower) > FLT_MAX) || (isfinite(p->upper) && fabs(p->upper) > FLT_MAX))
    return fail(EBB_E_CONFIG, "parameter \"%s\": its support (%g, %g) ends beyond the range of float32; use infinity or other units", name, p->lower,
                p->upper);
  double least = support_clamp(p->lower, INFINITY, -FLT_MAX), most = support_clamp(-INFINITY, p->upper, FLT_MAX);
  if (!(least < most))
    return fail(EBB_E_CONFIG, "parameter \"%s\": its support (%.17g, %.17g) holds fewer than two float32 numbers; measure it from another origin",
                name, p->lower, p->upper);
  return EBB_OK;
}

static EbbStatus check_spread(const EbbParameter *p, const char *of) {
  if (!(isfinite(p->p[0]) && fabs(p->p[0]) <= FLT_MAX))
    return fail(EBB_E_CONFIG, "parameter \"%s\": %s is %g, expected a finite number", p->name, of, p->p[0]);
  if (!(p->p[1] > 0 && p->p[1] <= FLT_MAX))
    return fail(EBB_E_CONFIG, "parameter \"%s\": the prior's standard deviation is %g, expected a finite number above 0", p->name, p->p[1]);
  return EBB_OK;
}

static EbbStatus check_fit(const EbbParameter *p, const char *family, double lower, double upper) {
  if (p->lower == lower && p->upper == upper) return EBB_OK;
  return fail(EBB_E_CONFIG, "parameter \"%s\": a %s prior needs the support (%g, %g), found (%g, %g)", p->name, family, lower, upper, p->lower,
              p->upper);
}

static EbbStatus check_positive(const EbbParameter *p, const char *what, double value, double most) {
  if (value > 0 && value <= most) return EBB_OK;
  return fail(EBB_E_CONFIG, "parameter \"%s\": the prior's %s is %g, expected a number above 0, at most %g", p->name, what, value, most);
}

/* Shapes beyond this are normal laws in all but name. */
static const double least_shape = 0.01, most_shape = 1e4;

static EbbStatus check_shape(const EbbParameter *p, const char *what, double value) {
  if (value >= least_shape && value <= most_shape) return EBB_OK;
  return fail(EBB_E_CONFIG, "parameter \"%s\": the prior's %s is %g, expected a number from %g to %g", p->name, what, value, least_shape, most_shape);
}

static EbbStatus check_truncated(const EbbParameter *p) {
  EbbStatus s = check_spread(p, "the mean of the prior before it is cut");
  if (s != EBB_OK) return s;
  double share = normal_share((p->lower - p->p[0]) / p->p[1], (p->upper - p->p[0]) / p->p[1]);
  if (share > 1e-200) return EBB_OK;
  return fail(
      EBB_E_CONFIG,
      "parameter \"%s\": the support (%g, %g) holds next to nothing of a normal prior with mean %g and standard deviation %g; move one of them",
      p->name, p->lower, p->upper, p->p[0], p->p[1]);
}

static EbbStatus check_uniform(const EbbParameter *p) {
  if (!(isfinite(p->p[0]) && isfinite(p->p[1]) && p->p[0] < p->p[1]))
    return fail(EBB_E_CONFIG, "parameter \"%s\": a uniform prior on (%g, %g) is empty or endless; the first end must be below the second", p->name,
                p->p[0], p->p[1]);
  if (!isinf(p->lower) || !isinf(p->upper)) return check_fit(p, "uniform", p->p[0], p->p[1]);
  EbbParameter box = *p; /* without a bijection */
  box.lower = p->p[0], box.upper = p->p[1];
  return check_support(&box);
}

static EbbStatus check_family(const EbbParameter *p) {
  EbbStatus s;
  switch (p->family) {
  case EBB_PRIOR_OWN:
  case EBB_PRIOR_UNKNOWN: return EBB_OK;
  case EBB_PRIOR_NORMAL:
  case EBB_PRIOR_CORRELATED_NORMAL: s = check_spread(p, "the prior's mean"); return s ? s : check_fit(p, "normal", -INFINITY, INFINITY);
  case EBB_PRIOR_LOGNORMAL: s = check_spread(p, "the mean of the prior's logarithm"); return s ? s : check_fit(p, "log-normal", 0, INFINITY);
  case EBB_PRIOR_UNIFORM: return check_uniform(p);
  case EBB_PRIOR_BETA:
    s = check_shape(p, "shape a", p->p[0]);
    if (s == EBB_OK) s = check_shape(p, "shape b", p->p[1]);
    if (s == EBB_OK && !isfinite(p->upper - p->lower))
      s = fail(EBB_E_CONFIG, "parameter \"%s\": a beta prior needs a support with two ends, found (%g, %g)", p->name, p->lower, p->upper);
    return s;
  case EBB_PRIOR_GAMMA:
    s = check_shape(p, "shape", p->p[0]);
    if (s == EBB_OK) s = check_positive(p, "rate", p->p[1], FLT_MAX);
    return s ? s : check_fit(p, "gamma", 0, INFINITY);
  case EBB_PRIOR_EXPONENTIAL: s = check_positive(p, "rate", p->p[0], FLT_MAX); return s ? s : check_fit(p, "exponential", 0, INFINITY);
  case EBB_PRIOR_HALF_NORMAL: s = check_positive(p, "standard deviation", p->p[1], FLT_MAX); return s ? s : check_fit(p, "half-normal", 0, INFINITY);
  case EBB_PRIOR_TRUNCATED_NORMAL: return check_truncated(p);
  default:
    return fail(
        EBB_E_CONFIG,
        "parameter \"%s\": prior family %d is unknown; expected 0 to 10 (own, normal, log-normal, uniform, beta, gamma, exponential, half-normal, "
        "truncated normal, correlated normal, unknown)",
        p->name, (int)p->family);
  }
}

EbbStatus prior_check(const EbbParameter *p, int64_t n) {
  if (n < 1) return fail(EBB_E_CONFIG, "a simulator needs at least one parameter, found %lld", (long long)n);
  for (int64_t i = 0; i < n; i++) {
    if (!p[i].name || !*p[i].name) return fail(EBB_E_CONFIG, "parameter %lld has no name; names are how draws are labelled", (long long)i + 1);
    for (int64_t j = 0; j < i; j++)
      if (!strcmp(p[i].name, p[j].name))
        return fail(EBB_E_CONFIG, "parameters %lld and %lld are both named \"%s\"; names must differ", (long long)j + 1, (long long)i + 1, p[i].name);
    EbbStatus s = check_support(&p[i]);
    if (!s) s = check_family(&p[i]);
    if (s) return s;
  }
  return EBB_OK;
}

/* The density of t = q - mode given z: exp(-(P t / 2 + slope) t), times S'(mode + t) for the logistic, S the logistic function. */
typedef struct Integrand {
  double precision, slope, mode;
  bool logistic;
} Integrand;

static double density(const Integrand *f, double t) {
  double exponent = -(0.5 * f->precision * t + f->slope) * t;
  if (!f->logistic) return exp(exponent);
  double a = fabs(f->mode), b = fabs(f->mode + t), shape = (1 + exp(-a)) / (1 + exp(-b));
  return exp(exponent - (b - a)) * shape * shape;
}

/* Mean and variance of t over the panels between edges[0] <= ... <= edges[panels]. */
static void integrate(const Integrand *f, int panels, const double *edges, double *mean, double *var) {
  double at[3 * 2 * HALF_NODES], mass[3 * 2 * HALF_NODES], total = 0, first = 0, second = 0;
  int n = 0;
  pthread_once(&nodes_once, make_nodes);
  for (int k = 0; k < panels; k++) {
    double half = 0.5 * (edges[k + 1] - edges[k]), middle = 0.5 * (edges[k + 1] + edges[k]);
    for (int i = 0; i < 2 * HALF_NODES && half > 0; i++, n++) {
      at[n] = middle + (i & 1 ? -half : half) * node[i / 2];
      mass[n] = half * node_weight[i / 2] * density(f, at[n]);
      total += mass[n];
      first += mass[n] * at[n];
    }
  }
  *mean = total > 0 ? first / total : 0;
  for (int i = 0; i < n; i++) second += mass[i] * (at[i] - *mean) * (at[i] - *mean);
  *var = total > 0 ? second / total : 0;
}

/* Where P t^2 / 2 + slope t reaches drop, t > 0, slope >= 0. */
static double reach(double precision, double slope, double drop) { return 2 * drop / (slope + sqrt(slope * slope + 2 * precision * drop)); }

/* q uniform on (lower, upper); M = P times the likelihood's centre. */
static void box(double lower, double upper, double precision, double moment, double *mean, double *var) {
  double mode = precision > 0 ? fmin(fmax(moment / precision, lower), upper) : 0.5 * (lower + upper);
  Integrand f = {precision, precision * mode - moment, mode, false};
  if (mode > lower && mode < upper) f.slope = 0;
  double edges[] = {-fmin(reach(precision, fmax(-f.slope, 0), DROP), mode - lower), 0, fmin(reach(precision, fmax(f.slope, 0), DROP), upper - mode)};
  integrate(&f, 2, edges, mean, var);
  *mean += mode;
}

/* q standard logistic, M >= 0. Outside q = 0 its log density falls as -|q|, up to 2 ln 2: DROP allows for it. */
static void logistic(double precision, double moment, double *mean, double *var) {
  /* The mode solves tanh(q/2) + P q = M. The left side is concave on q > 0: Newton from the left never steps over. A hundredth of the width is near
   * enough, since the slope that is left over is part of the integrand. */
  double mode = precision > 0 ? fmax(0, (moment - 1) / precision) : 0;
  for (int i = 0; i < 200; i++) {
    double h = tanh(0.5 * mode), excess = moment - precision * mode - h, bend = precision + 0.5 * (1 - h * h);
    if (!(excess > 0.01 * sqrt(bend))) break;
    mode += excess / bend;
  }
  Integrand f = {precision, precision * mode - moment, mode, true};
  double right = reach(precision, fmax(f.slope + 1, 0), DROP);
  /* To the left the prior rises by t until q = 0, then falls. */
  double rise = f.slope + 1, left = precision > 0 ? (rise + sqrt(rise * rise + 2 * precision * DROP)) / precision : INFINITY;
  if (left > mode) left = fmax(mode, reach(precision, fmax(1 - f.slope, 0), DROP + 2 * mode));
  if (mode > 1.5 && left > mode)
    integrate(&f, 3, (double[]){-left, -mode, 0, right}, mean, var);
  else
    integrate(&f, 2, (double[]){-left, 0, right}, mean, var);
  *mean += mode;
}

EbbStatus prior_diffused(const EbbParameter *p, const ParameterMap *map, const EbbLevel *l, double z, double *xhat, double *var) {
  double alpha = l->alpha, sigma = l->sigma, centre = map->centre, scale = map->scale, mean, spread;
  bool gaussian = (p->family == EBB_PRIOR_NORMAL && map->kind == BIJECTION_NONE) ||
                  (p->family == EBB_PRIOR_LOGNORMAL && map->kind == BIJECTION_LOWER && map->lower == 0);
  bool flat = p->family == EBB_PRIOR_UNIFORM && map->kind == BIJECTION_NONE;
  if (gaussian) {
    double m = (p->p[0] - centre) / scale, v = (p->p[1] / scale) * (p->p[1] / scale), total = alpha * alpha * v + sigma * sigma;
    *xhat = m + alpha * v / total * (z - alpha * m);
    if (var) *var = v * sigma * sigma / total;
    return EBB_OK;
  }
  if (!flat && !(p->family == EBB_PRIOR_UNIFORM && map->kind == BIJECTION_INTERVAL && map->lower == p->p[0] && map->upper == p->p[1]))
    return fail(
        EBB_E_UNSUPPORTED,
        "parameter \"%s\": the diffused prior is known for normal, log-normal and uniform priors in their own coordinates only; declare the prior's "
        "family, or train the null field",
        p->name);
  if (!isfinite(z)) return fail(EBB_E_NUMERIC, "parameter \"%s\": the diffused prior was asked at %g", p->name, z);
  if (!(sigma > 0)) { /* no noise: z is alpha x */
    mean = centre + scale * z / alpha;
    if (flat) mean = fmin(fmax(mean, p->p[0]), p->p[1]);
    spread = 0;
  } else {
    double weight = alpha / (scale * sigma), precision = weight * weight, moment = precision * centre + weight * z / sigma;
    if (flat) {
      box(p->p[0], p->p[1], precision, moment, &mean, &spread);
    } else {
      logistic(precision, fabs(moment), &mean, &spread);
      mean = copysign(mean, moment);
    }
  }
  *xhat = (mean - centre) / scale;
  if (var) *var = spread / (scale * scale);
  return EBB_OK;
}
