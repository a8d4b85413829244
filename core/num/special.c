/* SPDX-License-Identifier: MIT
 *
 * Normal quantiles by Halley's method. Gamma and beta: power series and continued fractions (NIST DLMF 8.7.1, 8.9.2, 8.17.22) for the distribution
 * functions, Newton's method for their inverses.
 *
 * The inverse is sought in y = ln x (gamma) or y = ln(x / (1 - x)) (beta), where the density of y, and so the logarithm of the share on either side,
 * is concave: Newton on that logarithm never steps over the root from the side it comes to, and needs no bracket. */
#include "num/special.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

enum { MOST_TERMS = 100000, MOST_STEPS = 200 };
static const double PI = 3.14159265358979323846, TINY = 1e-300;

/* Start: Abramowitz and Stegun 26.2.23 (error 5e-4), then two steps of Halley's method. */
double normal_quantile(double u) {
  double p = u < 0.5 ? u : 1 - u, t = sqrt(-2 * log(p));
  double x = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  for (int i = 0; i < 2; i++) {
    double w = (0.5 * erfc(x * sqrt(0.5)) - p) * sqrt(2 * PI) * exp(0.5 * x * x);
    x += w / (1 - 0.5 * x * w);
  }
  return u < 0.5 ? -x : x;
}

double log_gamma(double a) {
  int sign;
  return lgamma_r(a, &sign);
}

/* ln of x^a e^-x / Gamma(a + 1). For large a the terms nearly cancel: x = a (1 + h), and Stirling's series. */
static double log_term(double a, double x) {
  if (a < 20) return a * log(x) - x - log_gamma(a + 1);
  double h = (x - a) / a, stirling = (1 / 12.0 - (1 / 360.0 - 1 / (1260 * a * a)) / (a * a)) / a;
  return a * (log1p(h) - h) - 0.5 * log(2 * PI * a) - stirling;
}

static double series(double a, double x) {
  double term = 1, sum = 1;
  for (int n = 1; n < MOST_TERMS && term > sum * 0.1 * DBL_EPSILON; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return exp(log_term(a, x)) * sum;
}

/* Lentz's rule; `a` here is what 8.9.2 calls a. */
static double fraction(double a, double x) {
  double b = x + 1 - a, c = 1 / TINY, d = 1 / b, h = d;
  for (int n = 1; n < MOST_TERMS; n++) {
    double up = -n * (n - a);
    b += 2;
    d = up * d + b;
    c = b + up / c;
    d = 1 / (fabs(d) < TINY ? TINY : d);
    c = fabs(c) < TINY ? TINY : c;
    h *= c * d;
    if (fabs(c * d - 1) < 0.5 * DBL_EPSILON) break;
  }
  return a * exp(log_term(a, x)) * h;
}

double gamma_below(double a, double x) {
  if (!(x > 0)) return 0;
  return x < a + 1 ? series(a, x) : 1 - fraction(a, x);
}

double gamma_above(double a, double x) {
  if (!(x > 0)) return 1;
  return x < a + 1 ? 1 - series(a, x) : fraction(a, x);
}

/* The root of share(y) = u (u < 1/2: the share below) or of share(y) = 1 - u (else: the share above) by Newton on the share's logarithm. A step that
 * went so far that nothing is left of the share is taken back by halves. */
typedef void Law(const double shape[2], double y, double share[2], double *density);

static double invert(Law *law, const double shape[2], double u, double y) {
  double step = 0;
  bool back = false;
  for (int i = 0; i < MOST_STEPS; i++) {
    double share[2], density;
    law(shape, y, share, &density);
    double part = u < 0.5 ? share[0] : share[1], wanted = u < 0.5 ? log(u) : log1p(-u);
    double next = (wanted - log(part)) * part / density * (u < 0.5 ? 1 : -1);
    bool lost = !(part > 0) || !isfinite(next);
    step = !lost ? next : back ? 0.5 * step : -0.5 * step;
    back = lost;
    y += step;
    if (fabs(step) < 4 * DBL_EPSILON * (1 + fabs(y))) break;
  }
  return y;
}

static void gamma_law(const double shape[2], double y, double share[2], double *density) {
  double x = exp(y);
  share[0] = gamma_below(shape[0], x);
  share[1] = gamma_above(shape[0], x);
  *density = shape[0] * exp(log_term(shape[0], x));
}

double gamma_quantile(double a, double u) {
  /* Wilson and Hilferty's cube where it holds, else the first term of the series, which is below the root. */
  double s = 1 / (9 * a), cube = 1 - s + normal_quantile(u) * sqrt(s);
  double y = cube > 0.1 && a > 0.3 ? log(a) + 3 * log(cube) : (log(u) + log_gamma(a + 1)) / a;
  return exp(invert(gamma_law, (const double[]){a, 0}, u, y));
}

/* ln of x^a (1 - x)^b / (a B(a, b)) */
static double log_front(double a, double b, double x, double rest) {
  return a * log(x) + b * log(rest) - (log_gamma(a) + log_gamma(b) - log_gamma(a + b)) - log(a);
}

static double beta_fraction(double a, double b, double x) {
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (fabs(d) < TINY ? TINY : d);
  double h = d;
  for (int m = 1; m < MOST_TERMS; m++) {
    double up[2] = {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))}, factor = 1;
    for (int k = 0; k < 2; k++) {
      d = 1 + up[k] * d;
      c = 1 + up[k] / c;
      d = 1 / (fabs(d) < TINY ? TINY : d);
      c = fabs(c) < TINY ? TINY : c;
      factor = c * d;
      h *= factor;
    }
    if (fabs(factor - 1) < 0.5 * DBL_EPSILON) break;
  }
  return h;
}

double beta_below(double a, double b, double x, double rest) {
  if (!(x > 0)) return 0;
  if (!(rest > 0)) return 1;
  if (x < (a + 1) / (a + b + 2)) return exp(log_front(a, b, x, rest)) * beta_fraction(a, b, x);
  return 1 - exp(log_front(b, a, rest, x)) * beta_fraction(b, a, rest);
}

static void logistic(double y, double *x, double *rest) {
  *x = y < 0 ? exp(y) / (1 + exp(y)) : 1 / (1 + exp(-y));
  *rest = y < 0 ? 1 / (1 + exp(y)) : exp(-y) / (1 + exp(-y));
}

static void beta_law(const double shape[2], double y, double share[2], double *density) {
  double a = shape[0], b = shape[1], x, rest;
  logistic(y, &x, &rest);
  share[0] = beta_below(a, b, x, rest);
  share[1] = beta_below(b, a, rest, x);
  *density = a * exp(log_front(a, b, x, rest));
}

double beta_quantile(double a, double b, double u) {
  double x, rest;
  logistic(invert(beta_law, (const double[]){a, b}, u, log(a / b)), &x, &rest);
  return x;
}
