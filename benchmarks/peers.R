# Times one peer on one job: Rscript peers.R PEER JOB TRIALS [SKELETON].
# Prints its version, CPU seconds and, of random trials, the share that selects each dose.
# Exit code 3: the package is not installed.
arguments <- commandArgs(trailingOnly = TRUE)
peer <- arguments[1]
job <- arguments[2]
trials <- as.integer(arguments[3])
if (!requireNamespace(peer, quietly = TRUE)) quit(status = 3)

boin_truth <- c(0.05, 0.15, 0.30, 0.45, 0.60)
mtpi2 <- function() {
  escalation::get_mtpi2(num_doses = 5, target = 0.30, epsilon1 = 0.05, epsilon2 = 0.05, exclusion_certainty = 0.95) |>
    escalation::stop_at_n(n = 30) |>
    escalation::select_mtpi2_mtd(when = "finally", exclusion_certainty = 0.95)
}
run <- switch(job,
  get.oc = function(n) {
    BOIN::get.oc(target = 0.30, p.true = boin_truth, ncohort = 10, cohortsize = 3, ntrial = n)
  },
  crmsim = function(n) {
    skeleton <- as.numeric(strsplit(arguments[4], ",")[[1]])
    dfcrm::crmsim(PI = c(0.05, 0.12, 0.25, 0.40, 0.55), prior = skeleton, target = 0.25, n = 30, x0 = 1, nsim = n,
                  mcohort = 3, restrict = TRUE, count = FALSE, model = "empiric", scale = sqrt(1.34))
  },
  simulate_trials = function(n) {
    escalation::simulate_trials(mtpi2(), num_sims = n, true_prob_tox = boin_truth, next_dose = 1)
  },
  get_dose_paths = function(n) {
    for (k in seq_len(n)) found <- escalation::get_dose_paths(mtpi2(), cohort_sizes = c(3, 3, 3), next_dose = 1)
    found
  }
)
invisible(run(min(trials, 20)))  # loads and byte-compiles what is used
taken <- system.time(found <- run(trials))
selected <- switch(job,
  get.oc = found$selpercent / 100,
  crmsim = found$MTD,
  simulate_trials = escalation::prob_recommend(found)[-1],  # the first is that of no dose
  get_dose_paths = numeric(0)
)
cat("version", as.character(utils::packageVersion(peer)), "\n")
cat("cpu", format(taken[["user.self"]] + taken[["sys.self"]], digits = 10), "\n")
cat("selected", format(as.numeric(selected), digits = 10), "\n")
