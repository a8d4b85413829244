#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Debian packages that Ebb needs, installed where they are missing, without a question. Usage: packages.sh build|tests|check ...
# A package counts as there when dpkg says so or when what Ebb wants of it works, so that other ways to have it are good too. Nothing is downloaded
# when all is there. Without root it says what is missing, with the line to run, and leaves with 1. Optional packages (tests that want them are skipped
# by name) never make it fail.
set -u

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
program() { command -v "$1" >/dev/null 2>&1; }
library() { pkg-config --exists "$1" 2>/dev/null; }
headers() { echo '#include <stdlib.h>' | cc -E -o /dev/null - 2>/dev/null; }
clang_format_14() { { clang-format-14 --version || clang-format --version; } 2>/dev/null | grep -q 'version 14\.'; }
python_imports() { python3 -c "import $1" 2>/dev/null; }

missing='' wanted=''
need() { # package, command that succeeds where it is there
  package=$1 && shift
  installed "$package" || "$@" || missing="$missing $package"
}
want() {
  package=$1 && shift
  installed "$package" || "$@" || wanted="$wanted $package"
}

[ $# -gt 0 ] || { echo "usage: packages.sh build|tests|check ..." >&2; exit 2; }
for purpose in "$@"; do
  case $purpose in
  build)
    need gcc program cc
    need libc6-dev headers
    need pkgconf program pkg-config
    need meson program meson
    need ninja-build program ninja
    need libyaml-dev library yaml-0.1
    need libopenblas-pthread-dev library openblas
    want libnetcdf-dev library netcdf
    ;;
  tests)
    need libcunit1-dev library cunit
    want g++ program c++
    want binutils program nm
    want python3-numpy python_imports numpy
    ;;
  check)
    need clang-format-14 clang_format_14
    need git program git
    want python3-pip python_imports pip
    ;;
  *) echo "packages.sh: unknown purpose \"$purpose\"; build, tests and check are known" >&2; exit 2 ;;
  esac
done

# Packages as words; what apt-get prints is shown only if it fails.
install() {
  log=$(mktemp) || return 1
  DEBIAN_FRONTEND=noninteractive
  export DEBIAN_FRONTEND
  if {
    apt-get update -qq -o Acquire::Retries=2 -o Acquire::http::Timeout=30 &&
      apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
  } </dev/null >"$log" 2>&1; then
    rm -f "$log"
  else
    tail -n 20 "$log" >&2
    rm -f "$log"
    return 1
  fi
}

if [ -n "$missing" ]; then
  if ! program apt-get; then
    echo "missing (by their Debian names):$missing; there is no apt-get here, install what your system calls them" >&2
    exit 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    echo "missing packages:$missing" >&2
    echo "run as root: apt-get update && apt-get install -y --no-install-recommends$missing" >&2
    exit 1
  fi
  echo "installing$missing$wanted"
  if [ -n "$wanted" ] && install $missing $wanted; then exit 0; fi
  install $missing || { echo "apt-get could not install:$missing; its last lines stand above" >&2; exit 1; }
elif [ -n "$wanted" ]; then
  if program apt-get && [ "$(id -u)" -eq 0 ]; then
    echo "installing$wanted (optional)"
    install $wanted || echo "going on without$wanted" >&2
  else
    echo "optional and not here:$wanted; tests that want them are skipped"
  fi
fi
exit 0
