#!/usr/bin/env bash
# Make the results in this folder anew: three designs for T-VEC in the liver, five illustrative truths, exactly; and the
# documents that are made from them.
set -euo pipefail
cd "$(dirname "$0")/../.."
escalate simulate designs/tvec-liver-3plus3.yaml designs/tvec-liver-boin.yaml designs/tvec-liver-crm.yaml \
  --scenarios simulations/scenarios/tvec-liver.yaml --exact \
  --plot simulations/tvec-liver/characteristics.png --force --json > simulations/tvec-liver/characteristics.json
escalate recommend designs/tvec-liver-crm.yaml designs/data/tvec-liver-synthetic.csv \
  --plot simulations/tvec-liver/next-dose.png --force > /dev/null
designs=(designs/tvec-liver-3plus3.yaml designs/tvec-liver-boin.yaml designs/tvec-liver-crm.yaml)
for ending in html docx pdf md; do
  escalate report simulation "${designs[@]}" --study simulations/tvec-liver/characteristics.json \
    -o simulations/tvec-liver/simulation-report.$ending --force
  escalate report protocol designs/tvec-liver-crm.yaml --study simulations/tvec-liver/characteristics.json \
    -o simulations/tvec-liver/protocol-section.$ending --force
done
for ending in html docx pdf; do
  escalate report meeting designs/tvec-liver-crm.yaml designs/data/tvec-liver-synthetic.csv \
    -o simulations/tvec-liver/meeting-pack.$ending --force
done
for ending in html docx; do
  escalate simulate designs/tvec-liver-crm.yaml --scenarios simulations/scenarios/tvec-liver.yaml --exact --json |
    escalate report checklist designs/tvec-liver-crm.yaml --of spirit --study - \
      -o simulations/tvec-liver/spirit-define.$ending --force
done
