#!/bin/sh
# SPDX-License-Identifier: MIT
#
# One trained model a task, every sampler at its defaults: C2ST against the exact posterior, evaluations a draw and seconds of sampling. Consistency maps are
# trained for the samplers that take nothing else. What was computed is kept in the runs' folder and found again.
# Usage: sh tests/accuracy/samplers.sh <ebb> [folder for the runs]
#
#     SIMULATIONS=10000 EPOCHS=200 DRAWS=10000 OBSERVATIONS='1, 2, 3' TASKS='two_moons slcp' WIDTH=256 BLOCKS=5   are the defaults
#     REFERENCES=FOLDER   has TASK/reference_K.npy, DRAWS rows each; without it, a task whose simulator has no exact posterior is left out
set -u
ebb=${1:?usage: sh tests/accuracy/samplers.sh EBB [FOLDER]} runs=${2:-runs}
case $ebb in */*) ebb=$(CDPATH='' cd -- "$(dirname -- "$ebb")" && pwd)/${ebb##*/} ;; esac
: "${SIMULATIONS:=10000}" "${EPOCHS:=200}" "${DRAWS:=10000}" "${OBSERVATIONS:=1, 2, 3}" "${TASKS:=two_moons slcp}" "${WIDTH:=256}" "${BLOCKS:=5}" "${REFERENCES:=}"
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
plugins=$("$ebb" plugins) || exit 1

# $1 task, $2 objective, $3 sampler: a line of the table.
line() {
  if ! "$ebb" run "$folder/$1.yaml" --quiet --runs "$runs" --name "$1-$3" --set model.objective.use="$2" --set sampling.sampler.use="$3" >/dev/null 2>"$folder/message"; then
    message=$(tail -n 1 "$folder/message")
    # A sampler of consistency maps says so of a score field; anything else is an error.
    case $2/$message in
    diffusion/*"consistency map"*) line "$1" consistency "$3" && return ;;
    esac
    printf '%-24s failed: %s\n' "$3" "$message"
    return 1
  fi
  place=$runs/$1-$3
  c2st=$(awk -F , '$1 == "c2st" && $2 > 0 { n++; sum += $4 } END { if (n > 0) printf "%.3f", sum / n }' "$place/metrics.csv")
  # The manifest's entry of the stage "sample": from its name to its end.
  sampled=$(sed -n '/"name": *"sample"/,/}/p' "$place/manifest.json")
  number() { echo "$sampled" | sed -n "s/.*\"$1\": *\([0-9.e+-]*\).*/\1/p"; }
  printf '%-24s %8s %12.1f %9.3f %8s\n' "$3" "$c2st" "$(number evaluations_per_draw)" "$(number seconds)" "$(number failed_rows)"
}

status=0
for task in $TASKS; do
  echo "$plugins" | grep -q "^simulator/$task " || { echo "no simulator $task: left out" >&2; continue; }
  metric='{use: c2st}'
  [ -z "$REFERENCES" ] || metric="{use: c2st, reference: \"$REFERENCES/$task/reference_{k}.npy\"}"
  cat >"$folder/$task.yaml" <<S
seed: 7
simulator: {use: $task}
simulations: {count: $SIMULATIONS}
model:
  objective: {use: diffusion}
  schedule: {use: edm_vp}
  network: {use: time_mlp, width: $WIDTH, blocks: $BLOCKS, dropout: 0.05}
training: {epochs: $EPOCHS, batch: 128, learning_rate: 5.0e-4}
sampling:
  observations: {from: simulator, index: [$OBSERVATIONS]}
  draws: $DRAWS
evaluation: [$metric]
S
  if [ -z "$REFERENCES" ] && ! "$ebb" reference "$folder/$task.yaml" --out "$folder/exact" --draws 10 >/dev/null 2>&1; then
    echo "$task: its simulator has no exact posterior and REFERENCES is not given: left out" >&2
    continue
  fi
  echo "$task, $SIMULATIONS simulations, $DRAWS draws for observations $OBSERVATIONS"
  printf '%-24s %8s %12s %9s %8s\n' sampler C2ST evaluations seconds failed
  for sampler in $(echo "$plugins" | sed -n 's/^sampler\/\([a-z_0-9]*\) .*/\1/p'); do
    line "$task" diffusion "$sampler" || status=1
  done
  echo
done
exit $status
