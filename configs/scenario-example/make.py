#!/usr/bin/env python3
"""Makes the data of the scenario example from the breast cancer data set.

    python3 make.py breast_cancer_wisconsin.csv

The input is UCI Breast Cancer Wisconsin (Diagnostic) (CC BY 4.0) with a header and the label named
`benign`. The output is the same on every machine.
"""
import csv
import hashlib
import pathlib
import random
import sys

INPUT_SHA256 = "841ebc1d5d5822e02a772a093458239ec3704685cdb3dc7f9f74c537ce0c6a33"
HERE = pathlib.Path(__file__).parent
# The clinic measured size, shape and outline, the laboratory texture and surface.
CLINIC = ["mean_radius", "mean_perimeter", "mean_area", "mean_symmetry", "radius_error"]
LABORATORY = ["mean_texture", "mean_smoothness", "mean_compactness", "mean_concavity",
              "mean_concave_points", "mean_fractal_dimension", "texture_error", "smoothness_error",
              "worst_texture", "worst_smoothness", "worst_concavity", "worst_concave_points"]


def write(file, header, rows):
    with open(HERE / file, "w", encoding="utf-8", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows([header] + rows)


def main():
    raw = pathlib.Path(sys.argv[1]).read_bytes()
    if hashlib.sha256(raw).hexdigest() != INPUT_SHA256:
        sys.exit("this is not the file that the example was made from")
    records = list(csv.DictReader(raw.decode("utf-8").splitlines()))
    rng = random.Random("espalier scenario 1")
    ids = [f"C{n:06d}" for n in rng.sample(range(1_000_000), len(records))]
    people = list(zip(ids, records))
    clinic = rng.sample(people, 500)
    laboratory = rng.sample(people, 520)
    write("clinic.csv", ["case_id"] + CLINIC + ["benign"],
          [[i] + [r[c] for c in CLINIC] + [r["benign"]] for i, r in clinic])
    write("laboratory.csv", ["case_id"] + LABORATORY,
          [[i.lower()] + [r[c] for c in LABORATORY] for i, r in laboratory])


if __name__ == "__main__":
    main()
