# SPDX-License-Identifier: MIT
"""Compares configs/read_model.py with what field_of_model wrote. usage: check_read_model.py CONFIGS MODEL DATA.npy PREFIX"""
import sys

import numpy as np

configs, path, data, prefix = sys.argv[1:]
sys.path.insert(0, configs)
sys.dont_write_bytecode = True
from read_model import Model  # noqa: E402

z, level, chosen, xhat, theta = (np.load(f"{prefix}{name}.npy") for name in ("z", "level", "set", "xhat", "theta"))
model = Model(path)
found = model.xhat(z, level[:, 0], level[:, 1], np.load(data)[chosen.astype(int)])
# float32 inside Ebb: an error of the network's answer is scaled by up to sigma/alpha where noise, score and v are predicted
unit = 1 + (np.abs(z) + level[:, 1:]) / level[:, :1] * (model.meta["prediction"] in ("noise", "score")) + np.abs(xhat)
error = np.max(np.abs(found - xhat) / unit)
print(f"{len(z)} answers, largest difference {error:.2g}")
assert np.isfinite(found).all() and error < 3e-6, error
assert np.std(xhat[:50]) > 1e-3, "the answers hardly differ: nothing is tested"
# in float32, relative to the width of each parameter
width = np.ptp(theta, 0) + 1e-6
assert np.max(np.abs(model.theta(xhat) - theta) / width) < 1e-4
