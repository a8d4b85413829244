# SPDX-License-Identifier: MIT
"""Ebb against the peers: both on the same data, made by Ebb (two_moons, 10,000 simulations), then a table of ratios. Called by peers.sh.

Each peer runs in a process of its own (peers_each.py) and prints lines "key value". Draws of all are judged by the same classifier, `ebb c2st`,
against exact draws of the posterior."""
import csv
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import numpy as np

build, wanted = sys.argv[1], sys.argv[2:]
here = os.path.dirname(os.path.abspath(__file__))
ebb, bench = os.path.join(build, "core", "ebb"), os.path.join(build, "tests", "bench", "bench")
EPOCHS, BATCH, DRAWS = 30, 128, 10000

SPEC = """seed: 7
simulator: {use: two_moons}
simulations: {count: 10000}
model: {network: {use: time_mlp, activation: mish, dropout: 0.05}}
training: {epochs: %d, batch: %d}
sampling: {draws: %d, observations: {index: [1]}, sampler: {use: dpmpp_2m, steps: 12}}
""" % (EPOCHS, BATCH, DRAWS)


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def c2st(draws, reference, seeds=10, protocol="mlp"):
    """One seed says little: on two_moons scikit-learn's and Ebb's classifier alike move by .03 from seed to seed."""
    start = time.time()
    value = float(re.search(r"c2st\S* ([0-9.]+)", run(ebb, "c2st", draws, reference, "--protocol", protocol, "--set", f"seeds={seeds}", "--quiet")).group(1))
    return value, time.time() - start


def peer(name, *arguments, python=sys.executable):
    text, found = run(python, os.path.join(here, "peers_each.py"), name, *arguments), {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2:
            found[words[0]] = words[1] if words[0] == "version" else float(words[1])
    return found


def row(what, mine, theirs, unit, faster, asked="", note=""):
    """faster: the ratio in Ebb's favour."""
    print(f"{what:58s} {mine:10.4g} {theirs:10.4g} {unit:7s} {faster:8.1f} x  {asked:7s} {note}", flush=True)


with tempfile.TemporaryDirectory() as work:
    os.chdir(work)
    with open("spec.yaml", "w") as file:
        file.write(SPEC)
    cpu = re.search(r"model name\s*:\s*(.*)", open("/proc/cpuinfo").read())
    print(f"# {cpu.group(1) if cpu else 'unknown processor'}, {len(os.sched_getaffinity(0))} cores, "
          f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, load {os.getloadavg()[0]:.1f}; {run(ebb, '--version').strip()}")
    run(ebb, "run", "spec.yaml", "--quiet")
    run(ebb, "reference", "spec.yaml", "--out", "exact", "--draws", str(DRAWS), "--quiet")
    exact, observed = os.path.abspath("exact/reference_1.npy"), np.array([[-0.6396706, 0.16234657]], "float32")  # sbibm's observation 1
    np.save("observed.npy", observed)
    mine = float("inf")
    for _ in range(5):
        run(ebb, "sample", "runs/spec", "--observations", "observed.npy", "--out", "again", "--draws", str(DRAWS), "--quiet")
        mine = min(mine, json.load(open("again/manifest.json"))["observations"][0]["seconds"])
    draws = np.load("again/theta.npy")[0]
    np.save("ebb.npy", draws)
    quality, _ = c2st("ebb.npy", exact)
    run(bench, "--out", ".", "peers")
    rate = {r[0]: float(r[1]) for r in csv.reader(open("bench.csv")) if r and r[0].startswith("training")}
    print(f"# Ebb: {EPOCHS} epochs of batch {BATCH}, 10,000 draws in {mine:.3f} s at C2ST {quality:.3f}")
    print(f"{'what':58s} {'Ebb':>10s} {'peer':>10s} {'':7s} {'ratio':>8s}    asked")
    data = ("runs/spec/simulations/theta.npy", "runs/spec/simulations/x.npy", "observed.npy")

    if "torch" in wanted:
        for batch in (128, 256):
            p = peer("torch", str(batch))
            row(f"training rows, batch {batch}: plain PyTorch {p['version']} loop", rate[f"training silu 0 {batch}"], p["rows"], "rows/s",
                rate[f"training silu 0 {batch}"] / p["rows"], ">= 1.7" if batch == 128 else "")
    newer = os.environ.get("BAYESFLOW_PYTHON")
    for python in [sys.executable] * ("bayesflow" in wanted) + ([newer] if newer else []):
        p = peer("bayesflow", *data, "theirs.npy", str(EPOCHS), str(BATCH), python=python)
        value, _ = c2st("theirs.npy", exact)
        row(f"training rows, batch {BATCH}: BayesFlow {p['version']}", rate[f"training mish 0.05 {BATCH}"], p["rows"], "rows/s",
            rate[f"training mish 0.05 {BATCH}"] / p["rows"], ">= 3")
        row(f"10,000 draws: BayesFlow {p['version']}, its default", mine, p["draws"], "s", p["draws"] / mine,
            ">= 50" if p["version"] < "2.1" else ">= 85", f"C2ST {quality:.3f} against {value:.3f}")
    for method, asked in (("npse", ">= 20"), ("fmpe", ">= 8")):
        if method in wanted:
            p = peer(method, *data, "theirs.npy")
            value, _ = c2st("theirs.npy", exact)
            row(f"10,000 draws: sbi {p['version']} {method.upper()}", mine, p["draws"], "s", p["draws"] / mine, asked,
                f"C2ST {quality:.3f} against {value:.3f}; trained in {p['training']:.0f} s")
    if "sklearn" in wanted:
        rng = np.random.default_rng(1)
        np.save("wide.npy", rng.standard_normal((DRAWS, 10)).astype("float32"))
        np.save("narrow.npy", (0.9 * rng.standard_normal((DRAWS, 10))).astype("float32"))
        for d, one, other, asked in ((2, "ebb.npy", exact, ">= 20"), (10, "narrow.npy", "wide.npy", ">= 6")):
            for protocol, bound in (("mlp", asked), ("rf", "")):
                value, took = c2st(one, other, 1, protocol)
                p = peer("sklearn", one, other, protocol)
                row(f"C2ST by {protocol}, 10,000 against 10,000, d = {d}: scikit-learn {p['version']}", took, p["seconds"], "s", p["seconds"] / took,
                    bound, f"C2ST {value:.3f} against {p['c2st']:.3f}, one seed")
