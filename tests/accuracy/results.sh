#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Writes tests/accuracy/results anew: the whole cross product, measured orders, distance from the truth against evaluations and its plot. A few minutes.
# Usage, from the repository: sh tests/accuracy/results.sh <build folder>
set -eu
build=${1:?usage: sh tests/accuracy/results.sh <build folder>}
out=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)/results
ninja -C "$build" program tests/accuracy/matrix tests/accuracy/orders tests/accuracy/evaluations >/dev/null
mkdir -p "$out"

header() {
  echo "# $1, written by: sh tests/accuracy/results.sh BUILD"
  echo "# $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) threads, $(date -u +%Y-%m-%d)"
}
# What stands between CUnit's lines; its verdicts go to the terminal.
body() {
  sed -n '/^Suite: /,/^Run Summary/p' "$1" | sed -e '/^Suite: /d' -e '/^Run Summary/d' -e '/^ *passed$/d' -e 's/^ *Test: \(.*\) \.\.\.\(.*\)$/\n\1\2/' -e 's/^    //' -e '/^passed$/d'
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
for name in matrix orders; do
  "$build/tests/accuracy/$name" >"$log" || { cat "$log"; exit 1; }
  { header "$name"; body "$log"; } >"$out/$name.txt"
done
"$build/tests/accuracy/evaluations" >"$log" || { cat "$log"; exit 1; }
{ header evaluations; grep -E '^[a-z_0-9]+,[a-z_0-9]+,[a-z0-9.]+,' "$log"; } >"$out/evaluations.csv"
python3 "$out/../plot_evaluations.py" "$out/evaluations.csv" "$out/evaluations.svg" "$out/evaluations.txt"
ls -l "$out"
