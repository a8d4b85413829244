#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Every test: installs what is missing, builds into build-test/ with warnings as errors, runs, and closes with "N passed, N failed, N skipped", where N
# counts CUnit's tests, and a suite that is not CUnit's as one. Failures with their last lines and skips with their reasons stand above. Exit status 1 if
# anything failed.
#
#     sh tests/run.sh                                    all
#     sh tests/run.sh unit                               suites and tests by meson's names
#     sh tests/run.sh --sanitize address,undefined       all, in build-address-undefined/
#     sh tests/run.sh --sanitize thread                  the suites that start threads, in build-thread/
set -u
CDPATH='' cd -- "$(dirname -- "$0")/.." || exit 1

sanitize='' label='' build=build-test
if [ "${1:-}" = --sanitize ]; then
  [ $# -ge 2 ] || { echo "--sanitize wants thread or address,undefined" >&2; exit 2; }
  sanitize=$2 label="$2: " build=build-$(echo "$2" | tr ',' '-')
  shift 2
fi
case ${1:-} in -*) echo "usage: sh tests/run.sh [--sanitize thread|address,undefined] [test ...]" >&2; exit 2 ;; esac

sh tests/packages.sh build tests || exit 1

# Without symbols a debugger and a sanitizer's report say little. gcc's warnings are not to be relied on in sanitized code; -O1 keeps it within minutes.
options='--buildtype=release -Ddebug=true -Dwerror=true' slower=1 around=''
if [ -n "$sanitize" ]; then
  options="--buildtype=debug --optimization=1 -Dc_args=-w -Db_sanitize=$sanitize -Db_lundef=false" slower=10
  # No recovery: the first report ends the suite.
  export ASAN_OPTIONS="halt_on_error=1:detect_stack_use_after_return=1" UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1"
  export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:suppressions=$PWD/tests/thread_sanitizer.txt"
  # gcc 12's ThreadSanitizer does not know every place that a randomised address space may take.
  if [ "$sanitize" = thread ] && setarch -R true 2>/dev/null; then around='setarch -R'; fi
  if [ "$sanitize" = thread ] && [ $# -eq 0 ]; then set -- --suite threads; fi
fi

# The Python that has numpy, for the tests that read what Ebb leaves.
for python in "${EBB_PYTHON:-python3}" /usr/bin/python3; do
  if "$python" -c 'import numpy' 2>/dev/null; then export EBB_PYTHON="$python" && break; fi
done

failed_build() {
  echo "the build failed, its output stands above"
  echo "${label}0 passed, 1 failed, 0 skipped"
  exit 1
}
if [ ! -f "$build/build.ninja" ]; then
  output=$(meson setup "$build" $options 2>&1) || { echo "$output"; failed_build; }
fi
echo "building into $build/"
ninja -C "$build" --quiet || failed_build

log=$build/meson-logs/testlog.json
rm -f "$log"
$around meson test -C "$build" --no-rebuild --timeout-multiplier "$slower" "$@" </dev/null
status=$?
exec python3 tests/tally.py "$log" "$status" "$label"
