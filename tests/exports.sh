#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Every plugin exports one symbol, ebb_module, and leaves nothing of Ebb unresolved. Usage: exports.sh plugin.so ...
command -v nm >/dev/null || { echo "SKIP: no nm"; exit 77; }
status=0
for file in "$@"; do
  names=$(nm -D --defined-only "$file" | awk '$2 ~ /[A-Z]/ && $3 !~ /^(__asan|__odr_asan|__ubsan|__gcov|__llvm|_init$|_fini$)/ {print $3}')
  [ "$names" = ebb_module ] || { echo "$file exports: $names"; status=1; }
  foreign=$(nm -D --undefined-only "$file" | awk '{print $NF}' | grep -i '^ebb_' || true)
  [ -z "$foreign" ] || { echo "$file needs of its host by name: $foreign"; status=1; }
done
exit $status
