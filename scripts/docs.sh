#!/usr/bin/env bash
# Set up and build the documentation into build/docs, warnings as errors; then look for broken links and for anything from a network.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "${1:-}" = ready ] || scripts/setup.sh dev
.venv/bin/python -m sphinx -q -W --keep-going -b html docs build/docs
.venv/bin/python docs/_ext/check.py build/docs
