#!/bin/sh
# SPDX-License-Identifier: MIT
# Kills a run N times at random moments, half of them in the second half of training, and compares what it ends with to a run that was never killed:
#
#     sh tests/kills.sh N [SPEC [SEED]]        SPEC: configs/two_moons.yaml
#
# EBB names the executable (build/core/ebb), EBB_OPTIONS more options of `ebb run`. After every kill, each file that stands under its final name in the
# store must be the one of the undisturbed run. Ends with status 1 when a bit differs.
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
kills=${1:?usage: sh tests/kills.sh N [SPEC [SEED]]}
spec=$(realpath "${2:-$here/configs/two_moons.yaml}")
seed=${3:-1}
ebb=$(realpath "${EBB:-$here/build/core/ebb}")
options=${EBB_OPTIONS:-}
[ -x "$ebb" ] || { echo "kills.sh: no executable $ebb; set EBB" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 2

now() { date +%s.%N; }
calculate() { awk "BEGIN { printf(\"%.3f\", ($1)) }"; }
fact() { sed -n "s/.*\"$2\": \\([0-9.]*\\).*/\\1/p" whole/.store/"$1"-*/stage.json; }
random() { awk -v seed="$seed" -v i="$1" 'BEGIN { srand(seed * 1000 + i); rand(); printf "%.6f", rand() }'; }

began=$(now)
# shellcheck disable=SC2086
"$ebb" run "$spec" --runs whole --name run $options > whole.log 2>&1 || { cat whole.log; exit 1; }
total=$(calculate "$(now) - $began")
steps=$(fact train steps)
rate=$(calculate "$steps / ($(fact train seconds) + 1e-3)")
echo "undisturbed: $total s, $steps steps of training at $rate a second"

# Files whose content is made of results alone: all but those that hold times.
compare() {
  find runs/.store -path '*.work' -prune -o -type f ! -name '*.lock' ! -name stage.json ! -name training.csv ! -path '*/.*.*' -print | while read -r file; do
    cmp "$file" "whole/${file#runs/}" || echo differs >> differs
  done
}

# Steps a second, if the machine has become faster since: what an attempt did up to the checkpoint that the next one goes on from.
faster() { awk "BEGIN { r = ($1 - $2) / ($3 + 1e-3); printf(\"%.3f\", (r > $rate ? r : $rate)) }"; }
begins() { sed -n 's/^train: goes on from step \([0-9]*\).*/\1/p' run.log; }

late=0
early=$((kills / 2))
last=0
after=1
i=0
while [ $i -lt "$kills" ]; do
  i=$((i + 1))
  # shellcheck disable=SC2086
  "$ebb" run "$spec" --runs runs --name run $options > run.log 2>&1 &
  process=$!
  began=$(now)
  where=
  if [ $i -le $early ]; then
    sleep "$(calculate "$(random $i) * ($total < 10 ? $total : 10)")"
  else # each in its part of the second half
    while kill -0 $process 2> /dev/null && ! grep -q '^train: \|^re-used: .*train\|^nothing' run.log; do sleep 0.01; done
    from=$(begins)
    rate=$(faster "${from:-0}" "$last" "$after")
    share=$(calculate "0.5 + 0.5 * ($i - $early - 1 + $(random $i)) / ($kills - $early)")
    sleep "$(calculate "$share * $steps > ${from:-0} ? ($share * $steps - ${from:-0}) / $rate : 0.5 * $(random $i)")"
    where="at about $(calculate "100 * $share") % of training"
  fi
  before=$after
  after=$(calculate "$(now) - $began")
  if ! kill -9 $process 2> /dev/null; then
    wait $process
    echo "kill $i: the run was through after $after s; its training begins anew"
    rm -rf runs/.store/train-* runs/.store/sample-* runs/.store/evaluate-*
    last=0
    continue
  fi
  wait $process 2> /dev/null
  from=$(begins)
  rate=$(faster "${from:-0}" "$last" "$before")
  last=${from:-0}
  [ -n "$where" ] && [ -d "$(echo runs/.store/train-*.work)" ] && late=$((late + 1))
  echo "kill $i: after $after s $where, $(grep -o 'goes on from step.*' run.log || echo 'from the start')"
  compare
done

# shellcheck disable=SC2086
"$ebb" run "$spec" --runs runs --name run $options > run.log 2>&1 || { cat run.log; exit 1; }
compare
for file in simulations/theta.npy simulations/x.npy model.safetensors posterior/theta.npy posterior/summary.csv metrics.csv; do
  [ ! -e "whole/run/$file" ] || cmp "whole/run/$file" "runs/run/$file" || echo differs >> differs
done
if [ -e differs ]; then
  echo "$kills kills: $(wc -l < differs) files differ"
  exit 1
fi
echo "$kills kills, $late of them in the second half of training: all files are the same, bit for bit"
