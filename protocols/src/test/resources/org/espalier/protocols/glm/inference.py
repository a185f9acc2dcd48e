"""Makes inference.json: standard errors, p-values and variance inflation factors of models of families.csv.

    pip install statsmodels==0.15.0
    python inference.py

Without a penalty they are statsmodels' (GLM, expected information, Pearson's dispersion, normal distribution);
weights are var_weights of mean 1, exposures offsets. With l2 the estimate is the minimum of mean loss
+ l2 / 2 * squared norm without the intercept, and its covariance phi * inv(F + n * l2). Variance inflation factors are
diag(V) * diag(inv(V)) of the covariance V without the intercept's row; of a linear model they are statsmodels' own.
"""
import csv
import json

import numpy as np
import statsmodels.api as sm
from statsmodels.stats.outliers_influence import variance_inflation_factor

with open("families.csv") as file:
    rows = list(csv.DictReader(file))
column = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
n, d = len(rows), 9
x = np.column_stack([column[f"x{j}"] for j in range(d)] + [np.ones(n)])
log = sm.families.links.Log()
family = {
    "logistic": sm.families.Binomial(),
    "linear": sm.families.Gaussian(),
    "poisson": sm.families.Poisson(),
    "gamma": sm.families.Gamma(link=log),
}


def inflation(covariance):
    v = np.asarray(covariance)[:d, :d]
    return (np.diag(v) * np.diag(np.linalg.inv(v))).tolist()


def fitted(name, weighted=False, exposed=False):
    model = sm.GLM(
        column[name], x, family=family[name],
        var_weights=column["weight"] / column["weight"].mean() if weighted else np.ones(n),
        offset=np.log(column["exposure"]) if exposed else None)
    fit = model.fit(tol=1e-12, maxiter=200)
    if name == "linear":
        assert np.allclose(inflation(fit.cov_params()), [variance_inflation_factor(x, j) for j in range(d)], rtol=1e-9)
    return dict(family=name, l2=1e-7, weighted=weighted, exposed=exposed, weights=fit.params.tolist(),
                standard_errors=fit.bse.tolist(), p_values=fit.pvalues.tolist(),
                intervals=fit.conf_int().tolist(), dispersion=float(fit.scale), vif=inflation(fit.cov_params()))


def penalised(name, l2):
    y, beta = column[name], np.zeros(d + 1)
    beta[d] = 0 if name == "logistic" else np.log(y.mean())
    penalty = n * l2 * np.diag([1.0] * d + [0])
    for _ in range(100):
        mean = family[name].fitted(x @ beta)
        information = {"logistic": mean * (1 - mean), "gamma": np.ones(n)}[name]
        slope = {"logistic": mean - y, "gamma": 1 - y / mean}[name]
        f = x.T @ (x * information[:, None])
        beta -= np.linalg.solve(f + penalty, x.T @ slope + penalty @ beta)
    inverse = np.linalg.inv(f + penalty)
    phi = 1.0 if name == "logistic" else float((slope ** 2).sum() / (n - d - 1))
    errors = np.sqrt(phi * np.diag(inverse))
    return dict(family=name, l2=l2, weighted=False, exposed=False, weights=beta.tolist(),
                standard_errors=errors.tolist(), dispersion=phi, vif=inflation(inverse))


fits = [fitted("logistic"), fitted("linear"), fitted("poisson", exposed=True), fitted("gamma", weighted=True),
        penalised("logistic", 0.05), penalised("gamma", 0.1)]
with open("inference.json", "w") as file:
    json.dump({"fits": fits}, file, indent=1)
    file.write("\n")
