"""Makes softmax.json: outcomes of three and four classes over the data of families.csv, and their softmax regressions.

    pip install scikit-learn==1.5.2
    python softmax.py

Objective: mean of weight * -ln p(true class) + l2 / 2 * squared norm of all classes' weights, the weights of mean 1, the
intercepts unpenalised: LogisticRegression (lbfgs) with C = 1 / (n * l2). Weights are feature by feature, classes in order.
"""
import csv
import json

import numpy as np
from sklearn.linear_model import LogisticRegression

L2 = 0.01
with open("families.csv") as file:
    rows = list(csv.reader(file))
table = np.array(rows[1:], float)
column = {name: table[:, j] for j, name in enumerate(rows[0])}
x, n = table[:, :9], len(table)
random = np.random.default_rng(17)


def outcome(intercepts):
    z = x @ random.normal(0, 0.5, (9, len(intercepts))) + intercepts
    return np.argmax(z + random.gumbel(size=z.shape), axis=1)


def fit(name, weighted, classes):
    y = outcomes[name]
    weight = column["weight"] if weighted else np.ones(n)
    if classes == "balanced":
        weight = weight / np.bincount(y)[y]
    elif classes:
        weight = weight * np.array([float(w) for w in classes.split(":")])[y]
    weight = weight / weight.mean()
    model = LogisticRegression(C=1 / (n * L2), tol=1e-12, max_iter=100000).fit(x, y, weight)
    intercepts = model.intercept_ - model.intercept_.mean()
    return {"outcome": name, "weighted": weighted, "classes": classes,
            "weights": model.coef_.T.ravel().tolist(), "intercepts": intercepts.tolist()}


outcomes = {"three": outcome([0, -0.5, -1.5]), "four": outcome([0, 0.5, -0.5, -1])}
fits = [fit("three", False, ""), fit("three", True, ""), fit("three", False, "1:2.5:4"), fit("four", False, ""),
        fit("four", True, ""), fit("four", True, "balanced")]
with open("softmax.json", "w") as out:
    json.dump({"outcomes": {name: y.tolist() for name, y in outcomes.items()}, "fits": fits}, out)
    out.write("\n")
