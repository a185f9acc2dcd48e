"""Makes elastic.json: minima with a penalty on absolute weights, over the data of families.csv.

    pip install scikit-learn==1.5.2
    python elastic.py

Objective: mean of weight * loss + l1 * sum of |w| + l2 / 2 * squared norm of w, the weights of mean 1, the intercept
unpenalised. Newton steps on the loss with coordinate descent on the rest, until nothing moves; those of the
logistic and linear family are compared with scikit-learn's LogisticRegression (saga) and ElasticNet.
"""
import csv
import json

import numpy as np
from sklearn.linear_model import ElasticNet, LogisticRegression

L2 = 0.01
with open("families.csv") as file:
    rows = list(csv.reader(file))
table = np.array(rows[1:], float)
column = {name: table[:, j] for j, name in enumerate(rows[0])}
x, n = table[:, :9], len(table)
FAMILY = {  # loss, slope, curvature
    "logistic": (lambda z, y: np.logaddexp(0, z) - y * z, lambda z, y: 1 / (1 + np.exp(-z)) - y,
                 lambda z, y: 1 / (2 + 2 * np.cosh(z))),
    "linear": (lambda z, y: (z - y) ** 2 / 2, lambda z, y: z - y, lambda z, y: np.ones_like(z)),
    "poisson": (lambda z, y: np.exp(z) - y * z, lambda z, y: np.exp(z) - y, lambda z, y: np.exp(z)),
    "gamma": (lambda z, y: y * np.exp(-z) + z, lambda z, y: 1 - y * np.exp(-z), lambda z, y: y * np.exp(-z)),
}


def minimum(family, y, weight, l1):
    loss, slope, curvature = FAMILY[family]
    design = np.c_[x, np.ones(n)]
    d = x.shape[1]
    at = np.r_[np.zeros(d), {"logistic": 0, "linear": y.mean()}.get(family, np.log(y.mean()))]
    value = lambda w: (weight * loss(design @ w, y)).mean() + l1 * abs(w[:d]).sum() + L2 / 2 * w[:d] @ w[:d]
    for _ in range(100):
        z = design @ at
        h = (design.T * (weight * curvature(z, y))) @ design / n
        left = -design.T @ (weight * slope(z, y)) / n  # of -gradient, as the step goes
        to = at.copy()
        for _ in range(20000):
            moved = 0.0
            for j in range(d + 1):
                pull = left[j] + h[j, j] * to[j]
                new = pull / h[j, j] if j == d else np.sign(pull) * max(abs(pull) - l1, 0) / (h[j, j] + L2)
                left -= h[:, j] * (new - to[j])
                moved = max(moved, abs(new - to[j]) / (1 + abs(new)))
                to[j] = new
            if moved < 1e-14:
                break
        t = 1.0
        while value(at + t * (to - at)) > value(at) and t > 1e-9:
            t /= 2
        if abs(t * (to - at)).max() < 1e-12 * (1 + abs(at).max()) or t <= 1e-9:
            break
        at = at + t * (to - at)
    return at


def check(family, y, weight, l1, at):
    if family == "linear":
        alpha = l1 + L2
        fit = ElasticNet(alpha=alpha, l1_ratio=l1 / alpha, tol=1e-14, max_iter=10**6).fit(x, y, sample_weight=weight)
    else:
        total = l1 + L2
        fit = LogisticRegression(penalty="elasticnet", solver="saga", C=1 / (total * n), l1_ratio=l1 / total, tol=1e-10,
                                 max_iter=10**6).fit(x, y, sample_weight=weight)
    assert np.allclose(np.ravel(fit.coef_), at[:-1], rtol=1e-5, atol=1e-5 * abs(at[:-1]).max()), (family, l1)


fits = []
for family in FAMILY:
    y = column[family]
    scale = y.std() if family == "linear" else 1.0
    for weighted in (False, True):
        weight = column["weight"] / column["weight"].mean() if weighted else np.ones(n)
        for l1 in (0.02, 0.1):
            at = minimum(family, y, weight, l1 * scale)
            if family in ("logistic", "linear"):
                check(family, y, weight, l1 * scale, at)
            fits.append({"family": family, "weighted": weighted, "l1": l1 * scale, "weights": at[:-1].tolist(),
                         "intercept": float(at[-1])})
with open("elastic.json", "w") as file:
    json.dump({"l2": L2, "fits": fits}, file, indent=1)
    file.write("\n")
print([(f["family"], sum(w != 0 for w in f["weights"])) for f in fits])
