#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The first benchmarks: two_moons and gaussian_linear with 10,000 simulations against the field's published reference posteriors, and the floor: exact draws against the
# same references. By hand, on an idle machine; about five minutes.
# Usage: benchmarks.sh EBB PACK     PACK/<task>/reference_<k>.npy, float32, 10,000 draws for each observation
ebb=$(realpath "$1") pack=$(realpath "$2")
configs=$(cd "$(dirname "$0")/../../configs" && pwd)
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1

echo "# $(date -u +%Y-%m-%d), $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $("$ebb" --version)"
echo "# tests/accuracy/benchmarks.sh EBB PACK"
for task in two_moons gaussian_linear; do
  echo
  echo "$task: model against published references (MLP two-sample test, 10,000 draws each)"
  start=$(date +%s)
  "$ebb" run "$configs/$task.yaml" --quiet --set "evaluation=[{use: c2st, reference: \"$pack/$task/reference_{k}.npy\"}]" | sed '/^$/,$d'
  echo "seconds in all: $(($(date +%s) - start))"
  echo "$task: exact draws against published references"
  "$ebb" reference "$configs/$task.yaml" --out exact_$task --quiet >/dev/null || exit 1
  for k in 1 2 3 4 5; do "$ebb" c2st exact_$task/reference_$k.npy "$pack/$task/reference_$k.npy" --quiet | head -n 1; done |
    awk '{sum += $2; print "  " NR "  " $2} END {printf "  mean %.4f\n", sum / NR}'
done
