/* SPDX-License-Identifier: MIT
 *
 * Two coupled differential equations, solved to a tolerance: the pair of orders 5 and 4 of Dormand and Prince (1980, table 2), its last stage being
 * the next step's first. Steps end at the times that are asked for. A solution is a function of its arguments alone, bit for bit. */
#ifndef EBB_PLUGINS_RUNGE_KUTTA_H
#define EBB_PLUGINS_RUNGE_KUTTA_H

#include <math.h>
#include <stdbool.h>

enum { RK_MOST_STEPS = 100000 };

/* dy/dt of y; no time, the systems are autonomous. */
typedef void (*RkField)(const void *ctx, const double y[2], double dy[2]);

/* out [n][2]: y at times 0, gap, .., (n - 1) gap from y(0). A step's error is held below tolerance x max(1, |y|), as for logarithms. False when that
 * takes too many steps or the solution leaves the finite numbers. */
static inline bool rk_solve(RkField field, const void *ctx, const double start[2], double gap, int n, double tolerance, double (*out)[2]) {
  static const double a[7][6] = {{0},
                                 {1.0 / 5},
                                 {3.0 / 40, 9.0 / 40},
                                 {44.0 / 45, -56.0 / 15, 32.0 / 9},
                                 {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
                                 {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
                                 {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84}};
  /* fifth order less fourth */
  static const double e[7] = {71.0 / 57600, 0, -71.0 / 16695, 71.0 / 1920, -17253.0 / 339200, 22.0 / 525, -1.0 / 40};
  double y[2] = {start[0], start[1]}, k[7][2], t = 0, h = 1e-3 * gap;
  int steps = 0;
  field(ctx, y, k[0]);
  for (int i = 0; i < n; i++) {
    double stop = i * gap;
    while (t < stop) {
      if (steps++ == RK_MOST_STEPS) return false;
      bool last = t + h >= stop;
      double step = last ? stop - t : h, z[2] = {0, 0}, error = 0;
      for (int s = 1; s < 7; s++) {
        for (int j = 0; j < 2; j++) {
          double sum = 0;
          for (int r = 0; r < s; r++) sum += a[s][r] * k[r][j];
          z[j] = y[j] + step * sum;
        }
        field(ctx, z, k[s]);
      }
      for (int j = 0; j < 2; j++) {
        double off = 0;
        for (int s = 0; s < 7; s++) off += e[s] * k[s][j];
        double share = fabs(step * off) / (tolerance * fmax(1, fmax(fabs(y[j]), fabs(z[j]))));
        error = share <= error ? error : share; /* keeps nan */
      }
      if (!isfinite(error) || !isfinite(z[0]) || !isfinite(z[1])) {
        h = 0.1 * step;
      } else {
        double change = fmin(fmax(0.9 * pow(error, -0.2), 0.2), 5);
        if (error <= 1) {
          t = last ? stop : t + step;
          for (int j = 0; j < 2; j++) y[j] = z[j], k[0][j] = k[6][j];
          /* a step cut short at a time that is asked for says little about the next */
          h = last ? fmax(h, change * step) : change * step;
        } else {
          h = change * step;
        }
      }
      if (!(h > 1e-14 * gap)) return false;
    }
    out[i][0] = y[0];
    out[i][1] = y[1];
  }
  return true;
}

#endif
