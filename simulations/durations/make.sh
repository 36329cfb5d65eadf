#!/usr/bin/env bash
# Make the results in this folder anew: four designs for T-VEC in the liver, slow and fast accrual, five illustrative truths.
set -euo pipefail
cd "$(dirname "$0")"
for clock in slow fast; do
  escalate simulate designs/boin.yaml designs/tite_boin.yaml designs/rolling_six.yaml designs/three_plus_three.yaml \
    --scenarios ../scenarios/tvec-liver.yaml --clock clocks/$clock.yaml --trials 50000 --json > $clock.json
done
escalate simulate designs/tite_boin.yaml --scenarios ../scenarios/tvec-liver.yaml --clock clocks/fast.yaml --trials 100 \
  --trace 2 --trace-file trial.txt --plot-trace trial.png --force > /dev/null
