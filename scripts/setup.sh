#!/usr/bin/env bash
# Make .venv with escalate and its pinned dependencies; pass "dev" for the tools of the tests too.
set -euo pipefail
cd "$(dirname "$0")/.."
extra=${1:+[$1]}
if [ ! -x .venv/bin/python ]; then
  for python in python3.13 python3.12 python3.11 python3; do
    if command -v "$python" > /dev/null && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then break; fi
    python=
  done
  [ -n "$python" ] || { echo "error: escalate needs Python 3.11 or newer" >&2; exit 2; }
  if ! "$python" -m venv .venv 2> /dev/null; then
    # Debian and Ubuntu keep venv in a package of its own.
    rm -rf .venv
    apt-get update -qq && apt-get install -y -qq python3-venv
    "$python" -m venv .venv
  fi
fi
# PyTensor, on which PyMC rests, compiles what it runs; without a compiler it works, but slowly.
headers=$(.venv/bin/python -c 'import os, sysconfig; print(os.path.join(sysconfig.get_paths()["include"], "Python.h"))')
if [ "${1:-}" = dev ] && ! { command -v g++ > /dev/null && [ -f "$headers" ]; }; then
  { apt-get update -qq && apt-get install -y -qq g++ python3-dev; } || echo "note: no C++ compiler; PyMC will be slow" >&2
fi
.venv/bin/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e ".$extra"
