#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The numeric suites at every instruction set of this machine; one that it lacks is skipped by name. What it prints is kept in tests/bench/results/.
#
# usage: tests/bench/levels.sh BUILD [LEVEL...]      LEVEL: avx512 avx2 portable, default all. A cross build runs its own machine's portable path.
#        SUITES='kernels graph' tests/bench/levels.sh ...     only these
set -u
[ $# -ge 1 ] || { sed -n '6s/^# //p' "$0" >&2; exit 2; }
build=$1
shift
[ $# -gt 0 ] || set -- avx512 avx2 portable
suites=${SUITES:-kernels elementwise random sort linalg ops graph gradients transform prior prediction optimiser base_fit c2st
conform_network conform_objective conform_schedule conform_sampler_solvers conform_noise_law conform_composition conform_metric}
processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
echo "# $(date -u '+%Y-%m-%d %H:%M UTC'), ${processor:-unknown processor}, $(uname -m), $(git -C "$(dirname "$0")" rev-parse --short HEAD)"
status=0
for level in "$@"; do
  case $level in avx*) flag=$level; [ "$level" = avx512 ] && flag=avx512f
    grep -qw "$flag" /proc/cpuinfo || { echo "$level: skipped, not on this machine"; continue; } ;;
  esac
  # shellcheck disable=SC2086
  output=$(EBB_ISA=$level meson test -C "$build" --no-rebuild --timeout-multiplier 30 $suites 2>&1) || status=1
  echo "$output" | awk -v level="$level" '
    $1 ~ /^[0-9]+\/[0-9]+$/ { printf "%-9s %-26s %-8s %s\n", level, $4, $5, $6 }
    /^(Ok|Fail|Skipped|Timeout): / { total = total "  " tolower($1) " " $2 }
    END { printf "%-9s%s\n", level, total }'
done
exit $status
