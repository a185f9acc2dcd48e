"""Makes families.csv and families.json: outcomes of every family, and what scikit-learn fits to them.

    pip install scikit-learn==1.5.2
    python families.py

Objective everywhere: mean of weight * loss + l2 / 2 * squared norm of the weights, the weights of mean 1, the
intercept unpenalised. A model with exposures is scikit-learn's of the rates, each weighted by its exposure.
"""
import csv
import json

import numpy as np
from sklearn.linear_model import GammaRegressor, LogisticRegression, PoissonRegressor, Ridge
from sklearn.utils.class_weight import compute_sample_weight

ROWS, L2 = 600, 0.01
rng = np.random.default_rng(20)
common = rng.normal(size=(ROWS, 3))
x = common @ rng.normal(size=(3, 9)) * 0.5 + rng.normal(size=(ROWS, 9))
x[:, 3] = x[:, 3] > 0.8
x[:, 7] = x[:, 7] > 0.2
x = ((x - x.mean(0)) / x.std(0)).round(4)
weight = rng.choice([0.5, 1.0, 2.5], ROWS)
exposure = rng.uniform(0.1, 2.0, ROWS).round(3)
z = x @ np.array([0.3, -0.2, 0.1, 0.25, -0.15, 0.2, 0, 0.1, -0.3])
outcome = {
    "logistic": (rng.uniform(size=ROWS) < 1 / (1 + np.exp(0.4 - 1.5 * z))).astype(float),
    "linear": (30000 + 12000 * z + 9000 * rng.normal(size=ROWS)).round(1),
    "poisson": rng.poisson(exposure * np.exp(0.5 + z)).astype(float),
    "gamma": (rng.gamma(2.0, 700 * np.exp(z)) + 1).round(2),
}


def model(family, total):
    if family == "logistic":
        return LogisticRegression(C=1 / (L2 * ROWS), tol=1e-12, max_iter=10000, solver="newton-cholesky")
    if family == "linear":
        return Ridge(alpha=L2 * ROWS, solver="cholesky")
    kind = PoissonRegressor if family == "poisson" else GammaRegressor
    return kind(alpha=L2 * ROWS / total, tol=1e-12, max_iter=10000, solver="newton-cholesky")


def fitted(family, weights, exposures):
    w = weights / weights.mean()
    y = outcome[family]
    if exposures is not None:
        # Poisson: exposure * exp(z) - y * z; gamma: y / (exposure * exp(z)) + z.
        y = y / exposures
        w = w * exposures if family == "poisson" else w
    fit = model(family, w.sum()).fit(x, y, sample_weight=w)
    return {
        "family": family,
        "weighted": bool((weights != 1).any()),
        "exposed": exposures is not None,
        "weights": np.ravel(fit.coef_).tolist(),
        "intercept": float(np.ravel(fit.intercept_)[0]),
    }


with open("families.csv", "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow([f"x{j}" for j in range(9)] + ["weight", "exposure", *outcome])
    out.writerows(np.column_stack([x, weight, exposure, *outcome.values()]).tolist())
ones = np.ones(ROWS)
fits = [fitted(family, w, None) for family in outcome for w in (ones, weight)]
balanced = compute_sample_weight("balanced", outcome["logistic"])
fits += [fitted("logistic", w, None) | {"classes": name} for name, w in (
    ("balanced", weight * balanced), ("1:2.5", np.where(outcome["logistic"] > 0, 2.5, 1.0)))]
fits += [fitted(family, w, exposure) for family in ("poisson", "gamma") for w in (ones, weight)]
with open("families.json", "w") as file:
    json.dump({"l2": L2, "fits": fits}, file, indent=1)
    file.write("\n")
