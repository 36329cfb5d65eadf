#!/usr/bin/env bash
# Make the results in this folder anew: nine methods over 5,000 random scenarios, exactly, with the optimal benchmark.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=simulations/nine-methods
escalate simulate $here/designs/*.yaml --scenarios simulations/scenarios/random-five-doses.yaml \
  --plot $here/characteristics.png --plot-comparison $here/differences.png --force --json --summary > $here/summary.json
