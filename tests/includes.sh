#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What may include what. Rooms of core include rooms below them and themselves; plugins the public headers, a header beside them and the C library; the public headers each
# other; core names no plugin. Every public header stands alone, as C11 and, with a compiler for it, as C++17.
# Usage: includes.sh <source root> <C compiler> [<C++ compiler>]
root=$1 cc=$2 cxx=$3
cd "$root" || exit 1
failures=$(mktemp) || exit 1
trap 'rm -f "$failures"' EXIT
bad() { echo "$*"; echo x >>"$failures"; }

# Of room $1: the rooms it may include.
below() {
  case $1 in
  base) echo base ;;
  num) echo base num ;;
  graph) echo base num graph ;;
  config) echo base config ;;
  plugin) echo base config num plugin ;;
  model) echo base num graph model ;;
  run) echo base num graph config plugin model run ;;
  report) echo base num config report ;;
  cli) echo base num graph config plugin model run report cli ;;
  esac
}
for room in base num graph config plugin model run report cli; do
  allowed=" $(below $room) "
  for file in core/$room/*.[ch]; do
    [ -e "$file" ] || continue
    for other in $(sed -n 's|^ *# *include "\([a-z]*\)/.*|\1|p' "$file" | sort -u); do
      case "$allowed" in *" $other "*) ;; *) bad "$file includes \"$other/...\"; room $room may include:$allowed" ;; esac
    done
    sed -n 's|^ *# *include "\([^/"]*\)".*|\1|p' "$file" | while read -r name; do
      bad "$file includes \"$name\"; write the room before it"
    done
  done
done

# Plugins may share a header that lies beside them and is held to the same rule.
# Sinks write files: POSIX's headers for that; one of them isolates libnetcdf.
for file in plugins/*/*.[ch] networks/*.[ch] schedules/*.[ch] samplers/*.[ch] core/include/ebb/*.h tests/conformance/plugins/*.c; do
  [ -e "$file" ] || continue
  sed -n 's|^ *# *include "\(.*\)".*|\1|p' "$file" | while read -r name; do
    case $name,$file in
    */*,* | *,core/*) bad "$file includes \"$name\"; plugins and public headers include <ebb/...> and the C library only" ;;
    *) [ -e "$(dirname "$file")/$name" ] || bad "$file includes \"$name\", which does not lie beside it" ;;
    esac
  done
  for name in $(sed -n 's|^ *# *include <\([^>]*\)>.*|\1|p' "$file"); do
    case $name in
    ebb/*) [ -e "core/include/$name" ] || bad "$file includes <$name>, which is not there" ;;
    assert.h | complex.h | ctype.h | errno.h | fenv.h | float.h | inttypes.h | limits.h | math.h | stdbool.h | stddef.h | stdint.h | stdio.h | \
      stdlib.h | string.h | tgmath.h | time.h) ;;
    dirent.h | fcntl.h | sys/stat.h | unistd.h | netcdf.h)
      case $file,$name in
      plugins/sinks/netcdf.c,* | plugins/sinks/*,[!n]*) ;;
      *) bad "$file includes <$name>; of plugins sinks alone handle files, and netcdf.c alone libnetcdf" ;;
      esac
      ;;
    *) bad "$file includes <$name>; plugins include <ebb/...> and the C library only" ;;
    esac
  done
done

# Ids in quotes, comments left out: defaults of the spec's tables (core/run/spec.c) are the one place where the shipped ids may stand. Rows and curves of
# metrics.csv and curves.csv that bear a plugin's name are named by core/report/names.h alone.
ids=$(sed -n "/^\(simulators\|networks\|schedules\|objectives\|samplers\|metrics\|sinks\) = \[/s/.*\[\(.*\)\]/\1/p" meson.build | tr -d "' " | tr ',' '\n')
[ -n "$ids" ] || bad "no plugin ids found in meson.build"
for id in $ids; do
  for file in $(grep -r --include='*.c' --include='*.h' "\"$id\"" core | grep -v '^[^:]*: \*' | cut -d: -f1 | sort -u); do
    case $file in core/run/spec.c | core/report/names.h) ;; *) bad "$file names the plugin \"$id\"; core knows no plugin by name" ;; esac
  done
done

for header in core/include/ebb/*.h; do
  name=ebb/$(basename "$header")
  echo "#include <$name>" | $cc -std=c11 -Wall -Wextra -Wpedantic -Werror -Icore/include -fsyntax-only -x c - || bad "<$name> does not stand alone as C11"
  [ -z "$cxx" ] || echo "#include <$name>" | $cxx -std=c++17 -Wall -Wextra -Werror -Icore/include -fsyntax-only -x c++ - || bad "<$name> does not stand alone as C++17"
done
[ ! -s "$failures" ]
