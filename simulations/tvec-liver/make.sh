#!/usr/bin/env bash
# Make the results in this folder anew: three designs for T-VEC in the liver, five illustrative truths, exactly.
set -euo pipefail
cd "$(dirname "$0")/../.."
escalate simulate designs/tvec-liver-3plus3.yaml designs/tvec-liver-boin.yaml designs/tvec-liver-crm.yaml \
  --scenarios simulations/scenarios/tvec-liver.yaml --exact \
  --plot simulations/tvec-liver/characteristics.png --force --json > simulations/tvec-liver/characteristics.json
escalate recommend designs/tvec-liver-crm.yaml designs/data/tvec-liver-synthetic.csv \
  --plot simulations/tvec-liver/next-dose.png --force > /dev/null
