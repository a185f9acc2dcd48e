"""Epochs that SS-SGD needs in the clear, by batch, rate and sigmoid, so that the peers run with settings that
suit them:  python tune.py DATA-FOLDER OPTIMAL-LOG-LOSS [GAP]   (the folder is one of bench/target/data)."""

import json
import os
import sys

import numpy as np


def seventh(z):
    return np.polyval(
        [
            -4.74674505e-06,
            -9.74060972e-08,
            3.94330487e-04,
            4.04588962e-06,
            -1.23407424e-02,
            -3.97212202e-05,
            2.35176260e-01,
            5.00052959e-01,
        ],
        z,
    )


def root(z):
    return 0.5 + 0.5 * z / np.sqrt(1 + z * z)


# Sigmoids as SecretFlow approximates them.
SIGMOIDS = {
    "t1": lambda z: np.clip(0.5 + z / 4, 0, 1),
    "t3": lambda z: np.where(np.abs(z) > 2, z > 0, 0.5 + z / 4 - z**3 / 48),
    "df": lambda z: 0.5 + 0.5 * z / (1 + np.abs(z)),
    "sr": root,
    "mix": lambda z: np.where(np.abs(z) > 4, root(z), seventh(np.clip(z, -4, 4))),
}

BATCHES = (1024, 2048, 4096, 8192, 16384)
RATES = (0.1, 0.3, 1.0, 2.0, 4.0, 8.0)
MOST_EPOCHS = 40


def epochs(x, y, batch, rate, sigmoid, policy, goal):
    """Epochs to the goal, and the best log-loss seen."""
    weights, scale, best = np.zeros(x.shape[1], np.float32), {}, np.inf
    for epoch in range(MOST_EPOCHS):
        step = rate * 0.5 ** (epoch // 5) if policy else rate
        for at in range(0, len(y) - batch + 1, batch):
            part = x[at : at + batch]
            gradient = part.T @ (sigmoid(part @ weights) - y[at : at + batch]) / batch
            if policy and at not in scale:
                scale[at] = 1 / np.sqrt(gradient @ gradient + 1e-4)
            weights -= (step * scale.get(at, 1) * gradient).astype(np.float32)
        logits = x @ weights
        loss = float(np.mean(np.logaddexp(0, logits) - y * logits))
        if not loss < 5:  # diverges
            break
        best = min(best, loss)
        if loss <= goal:
            return epoch + 1, best
    return None, best


def main():
    folder, optimum = sys.argv[1], float(sys.argv[2])
    goal = optimum + (float(sys.argv[3]) if len(sys.argv) > 3 else 1e-2)
    with open(os.path.join(folder, "shape.json")) as file:
        shape = json.load(file)

    def read(what):
        values = np.fromfile(os.path.join(folder, f"train-{what}.f64"), "<f8").astype(np.float32)
        return values.reshape(shape["rows"], -1)

    x = np.hstack([read("feature"), read("label"), np.ones((shape["rows"], 1), np.float32)])
    y = read("y").ravel()
    for policy in (False, True):
        for name, sigmoid in SIGMOIDS.items():
            for batch in (size for size in BATCHES if size <= len(y)):
                for rate in RATES:
                    count, best = epochs(x, y, batch, rate, sigmoid, policy, goal)
                    rounds = count and count * (len(y) // batch)
                    strategy = "policy_sgd" if policy else "naive_sgd"
                    print(strategy, name, batch, rate, "epochs", count, "batches", rounds, "best", round(best, 5), flush=True)


main()
