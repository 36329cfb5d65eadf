# Times one peer on one design: Rscript peers.R PEER TRIALS [SKELETON].
# Prints its version, CPU seconds and the share of trials that select each dose.
# Exit code 3: the package is not installed.
arguments <- commandArgs(trailingOnly = TRUE)
peer <- arguments[1]
trials <- as.integer(arguments[2])
if (!requireNamespace(peer, quietly = TRUE)) quit(status = 3)

run <- switch(peer,
  BOIN = function(n) {
    BOIN::get.oc(target = 0.30, p.true = c(0.05, 0.15, 0.30, 0.45, 0.60), ncohort = 10, cohortsize = 3, ntrial = n)
  },
  dfcrm = function(n) {
    skeleton <- as.numeric(strsplit(arguments[3], ",")[[1]])
    dfcrm::crmsim(PI = c(0.05, 0.12, 0.25, 0.40, 0.55), prior = skeleton, target = 0.25, n = 30, x0 = 1, nsim = n,
                  mcohort = 3, restrict = TRUE, count = FALSE, model = "empiric", scale = sqrt(1.34))
  }
)
invisible(run(20))  # loads and byte-compiles what is used
taken <- system.time(found <- run(trials))
selected <- if (peer == "BOIN") found$selpercent / 100 else found$MTD
cat("version", as.character(utils::packageVersion(peer)), "\n")
cat("cpu", format(taken[["user.self"]] + taken[["sys.self"]], digits = 10), "\n")
cat("selected", format(as.numeric(selected), digits = 10), "\n")
