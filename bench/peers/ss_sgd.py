"""One party of SecretFlow's SS-SGD (vertical logistic regression on secret shares), in production mode:
one process a party, real connections. Started twice by `bench/run peers-lr`, with a configuration file.

Speaks to the benchmark in lines: prints "BENCH ready", "BENCH epoch {...}" after each epoch and
"BENCH done {...}"; reads "go" before each epoch, or "stop". The clock runs during epochs only.
"""

import json
import os
import resource
import sys
import time

import numpy as np
import secretflow as sf
from secretflow.data import FedNdarray, PartitionWay
from secretflow.ml.linear.ss_sgd import SSRegression

MILLISECONDS = 3_600_000  # patience of all connections


class Enough(Exception):
    """The benchmark wants no further epoch."""


def say(what, **figures):
    print("BENCH", what, json.dumps(figures) if figures else "", flush=True)


def proceed():
    if sys.stdin.readline().strip() != "go":
        raise Enough


def read(config, what, columns):
    """Rows of one training file; single precision is more than the shares keep."""
    path = os.path.join(config["data"], f"train-{what}.f64")
    return np.fromfile(path, dtype="<f8").astype(np.float32).reshape(config["rows"], columns)


def connect(config):
    """Starts SecretFlow: ports 0 and 1 are the parties' coordination, 2 and 3 the secure computation."""
    address = [f"127.0.0.1:{port}" for port in config["reach"]]
    listen = [f"127.0.0.1:{port}" for port in config["listen"]]
    names = ("feature", "label")
    sf.init(
        ray_mode=False,
        logging_level="error",
        cross_silo_comm_options={"timeout_in_ms": MILLISECONDS},
        cluster_config={
            "parties": {p: {"address": address[i], "listen_addr": listen[i]} for i, p in enumerate(names)},
            "self_party": config["party"],
        },
    )
    nodes = [
        {"party": p, "address": address[2 + i], "listen_address": listen[2 + i]} for i, p in enumerate(names)
    ]
    runtime = {"protocol": config["protocol"], "field": "FM64", "fxp_fraction_bits": 18}
    patience = {"recv_timeout_ms": MILLISECONDS, "http_timeout_ms": MILLISECONDS}
    return [sf.PYU(p) for p in names], sf.SPU({"nodes": nodes, "runtime_config": runtime}, link_desc=patience)


def vertical(parts):
    return FedNdarray({party: party(load)() for party, load in parts.items()}, PartitionWay.VERTICAL)


class Clock:
    """Wall time and processor time while it runs."""

    def __init__(self):
        self.cpu = 0.0

    def start(self):
        self.wall, self.used = time.monotonic(), time.process_time()

    def stop(self):
        self.cpu += time.process_time() - self.used
        return time.monotonic() - self.wall


def main():
    with open(sys.argv[1]) as file:
        config = json.load(file)
    (feature, label), device = connect(config)
    x = vertical(
        {
            feature: lambda: read(config, "feature", config["feature_columns"]),
            label: lambda: read(config, "label", config["label_columns"]),
        }
    )
    y = vertical({label: lambda: read(config, "y", 1)})
    sf.wait([*x.partitions.values(), *y.partitions.values()])
    model, clock = SSRegression(device), Clock()

    def after_epoch(number, checkpoint):
        seconds = clock.stop()
        weights = np.asarray(sf.reveal(checkpoint[1][0]), dtype=float).ravel().tolist()
        say("epoch", epoch=number + 1, seconds=seconds, weights=weights)
        proceed()
        clock.start()

    say("ready")
    try:
        proceed()
        clock.start()
        model.fit(
            x,
            y,
            epochs=config["epochs"] + 1,  # the benchmark says when to stop
            learning_rate=config["rate"],
            batch_size=config["batch"],
            sig_type=config["sigmoid"],
            strategy=config["strategy"],
            # As its documentation says of policy_sgd; version 1.13 forgets to preset it.
            decay_epoch=5 if config["strategy"] == "policy_sgd" else None,
            decay_rate=0.5 if config["strategy"] == "policy_sgd" else None,
            eps=0,
            epoch_callback=after_epoch,
        )
    except Enough:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    say("done", cpu_seconds=clock.cpu, peak_bytes=peak)
    sf.shutdown()
    os._exit(0)  # SecretFlow leaves threads behind


main()
