#!/usr/bin/env bash
# Make .venv with escalate and its pinned dependencies; pass "dev" for the tools of the tests too
# (on Debian and Ubuntu also a compiler, a PostgreSQL server, Chromium and Pango, where absent).
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
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv > /dev/null
    "$python" -m venv .venv
  fi
fi
if [ "${1:-}" = dev ]; then
  wanted=()
  # PyTensor, on which PyMC rests, compiles what it runs; without a compiler it works, but slowly.
  headers=$(.venv/bin/python -c 'import os, sysconfig; print(os.path.join(sysconfig.get_paths()["include"], "Python.h"))')
  { command -v g++ > /dev/null && [ -f "$headers" ]; } || wanted+=(g++ python3-dev)
  # The tests start a PostgreSQL server and a browser of their own.
  { command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb'; } > /dev/null || wanted+=(postgresql)
  { command -v chromium || command -v chromium-browser; } > /dev/null || wanted+=(chromium)
  # PDF documents draw their letters by Pango.
  libraries=$(ldconfig -p 2> /dev/null || /sbin/ldconfig -p 2> /dev/null || true)
  [[ $libraries == *libpango-1.0* && $libraries == *libpangoft2-1.0* ]] || wanted+=(libpango-1.0-0 libpangoft2-1.0-0)
  # One at a time: what cannot be had must not keep the others away.
  [ ${#wanted[@]} -eq 0 ] || apt-get update -qq || true
  for package in "${wanted[@]}"; do
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" > /dev/null \
      || echo "note: the package $package could not be installed; tests that need it will fail" >&2
  done
fi
.venv/bin/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e ".$extra"
