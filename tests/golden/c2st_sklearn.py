# SPDX-License-Identifier: MIT
#
# Ten fixed pairs of sets and what scikit-learn's classifiers make of them with five seeds: its network by sbibm's protocol, and its random forest by
# sbi's. Writes tests/golden/c2st_sklearn.txt and c2st_rf_sklearn.txt; tests/unit/test_c2st.c makes the same pairs and compares.
#
#     pip install numpy scikit-learn
#     python tests/golden/c2st_sklearn.py > tests/golden/c2st_sklearn.txt
#     python tests/golden/c2st_sklearn.py rf > tests/golden/c2st_rf_sklearn.txt
#
# A number of a pair is a pure function of its address, so that C and Python need not share a generator's state:
#
#     address = pair << 40 | class << 36 | column << 32 | row        class 0 reference, 1 draws
#     u(k)    = (splitmix64(k) >> 11) + 1/2, times 2^-53              splitmix64(k): the k-th output of the generator with state 0, k from 1
#     normal  = sqrt(-2 log u(2 address + 1)) cos(2 pi u(2 address + 2))
import sys
import warnings

import numpy as np
import sklearn
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neural_network import MLPClassifier

# name, rule, columns, rows of the reference, rows of the draws, most epochs (fewer where overfitting would take minutes)
PAIRS = [
    ("shift_1", "shift", 1, 1000, 1000, 10000),
    ("shift_2", "shift", 2, 1000, 1000, 10000),
    ("shift_5", "shift", 5, 1500, 1500, 50),
    ("scale_1", "scale", 1, 2000, 2000, 10000),
    ("scale_2", "scale", 2, 2000, 2000, 10000),
    ("scale_5", "scale", 5, 1300, 1100, 50),
    ("same_3", "same", 3, 1000, 1000, 10000),
    ("same_10", "same", 10, 1000, 1000, 30),
    ("moons_ring", "moons", 2, 1000, 1000, 10000),
    ("units_3", "units", 3, 1030, 1030, 10000),
]


def uniform(k):
    with np.errstate(over="ignore"):
        z = k.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def address(pair, kind, column, rows):
    return (np.uint64(pair) << np.uint64(40)) | np.uint64(kind << 36) | np.uint64(column << 32) | np.arange(rows, dtype=np.uint64)


def normal(pair, kind, column, rows):
    k = address(pair, kind, column, rows) * np.uint64(2)
    return np.sqrt(-2 * np.log(uniform(k + np.uint64(1)))) * np.cos(2 * np.pi * uniform(k + np.uint64(2)))


def rows_of(pair, kind):
    _, rule, d, *n, _ = PAIRS[pair]
    e = np.stack([normal(pair, kind, j, n[kind]) for j in range(d)], 1)
    if rule == "shift" and kind == 1:
        e[:, 0] += 1
    if rule == "scale" and kind == 1:
        e *= 1.2
    if rule == "moons":  # two half circles against an ellipse around both, noise 0.1
        a = uniform(address(pair, kind, 15, n[kind]) * np.uint64(2) + np.uint64(1)) * np.pi
        first = np.arange(n[kind]) % 2 == 0
        moons = np.stack([np.where(first, np.cos(a), 1 - np.cos(a)), np.where(first, np.sin(a), 0.5 - np.sin(a))], 1)
        ring = np.stack([0.5 + 1.3 * np.cos(2 * a), 0.25 + 0.8 * np.sin(2 * a)], 1)
        e = (ring if kind == 1 else moons) + 0.1 * e
    if rule == "units":  # correlation 0.6 against none, in units of 0.01 to 100
        if kind == 1:
            e = np.stack([e[:, 0], 0.6 * e[:, 0] + 0.8 * e[:, 1], 0.6 * e[:, 1] + 0.8 * e[:, 2]], 1)
        e = 3 + e * np.array([0.01, 1, 100])
    return e.astype(np.float32)


forest = sys.argv[1:] == ["rf"]


def c2st(reference, draws, epochs, seed):
    m, s, d = reference.mean(0, dtype=np.float64), reference.std(0, dtype=np.float64), reference.shape[1]
    data = np.r_[(reference - m) / s, (draws - m) / s]
    label = np.r_[np.zeros(len(reference)), np.ones(len(draws))]
    classifier = RandomForestClassifier(random_state=seed) if forest else MLPClassifier((10 * d, 10 * d), max_iter=epochs, random_state=seed)
    return cross_val_score(classifier, data, label, cv=KFold(5, shuffle=True, random_state=seed)).mean()


if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)
    name = "c2st_rf_sklearn" if forest else "c2st_sklearn"
    print(f"# python tests/golden/c2st_sklearn.py{' rf' * forest} > tests/golden/{name}.txt, scikit-learn {sklearn.__version__}, numpy {np.__version__}")
    print("# first and last number of the reference and of the draws, mean accuracy and its standard error over seeds 1..5, the seeds")
    for p, (name, *_, epochs) in enumerate(PAIRS):
        reference, draws = rows_of(p, 0), rows_of(p, 1)
        c = np.array([c2st(reference, draws, epochs, seed) for seed in range(1, 6)])
        ends = " ".join(f"{v:.6g}" for v in (reference[0, 0], reference[-1, -1], draws[0, 0], draws[-1, -1]))
        print(name, ends, f"{c.mean():.5f} {c.std(ddof=1) / 5**0.5:.5f}", *(f"{v:.5f}" for v in c), flush=True)
