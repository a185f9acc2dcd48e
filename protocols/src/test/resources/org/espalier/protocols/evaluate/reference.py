"""Reference values of EvaluationReferenceTest, by scikit-learn and numpy.

pip install scikit-learn==1.5.2 && python3 reference.py > reference.json

Probabilities are rounded so that many are equal. Everything that is summed over is written beside the result.
"""

import json

import numpy as np
import sklearn
from sklearn import metrics

rng = np.random.default_rng(20)
n = 400
y = (rng.random(n) < 0.3).astype(int)
p = np.round(1 / (1 + np.exp(-(rng.normal(size=n) * 1.1 + 1.4 * y - 1.2))), 2)

fpr, tpr, cuts = metrics.roc_curve(y, p, drop_intermediate=False)
precision, recall, pr_cuts = metrics.precision_recall_curve(y, p)
farthest = int(np.argmax(tpr - fpr))


def confusion(threshold):
    flagged = (p >= threshold).astype(int)
    tn, fp, fn, tp = metrics.confusion_matrix(y, flagged).ravel()
    return {
        "threshold": threshold,
        "true_positives": int(tp),
        "false_positives": int(fp),
        "false_negatives": int(fn),
        "true_negatives": int(tn),
        "precision": metrics.precision_score(y, flagged),
        "recall": metrics.recall_score(y, flagged),
        "f1": metrics.f1_score(y, flagged),
        "accuracy": metrics.accuracy_score(y, flagged),
    }


# The population stability index, written out: scikit-learn has none.
before = np.round(rng.normal(size=1000), 6)
after = np.round(rng.normal(size=300) * 1.1 + 0.2, 6)
edges = np.sort(before)[100::100]
e = np.bincount(np.searchsorted(edges, before, side="right"), minlength=10) / len(before)
a = np.bincount(np.searchsorted(edges, after, side="right"), minlength=10) / len(after)

outcome = np.round(rng.gamma(2.0, 50.0, size=250), 3)
predicted = np.round(outcome * 0.8 + rng.normal(size=250) * 20 + 15, 3)
order = np.argsort(predicted)

print(
    json.dumps(
        {
            "by": "scikit-learn " + sklearn.__version__ + ", numpy " + np.__version__,
            "classification": {
                "probabilities": p.tolist(),
                "labels": y.tolist(),
                "auc": metrics.roc_auc_score(y, p),
                "average_precision": metrics.average_precision_score(y, p),
                "log_loss": metrics.log_loss(y, p),
                "brier": metrics.brier_score_loss(y, p),
                "ks": float(tpr[farthest] - fpr[farthest]),
                "ks_threshold": float(cuts[farthest]),
                # From the highest threshold to the lowest; the first point flags nobody.
                "thresholds": cuts[1:].tolist(),
                "recall": tpr[1:].tolist(),
                "false_positive_rate": fpr[1:].tolist(),
                "precision": precision[:-1][::-1].tolist(),
                "confusion": [confusion(t) for t in (0.1, 0.25, 0.5)],
            },
            "stability": {
                "training": before.tolist(),
                "holdout": after.tolist(),
                "psi": float(np.sum((a - e) * np.log(a / e))),
                "holdout_shares": a.tolist(),
            },
            "regression": {
                "predictions": predicted.tolist(),
                "outcomes": outcome.tolist(),
                "r2": metrics.r2_score(outcome, predicted),
                "mae": metrics.mean_absolute_error(outcome, predicted),
                "rmse": float(np.sqrt(metrics.mean_squared_error(outcome, predicted))),
                "residuals": np.quantile(outcome - predicted, [0.05, 0.25, 0.5, 0.75, 0.95]).tolist(),
                "bin_predicted": predicted[order].reshape(10, 25).mean(axis=1).tolist(),
                "bin_observed": outcome[order].reshape(10, 25).mean(axis=1).tolist(),
            },
        }
    )
)
