# SPDX-License-Identifier: MIT
"""One peer, as its documentation says, with a network of 5 x 256 where it can be chosen. Prints lines "key value". Times are of second calls: what is
compiled at the first is not counted.

usage: peers_each.py torch BATCH | bayesflow THETA X OBSERVED DRAWS EPOCHS BATCH | npse THETA X OBSERVED DRAWS | fmpe ... | sklearn DRAWS REFERENCE"""
import logging
import os
import sys
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
COUNT, WIDTH, BLOCKS, FREQUENCIES = 10000, 256, 5, 16


def torch_loop(batch, d=2, q=2, steps=50):
    """The same network and step in plain PyTorch: noise, loss, gradient, clipping, fused Adam, average of the weights."""
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.theta, self.data, self.join = nn.Linear(d, WIDTH), nn.Linear(q, WIDTH), nn.Linear(2 * WIDTH, WIDTH)
            self.dense = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(BLOCKS))
            self.time = nn.ModuleList(nn.Linear(2 * FREQUENCIES + 1, WIDTH) for _ in range(BLOCKS))
            self.norm = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(BLOCKS))
            self.head, self.frequency = nn.Linear(WIDTH, d), nn.Parameter(torch.randn(FREQUENCIES))

        def forward(self, z, t, x):
            act, angle = nn.functional.silu, t * self.frequency
            level = torch.cat([t, angle.sin(), angle.cos()], 1)
            h = act(self.join(torch.cat([act(self.theta(z)), act(self.data(x))], 1)))
            for dense, time_, norm in zip(self.dense, self.time, self.norm):
                h = norm(h + act(dense(h)) + time_(level))
            return self.head(h)

    net = Net()
    weights = list(net.parameters())
    average = [w.detach().clone() for w in weights]
    adam = torch.optim.AdamW(weights, lr=5e-4, fused=True)
    theta, x = torch.randn(COUNT, d), torch.randn(COUNT, q)

    def step():
        i, t, noise = torch.randint(0, COUNT, (batch,)), torch.rand(batch, 1), torch.randn(batch, d)
        alpha, sigma = torch.cos(t * torch.pi / 2), torch.sin(t * torch.pi / 2)
        answer = net(alpha * theta[i] + sigma * noise, t, x[i])
        adam.zero_grad(set_to_none=True)
        (answer - (sigma * theta[i] - alpha * noise)).square().mean().backward()
        nn.utils.clip_grad_norm_(weights, 1.5)
        adam.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, weights, 0.001)

    for _ in range(20):
        step()
    best, end = np.inf, time.time() + 8
    while time.time() < end:
        start = time.time()
        for _ in range(steps):
            step()
        best = min(best, time.time() - start)
    print("version", torch.__version__)
    print("rows", batch * steps / best)


def bayesflow(theta, x, observed, out, epochs, batch):
    os.environ["KERAS_BACKEND"] = "jax"
    import bayesflow as bf
    import keras

    class Clock(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.at = []

        def on_epoch_end(self, epoch, logs=None):
            self.at.append(time.time())

    bound = 1.0  # the prior's; the network sees the logit
    data = {"theta": np.log((bound + theta) / (bound - theta)).astype("float32"), "x": x}
    net = bf.networks.DiffusionModel(subnet_kwargs={"widths": (WIDTH,) * BLOCKS})
    flow = bf.BasicWorkflow(inference_network=net, inference_variables=["theta"], inference_conditions=["x"], standardize="all")
    clock = Clock()
    flow.fit_offline(data, epochs=epochs, batch_size=batch, verbose=0, callbacks=[clock])
    print("version", bf.__version__)
    print("rows", len(theta) // batch * batch / np.min(np.diff(clock.at)))
    for _ in range(2):
        start = time.time()
        draws = flow.sample(num_samples=COUNT, conditions={"x": observed})["theta"]
        took = time.time() - start
    print("draws", took)
    np.save(out, (bound * np.tanh(np.asarray(draws).reshape(COUNT, -1) / 2)).astype("float32"))


def sbi_method(name, theta, x, observed, out):
    import sbi
    import torch
    from sbi.inference import FMPE, NPSE
    from sbi.utils import BoxUniform

    torch.manual_seed(1)
    prior = BoxUniform(-torch.ones(theta.shape[1]), torch.ones(theta.shape[1]))
    trainer = {"npse": NPSE, "fmpe": FMPE}[name](prior)
    start = time.time()
    trainer.append_simulations(torch.tensor(theta), torch.tensor(x)).train()
    print("\ntraining", time.time() - start)
    posterior = trainer.build_posterior()
    for _ in range(2):
        start = time.time()
        draws = posterior.sample((COUNT,), x=torch.tensor(observed[0]), show_progress_bars=False)
        took = time.time() - start
    print("version", sbi.__version__)
    print("draws", took)
    np.save(out, draws.numpy().astype("float32"))


def sklearn_c2st(draws, reference, protocol):
    """sbibm's protocol, mlp, or sbi's, rf; the forest's trees on all cores."""
    import sklearn
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.neural_network import MLPClassifier

    d = reference.shape[1]
    scaled = (np.r_[reference, draws] - reference.mean(0)) / reference.std(0)
    label = np.r_[np.zeros(len(reference)), np.ones(len(draws))]
    start = time.time()
    mlp = MLPClassifier((10 * d, 10 * d), max_iter=10000, random_state=1)
    classifier = mlp if protocol == "mlp" else RandomForestClassifier(random_state=1, n_jobs=len(os.sched_getaffinity(0)))
    score = cross_val_score(classifier, scaled, label, cv=KFold(5, shuffle=True, random_state=1)).mean()
    print("seconds", time.time() - start)
    print("c2st", score)
    print("version", sklearn.__version__)


name, rest = sys.argv[1], sys.argv[2:]
if name == "torch":
    torch_loop(int(rest[0]))
elif name == "sklearn":
    sklearn_c2st(np.load(rest[0]), np.load(rest[1]), rest[2])
else:
    arrays = [np.load(path).astype("float32") for path in rest[:3]]
    if name == "bayesflow":
        bayesflow(*arrays, rest[3], int(rest[4]), int(rest[5]))
    else:
        sbi_method(name, *arrays, rest[3])
