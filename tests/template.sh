#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What a newcomer does with the templates, done exactly so: a sampler copied, renamed and named in meson.build is a working plugin; a simulator is built with one line
# and run by its id. Usage: template.sh <source root> <ebb>
root=$1 ebb=$2
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
die() { echo "$*" >&2; exit 1; }

# A sampler: copy, rename, add one word.
mkdir "$folder/ebb" && cd "$root" || exit 1
for part in core networks schedules samplers plugins tests meson.build; do cp -R "$part" "$folder/ebb/"; done
cd "$folder/ebb" || exit 1
sed 's/\beuler\b/mine/' plugins/template/sampler.c >samplers/mine.c
sed -i "s/^samplers = \[/samplers = ['mine', /" meson.build
meson setup build >setup.log 2>&1 || { tail -n 20 setup.log; die "the copy cannot be set up"; }
ninja -C build sampler_mine.so >build.log 2>&1 || { tail -n 20 build.log; die "the copied sampler does not build"; }
"$ebb" describe sampler/mine --plugin-dir "$PWD/build" --trust-plugins | grep -q 'steps .* integer .* 100' || die "the copied sampler does not describe itself"

cat >"$folder/spec.yaml" <<'S'
simulator: {use: two_moons}
simulations: {count: 300}
model: {network: {use: time_mlp, width: 32, blocks: 1}}
training: {epochs: 2}
sampling: {draws: 100, sampler: {use: euler, steps: 8}}
S
cd "$folder" || exit 1
for use in euler mine; do
  "$ebb" run spec.yaml --quiet --name $use --set sampling.sampler.use=$use --set sampling.sampler.steps=8 --plugin-dir "$folder/ebb/build" --trust-plugins >/dev/null ||
    die "the run with sampler $use failed"
done
cmp -s runs/euler/posterior/theta.npy runs/mine/posterior/theta.npy || die "the copied sampler draws other numbers than the template"

# A simulator: one compiler line, as the template's own comment gives it.
cd "$root" || exit 1
line=$(sed -n 's/^ \*  *\(gcc .*\)$/\1/p' plugins/template/simulator.c | sed "s|-o |-o $folder/|")
[ -n "$line" ] || die "plugins/template/simulator.c gives no compiler line"
sh -c "$line" || die "the template's compiler line failed: $line"
cd "$folder" || exit 1
i=1
while [ $i -le 20 ]; do printf '%s' "x$i"; [ $i -lt 20 ] && printf ','; i=$((i + 1)); done >x.csv
printf '\n1,.75,.26,-.24,-.6,-.67,-.5,-.18,.16,.39,.45,.34,.12,-.11,-.27,-.3,-.22,-.08,.07,.18\n' >>x.csv
cat >mine.yaml <<'S'
simulator: {use: oscillation}
simulations: {count: 1000}
model: {network: {use: time_mlp, width: 32, blocks: 1}}
training: {epochs: 10}
sampling: {draws: 500, observations: {file: x.csv}}
S
"$ebb" run mine.yaml --quiet --plugin-dir "$folder" --trust-plugins >/dev/null || die "the run with the template's simulator failed"
grep -q '^1,damping,' runs/mine/posterior/summary.csv || die "no posterior of the template's simulator"
