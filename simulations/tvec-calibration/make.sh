#!/bin/sh
# Makes everything in this folder anew, with escalate on the path: about half a minute.
set -e
cd "$(dirname "$0")"

# Which design: grids over four methods, and the finalists on fresh truths.
escalate study run study.yaml
escalate study run check.yaml
RANDOM_TRUTHS="--family paoletti --family pseudo_uniform"
METRICS=overdose_allocated,pcs,overdose_selected,selected_none
escalate study show study.yaml $RANDOM_TRUTHS --metrics $METRICS --sort pcs --where "overdose_allocated <= 0.40" \
  --where "selected_none of all toxic >= 0.70" --where "selected_3 of all safe >= 0.80" \
  --plot trade-off.png --force --json > kept.json
escalate study show check.yaml $RANDOM_TRUTHS --metrics $METRICS --json > check.json
escalate study show check.yaml --family "all toxic" --metrics selected_none --json > check-toxic.json
escalate study show check.yaml --family "all safe" --metrics selected_3 --json > check-safe.json

# The CRM alone, by escalate calibrate.
cd ../..
escalate calibrate designs/tvec-liver-crm.yaml --over simulations/tvec-calibration/family.yaml \
  --vary method.skeleton.half_width=0.04:0.12:0.02 --vary method.skeleton.prior_mtd=2,3 \
  --vary method.prior_sd=least_informative,0.4:1.6:0.4 --vary cohort_size=1,3 \
  --loss "incorrect_selection + 0.5*overdose_selected" --subject-to "overdose_allocated <= 0.40" \
  --refine --evidence simulations/tvec-calibration/evidence --force
