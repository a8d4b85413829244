# SPDX-License-Identifier: MIT
"""A trained model (network time_mlp) in NumPy, from the file alone: the expected clean parameters, in the chain's coordinates, given their noisy value.

    model = Model("runs/two_moons/model.safetensors")
    x = model.xhat(z, alpha, sigma, data)      # z = alpha x + sigma noise (rows, parameters), data (rows, numbers); sampling: see samplers/ddim.c
    theta = model.theta(x)                     # in the user's coordinates
needs: numpy, safetensors
"""
import json
import re

import numpy as np
from safetensors import safe_open

ACTIVATION = {"relu": lambda h: np.maximum(h, 0), "silu": lambda h: h / (1 + np.exp(-h)), "mish": lambda h: h * np.tanh(np.logaddexp(0, h)),
              "tanh": np.tanh, "gelu": lambda h: h / (1 + np.exp(-np.sqrt(8 / np.pi) * (h + 0.044715 * h**3)))}


class Model:
    def __init__(self, path):
        with safe_open(path, "np") as file:  # the averaged weights are those that sample
            self.weight = {name[4:]: file.get_tensor(name).astype(float) for name in file.keys() if name.startswith("ema.")}
            self.meta = file.metadata()
            base = {name[5:]: file.get_tensor(name) for name in file.keys() if name.startswith("base.")}
        self.base = base or {"from": np.eye(1), "weight": np.zeros((1, 1)), "variance": np.ones(1)}  # model.base marginal
        network = self.meta["spec"].split("  network:\n")[1]
        self.act = ACTIVATION[re.search(r"activation: (\w+)", network)[1]]
        self.scale = float(re.search(r"frequency_scale: (\S+)", network)[1])
        self.parameters, self.columns, self.products = (json.loads(self.meta[key]) for key in ("parameters", "columns", "products"))

    def dense(self, name, h):
        return h @ self.weight[f"{name}.weight"].T + self.weight[f"{name}.bias"]

    def standardise(self, data):
        low, high, centre, scale, clip = (np.array([c[key] for c in self.columns]) for key in ("low", "high", "centre", "scale", "clip"))
        constant = np.array([c["rule"] == "constant" for c in self.columns]) & (data >= low) & (data <= high)
        limit = np.where(clip > 0, clip, np.inf)
        value = np.where(constant, 0, np.clip((data - centre) / scale, -limit, limit))
        product = [np.clip((value[:, p["first"]] * value[:, p["second"]] - p["centre"]) / p["scale"], -10, 10) for p in self.products]
        return np.column_stack([value] + product)  # model.inputs quadratic: the products of pairs beside the columns

    def network(self, z, tau, value):
        angle = 2 * np.pi * self.scale * self.weight["time.frequency"] * tau[:, None]
        time = np.hstack([tau[:, None], np.sin(angle), np.cos(angle)])
        h = self.act(self.dense("join", self.act(np.hstack([self.dense("theta", z), self.dense("data", value)]))))
        for k in range(1, sum(name.endswith("norm.gain") for name in self.weight) + 1):
            h = h + self.act(self.dense(f"block{k}.dense", h)) + self.dense(f"block{k}.time", time)
            h = (h - h.mean(1, keepdims=True)) / np.sqrt(h.var(1, keepdims=True) + 1e-5)
            h = h * self.weight[f"block{k}.norm.gain"] + self.weight[f"block{k}.norm.shift"]
        return self.dense("head", h)

    def xhat(self, z, alpha, sigma, data):
        a, s = (np.broadcast_to(np.asarray(level, float), len(z))[:, None] for level in (alpha, sigma))
        low, high = float(self.meta["lambda_min"]), float(self.meta["lambda_max"])
        tau = 2 * (2 * np.log(a / s) - low) / (high - low) - 1
        value, weight, sd = self.standardise(data), self.base["weight"], np.sqrt(self.base["variance"].ravel())
        mean = weight[0] + value @ weight[1:] if len(weight) > 1 else 0  # what a linear model of the data expects; the network corrects it
        z, a = z - a * mean, a * sd
        d = a**2 + s**2
        out = self.network(z / np.sqrt(d), tau[:, 0], value)
        return mean + sd * {"x": lambda: out, "noise": lambda: (z - s * out) / a, "v": lambda: (a * z - s * out) / d, "score": lambda: (z + s**2 * out) / a,
                            "F": lambda: a / d * z + s / np.sqrt(d) * out}[self.meta["prediction"]]()

    def theta(self, x):
        x = x @ self.base["from"].T if len(self.base["from"]) > 1 else x
        back = {"none": lambda q, p: q, "lower": lambda q, p: p["lower"] + np.exp(q), "upper": lambda q, p: p["upper"] - np.exp(-q),
                "interval": lambda q, p: p["lower"] + (p["upper"] - p["lower"]) / (1 + np.exp(-q))}
        return np.stack([back[p["bijection"]](p["centre"] + p["scale"] * x[:, j], p) for j, p in enumerate(self.parameters)], 1)
