"""Scatter plots of a run's posterior, one panel an observation, as an SVG that any browser shows.

usage: python3 plot_posterior.py RUN OUT.svg [I J]      (parameters I and J, counted from 1; default 1 and 2)
needs: numpy
"""
import json
import sys

import numpy as np

run, out = sys.argv[1:3]
i, j = (int(a) - 1 for a in sys.argv[3:5]) if len(sys.argv) > 4 else (0, 1)
theta = np.load(f"{run}/posterior/theta.npy")  # (observations, draws, parameters)
manifest = json.load(open(f"{run}/manifest.json"))
names, numbers = manifest["parameters"], manifest["observations"]
points = theta[:, :700][..., [i, j]]
low, high = np.nanmin(points, (0, 1)), np.nanmax(points, (0, 1))
size, gap = 170, 14
svg = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{len(points) * (size + gap) + gap}" height="{size + 52}" font-family="sans-serif" font-size="12">',
       f"<title>Posterior draws of {names[i]} and {names[j]}, one panel an observation</title>", '<rect width="100%" height="100%" fill="white"/>']
for k, draws in enumerate(points):
    at = (draws[~np.isnan(draws).any(1)] - low) / (high - low) * (size - 8) + 4
    x0 = gap + k * (size + gap)
    dots = "".join(f"M{x0 + x:.1f} {size + 24 - y:.1f}h0" for x, y in at)
    svg.append(f'<rect x="{x0}" y="24" width="{size}" height="{size}" fill="#f6f6f4"/><path d="{dots}" stroke="#2b5c8a" stroke-opacity=".35" stroke-width="1.6" stroke-linecap="round"/>')
    svg.append(f'<text x="{x0}" y="17">observation {numbers[k]}</text>')
svg.append(f'<text x="{gap}" y="{size + 42}">{names[i]} across ({low[0]:.2g} to {high[0]:.2g}), {names[j]} up ({low[1]:.2g} to {high[1]:.2g})</text></svg>')
open(out, "w").write("\n".join(svg) + "\n")
