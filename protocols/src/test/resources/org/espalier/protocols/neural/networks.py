"""Makes networks.csv and networks.json: outcomes of every task, and what scikit-learn's networks fit to them.

    pip install scikit-learn==1.5.2
    python networks.py

Batches are taken in the order of the rows, and every fit begins with weights that are written down, so that another
implementation of the same steps ends with the same weights but for rounding. scikit-learn's alpha is l2 times the
rows of a batch.
"""
import csv
import json
import warnings

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

ROWS, COLUMNS, BATCH, EPOCHS, L2 = 240, 6, 40, 15, 0.01
rng = np.random.default_rng(31)
x = rng.normal(size=(ROWS, COLUMNS))
x[:, 4] = x[:, 4] > 0.4
x = ((x - x.mean(0)) / x.std(0)).round(4)
z = np.tanh(x @ rng.normal(size=(COLUMNS, 4))) @ np.array([1.2, -1.0, 0.8, 0.6])
outcome = {
    "binary": (rng.uniform(size=ROWS) < 1 / (1 + np.exp(-2 * z))).astype(float),
    "multiclass": np.digitize(z + 0.4 * rng.normal(size=ROWS), [-1.0, 0.3]) * 2.0 + 1,
    "regression": (20000 + 9000 * z + 3000 * rng.normal(size=ROWS)).round(1),
}
NETWORKS = [
    ("binary", "relu", [8, 5], "adam", 0.01, 0.0),
    ("binary", "tanh", [6], "sgd", 0.1, 0.9),
    ("multiclass", "tanh", [7, 4], "adam", 0.01, 0.0),
    ("multiclass", "relu", [6, 4, 3], "sgd", 0.05, 0.0),
    ("regression", "relu", [8], "adam", 0.02, 0.0),
    ("regression", "tanh", [5, 5], "sgd", 0.05, 0.5),
]


def fitted(task, activation, hidden, optimiser, rate, momentum):
    kind = MLPRegressor if task == "regression" else MLPClassifier
    model = kind(hidden, activation=activation, solver=optimiser, learning_rate_init=rate, momentum=momentum,
                 nesterovs_momentum=False, alpha=L2 * BATCH, batch_size=BATCH, shuffle=False, max_iter=1,
                 warm_start=True, tol=0, n_iter_no_change=10**9, random_state=1)
    y = outcome[task]
    if task == "regression":
        y = (y - y.mean()) / y.std()
    model.fit(x, y)
    first = [w.round(4) for w in model.coefs_]
    model.coefs_ = [w.copy() for w in first]
    model.intercepts_ = [np.zeros_like(b) for b in model.intercepts_]
    # A warm start takes the weights as they are and begins with a new optimiser.
    model.max_iter = EPOCHS
    model.fit(x, y)
    if task == "regression":
        predicted = outcome[task].mean() + outcome[task].std() * model.predict(x)
    else:
        predicted = model.predict_proba(x)[:, 1 if task == "binary" else slice(None)]
    return {
        "task": task, "activation": activation, "hidden": hidden, "optimiser": optimiser, "rate": rate,
        "momentum": momentum, "first": [w.tolist() for w in first], "weights": [w.tolist() for w in model.coefs_],
        "biases": [b.tolist() for b in model.intercepts_], "predicted": np.ravel(predicted)[:30].tolist(),
    }


warnings.simplefilter("ignore")
with open("networks.csv", "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow([f"x{j}" for j in range(COLUMNS)] + list(outcome))
    out.writerows(np.column_stack([x, *outcome.values()]).tolist())
with open("networks.json", "w") as file:
    json.dump({"batch": BATCH, "epochs": EPOCHS, "l2": L2, "fits": [fitted(*n) for n in NETWORKS]}, file)
    file.write("\n")
