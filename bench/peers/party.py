"""What the parties of a SecretFlow run share: files, connection, clock."""

import os
import resource
import time

import lines
import numpy as np
import secretflow as sf
from secretflow.data import FedNdarray, PartitionWay

MILLISECONDS = 3_600_000  # patience of all connections


def read(config, what, columns):
    """The first rows of one training file; single precision is more than the shares keep."""
    path = os.path.join(config["data"], f"train-{what}.f64")
    values = np.fromfile(path, dtype="<f8", count=config["rows"] * columns)
    return values.astype(np.float32).reshape(config["rows"], columns)


def connect(config, runtime):
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
    patience = {"recv_timeout_ms": MILLISECONDS, "http_timeout_ms": MILLISECONDS}
    return [sf.PYU(p) for p in names], sf.SPU({"nodes": nodes, "runtime_config": runtime}, link_desc=patience)


def vertical(parts):
    return FedNdarray({party: party(load)() for party, load in parts.items()}, PartitionWay.VERTICAL)


def load(config, feature, label):
    """Both parties' columns and the outcomes, read where they belong."""
    x = vertical(
        {
            feature: lambda: read(config, "feature", config["feature_columns"]),
            label: lambda: read(config, "label", config["label_columns"]),
        }
    )
    y = vertical({label: lambda: read(config, "y", 1)})
    sf.wait([*x.partitions.values(), *y.partitions.values()])
    return x, y


def plain(weights):
    return np.asarray(sf.reveal(weights), dtype=float).ravel().tolist()


class Clock:
    """Wall time and processor time while it runs."""

    def __init__(self):
        self.cpu = 0.0

    def start(self):
        self.wall, self.used = time.monotonic(), time.process_time()

    def stop(self):
        self.cpu += time.process_time() - self.used
        return time.monotonic() - self.wall


def finish(clock):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    lines.say("done", cpu_seconds=clock.cpu, peak_bytes=peak)
    sf.shutdown()
    os._exit(0)  # SecretFlow leaves threads behind
