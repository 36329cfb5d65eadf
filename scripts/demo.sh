#!/usr/bin/env bash
# Set up, then: the next dose of a T-VEC liver trial, and how its design behaves.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
.venv/bin/escalate recommend designs/tvec-liver-boin.yaml designs/data/tvec-liver-synthetic.csv
.venv/bin/escalate simulate designs/tvec-liver-boin.yaml --scenarios simulations/scenarios/tvec-liver.yaml --exact
