"""Makes gaussian.csv: what Google's differential privacy accounting library says of Gaussian mechanisms.

    pip install dp-accounting==0.6.0
    python gaussian.py

epsilon_pld: its privacy loss distribution (exact to the discretisation of 1e-5), epsilon_rdp: its Renyi accountant, an
upper bound; sigma: its smallest noise for an (epsilon, delta).
"""
import csv

import numpy as np
from dp_accounting import dp_event, gaussian_mechanism, rdp
from dp_accounting.pld import privacy_loss_distribution as pld

with open("gaussian.csv", "w", newline="") as out:
    rows = csv.writer(out)
    rows.writerow(["kind", "sigma", "count", "epsilon_pld", "epsilon_rdp", "delta"])
    for sigma, count, delta in [
        (4.0, 1, 1e-6), (1.0, 1, 1e-5), (10.0, 8, 1e-6), (2.0, 16, 1e-9), (0.5, 1, 1e-5), (50.0, 3, 1e-8),
    ]:
        exact = pld.from_gaussian_mechanism(sigma / np.sqrt(count), value_discretization_interval=1e-5)
        bound = rdp.RdpAccountant().compose(dp_event.GaussianDpEvent(sigma), count)
        rows.writerow(["composed", sigma, count, exact.get_epsilon_for_delta(delta), bound.get_epsilon(delta), delta])
    for epsilon, delta in [(1.0, 1e-6), (0.1, 1e-5), (3.0, 1e-8), (10.0, 1e-6), (20.0, 1e-12), (0.01, 1e-3)]:
        sigma = gaussian_mechanism.get_sigma_gaussian(epsilon, delta)
        rows.writerow(["smallest", sigma, 1, epsilon, epsilon, delta])
