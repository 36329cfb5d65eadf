#!/usr/bin/env bash
# Set up, then run all that must pass: lint, format, types, documentation, tests. Further arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh dev
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
scripts/docs.sh ready
.venv/bin/python -m pytest -n auto --dist loadfile "$@"
