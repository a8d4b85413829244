#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws sweep.csv of the bench: time per unit of work over each size, relative to the fastest point. Standard library only.

usage: plot_sweep.py sweep.csv sweep.svg"""
import csv
import math
import sys

WIDE, HIGH, GAP, TOP = 300, 150, 60, 4.0
sweeps = {}
with open(sys.argv[1], newline="") as file:
    for row in csv.DictReader(file):
        sweeps.setdefault(row["sweep"], []).append((float(row["at"]), float(row["core_seconds_a_unit"])))

columns = 3
lines = math.ceil(len(sweeps) / columns)
out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{columns * (WIDE + GAP) + GAP}" height="{lines * (HIGH + GAP) + GAP}" '
       'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="white"/>']
for number, (name, points) in enumerate(sweeps.items()):
    left, up = GAP + number % columns * (WIDE + GAP), GAP / 2 + number // columns * (HIGH + GAP)
    low, high = math.log(points[0][0]), math.log(points[-1][0])
    best = min(y for _, y in points)
    place = [(left + WIDE * (math.log(x) - low) / max(high - low, 1e-9), up + HIGH * (1 - math.log(y / best) / math.log(TOP))) for x, y in points]
    out.append(f'<text x="{left}" y="{up - 6}">{name}</text>')
    for mark in (1, 1.3, 2, 4):
        y = up + HIGH * (1 - math.log(mark) / math.log(TOP))
        out.append(f'<line x1="{left}" x2="{left + WIDE}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/><text x="{left - 22}" y="{y + 4:.1f}">{mark}</text>')
    for x in (points[0][0], points[len(points) // 2][0], points[-1][0]):
        at = left + WIDE * (math.log(x) - low) / max(high - low, 1e-9)
        out.append(f'<text x="{at:.1f}" y="{up + HIGH + 14}" text-anchor="middle">{x:g}</text>')
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in place)
    out.append(f'<polyline points="{path}" fill="none" stroke="#246" stroke-width="1.5"/>')
    out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="#246"/>' for x, y in place]
out.append("</svg>")
with open(sys.argv[2], "w") as file:
    file.write("\n".join(out) + "\n")
