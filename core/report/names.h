/* SPDX-License-Identifier: MIT
 *
 * Names of rows in metrics.csv and of curves in curves.csv that the report knows how to judge and to draw: an agreement between files, whichever
 * plugin wrote them. Rows of other names appear in the tables all the same. */
#ifndef EBB_REPORT_NAMES_H
#define EBB_REPORT_NAMES_H

/* Per parameter; empty parameter: joint. */
#define ROW_SBC "sbc_log_gamma" /* ln(gamma / gamma*), below 0 where uniform ranks are rejected at 5 % */
#define ROW_COVERAGE_50 "coverage_50"
#define ROW_COVERAGE_90 "coverage_90"
#define ROW_HPD_90 "coverage_hpd_90"
#define ROW_Z_SCORE "z_score"         /* mean of (posterior mean - truth) / posterior sd */
#define ROW_CONTRACTION "contraction" /* 1 - posterior variance / prior variance */
#define ROW_TARP_P "tarp_p"
#define ROW_PREDICTIVE_P "predictive_pit_p" /* per feature, which the note names */
#define ROW_LEAKAGE "leakage"
/* Per observation. */
#define ROW_C2ST "c2st"
#define ROW_LOCAL_P "lc2st_p"

#define CURVE_SBC "sbc_ecdf"      /* x: fraction, y: ECDF minus uniform */
#define CURVE_RANKS "sbc_rank"    /* x: bin centre, y: share relative to uniform */
#define CURVE_COVERAGE "coverage" /* x: level, y: share of truths within */
#define CURVE_HPD "coverage_hpd"
#define CURVE_TARP "tarp" /* x: credibility, y: expected coverage */
#define CURVE_PREDICTIVE "predictive_pit"

#endif
