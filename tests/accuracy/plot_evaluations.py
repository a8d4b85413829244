#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws evaluations.csv: two-sample accuracy against evaluations a draw, one panel a target, one line a sampler; and the same as a table of text.
Standard library only.

usage: plot_evaluations.py evaluations.csv evaluations.svg evaluations.txt"""
import csv
import math
import sys

WIDE, HIGH, GAP, LEGEND = 380, 260, 60, 190
LOW, TOP, FIRST, LAST = 0.48, 1.0, 3.0, 120.0
BUDGETS = (4, 6, 8, 10, 12, 16, 20, 30, 50, 100)
COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf")

with open(sys.argv[1], newline="") as file:
    head = [line for line in file if line.startswith("#")]
    file.seek(0)
    rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
found = {}
for row in rows:
    found.setdefault(row["target"], {}).setdefault(row["sampler"], []).append((float(row["evaluations"]), float(row["accuracy"])))
samplers = sorted({row["sampler"] for row in rows})
style = {s: (COLOURS[i % len(COLOURS)], "" if i < len(COLOURS) else ' stroke-dasharray="5 3"') for i, s in enumerate(samplers)}


def across(x):
    return WIDE * math.log(x / FIRST) / math.log(LAST / FIRST)


def up(y):
    return HIGH * (1 - (min(y, TOP) - LOW) / (TOP - LOW))


out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * (WIDE + GAP) + GAP / 2 + LEGEND:.0f}" height="{2 * (HIGH + GAP) + GAP / 2:.0f}" '
       'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="white"/>']
for number, (target, lines) in enumerate(found.items()):
    out.append(f'<g transform="translate({GAP + number % 2 * (WIDE + GAP)},{GAP / 2 + number // 2 * (HIGH + GAP):.0f})">')
    out.append(f'<text x="0" y="-8" font-weight="bold">{target}</text>')
    for y in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        out.append(f'<line x1="0" x2="{WIDE}" y1="{up(y):.1f}" y2="{up(y):.1f}" stroke="#ddd"/><text x="-24" y="{up(y) + 4:.1f}">{y:.1f}</text>')
    for x in (4, 6, 10, 20, 50, 100):
        out.append(f'<line x1="{across(x):.1f}" x2="{across(x):.1f}" y1="0" y2="{HIGH}" stroke="#eee"/>'
                   f'<text x="{across(x):.1f}" y="{HIGH + 14}" text-anchor="middle">{x}</text>')
    out.append(f'<text x="{WIDE / 2}" y="{HIGH + 28}" text-anchor="middle">evaluations a draw</text>')
    for name, points in lines.items():
        colour, dash = style[name]
        place = [(across(x), up(y)) for x, y in points if FIRST <= x <= LAST]
        if len(place) > 1:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in place)
            out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{colour}"/>' for x, y in place]
    out.append("</g>")
left = 2 * (WIDE + GAP) + GAP / 2
for i, name in enumerate(samplers):
    colour, dash = style[name]
    y = GAP / 2 + 10 + 18 * i
    out.append(f'<line x1="{left}" x2="{left + 26}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2"{dash}/><text x="{left + 32}" y="{y + 4}">{name}</text>')
out.append("</svg>")
with open(sys.argv[2], "w") as file:
    file.write("\n".join(out) + "\n")

# At each budget the run with the most evaluations within it; adaptive samplers stand at the first budget that holds them.
with open(sys.argv[3], "w") as file:
    file.writelines(head)
    file.write("# Accuracy of the 15-nearest-neighbour two-sample test, .5 is perfect, +- .012. Columns: at most so many evaluations a draw.\n")
    for target, lines in found.items():
        file.write(f"\n{target:<24}" + "".join(f"{b:>7}" for b in BUDGETS) + "\n")
        for name, points in lines.items():
            cells, below = [], 0
            for budget in BUDGETS:
                here = [y for x, y in points if below < x <= budget]
                cells.append(f"{here[-1]:.3f}".removeprefix("0") if here else "-")
                below = budget
            file.write(f"{name:<24}" + "".join(f"{c:>7}" for c in cells) + "\n")
