#!/bin/sh
# SPDX-License-Identifier: MIT
#
# From a fresh checkout to a checked posterior: installs what is missing, builds into build/, runs two_moons.yaml into runs/. From any folder, as often as
# wanted: what is there is used again. Options go to `ebb run`: sh configs/quickstart.sh --threads 4
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."

sh tests/packages.sh build

# setup says much and is quick: shown only if it fails. CUnit may be absent here, the tests are not built.
if [ ! -f build/build.ninja ]; then
  output=$(meson setup build --buildtype=release 2>&1) || { echo "$output" >&2; exit 1; }
fi
echo "building into build/"
quiet=--quiet
if [ -t 1 ]; then quiet=; fi
ninja -C build $quiet program || { echo "the build failed; after a change of compiler or folder, remove build/ and try again" >&2; exit 1; }

exec build/core/ebb run configs/two_moons.yaml --runs runs "$@"
