#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What users would run instead of Ebb, and Ebb, on the same cores at equal networks, activations and batches; prints versions and ratios. Installs
# the peers (PyTorch, BayesFlow on JAX, sbi, scikit-learn; some gigabytes) into a virtual environment unless they are there. Takes about ten minutes.
#
# usage: tests/bench/peers.sh BUILD [VENV]        BUILD: Ebb's build folder; VENV: default ~/.cache/ebb-peers
#        PEERS="torch bayesflow" tests/bench/peers.sh ...     only these (torch bayesflow npse fmpe sklearn)
#        BAYESFLOW_PYTHON=PYTHON tests/bench/peers.sh ...      BayesFlow of that interpreter too (2.1 wants Python 3.12, which not every system has)
set -eu
[ $# -ge 1 ] || { sed -n '4,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$(cd "$1" && pwd)
venv=${2:-${XDG_CACHE_HOME:-$HOME/.cache}/ebb-peers}
here=$(cd "$(dirname "$0")" && pwd)
# Settings that hold a BLAS back would make the peers slower than users see them.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE || true
meson compile -C "$build" ebb bench >/dev/null
if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv"
fi
for package in ${PEERS:-torch bayesflow npse fmpe sklearn}; do
  case $package in
    torch) module=torch; wanted=torch ;;
    bayesflow) module=jax; wanted="bayesflow jax" ;;
    sklearn) module=sklearn; wanted=scikit-learn ;;
    *) module=sbi; wanted="sbi torch" ;;
  esac
  "$venv/bin/python" -c "import importlib.util as u, sys; sys.exit(u.find_spec('$module') is None)" || "$venv/bin/pip" install -q $wanted
done
exec "$venv/bin/python" "$here/peers.py" "$build" ${PEERS:-torch bayesflow npse fmpe sklearn}
