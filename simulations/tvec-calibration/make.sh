#!/bin/sh
# Makes the evidence anew; with escalate on the path. About half a minute.
set -e
cd "$(dirname "$0")/../.."
escalate calibrate designs/tvec-liver-crm.yaml --over simulations/tvec-calibration/family.yaml \
  --vary method.skeleton.half_width=0.04:0.12:0.02 --vary method.skeleton.prior_mtd=2,3 \
  --vary method.prior_sd=least_informative,0.4:1.6:0.4 --vary cohort_size=1,3 \
  --loss "incorrect_selection + 0.5*overdose_selected" --subject-to "overdose_allocated <= 0.40" \
  --refine --evidence simulations/tvec-calibration/evidence --force
