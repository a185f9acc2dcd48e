"""One party of spu's private set intersection: one process a party, real connections, files in and out.
Started twice by `bench/run psi-...`, with a configuration file.

Prints "BENCH ready" once connected, and after "go" "BENCH done {...}".
"""

import os
import resource
import time

import lines
import spu.libspu.link as link
from spu.psi import (
    EcdhParams,
    EllipticCurveType,
    InputParams,
    OutputParams,
    PsiExecuteConfig,
    PsiProtocol,
    PsiProtocolConfig,
    Rr22Rarams,
    psi_execute,
)

MILLISECONDS = 3_600_000  # patience of all connections


def protocol(name):
    """Everything in one bucket, which is fastest; rank 0 receives and tells the other."""
    common = {"receiver_rank": 0, "broadcast_result": True}
    if name in ("rr22", "rr22-low"):
        return PsiProtocolConfig(
            protocol=PsiProtocol.PROTOCOL_RR22,
            bucket_size=1 << 24,
            rr22_params=Rr22Rarams(name == "rr22-low"),
            **common,
        )
    if name == "kkrt":
        return PsiProtocolConfig(protocol=PsiProtocol.PROTOCOL_KKRT, bucket_size=1 << 24, **common)
    return PsiProtocolConfig(
        protocol=PsiProtocol.PROTOCOL_ECDH, ecdh_params=EcdhParams(curve=EllipticCurveType.CURVE_25519), **common
    )


def connect(config):
    description = link.Desc()
    description.recv_timeout_ms = MILLISECONDS
    description.http_timeout_ms = MILLISECONDS
    for party, port in enumerate(config["ports"]):
        description.add_party(str(party), f"127.0.0.1:{port}")
    return link.create_brpc(description, config["party"])


def main():
    config = lines.configuration()
    connection = connect(config)
    lines.say("ready")
    lines.proceed()
    wall, used = time.monotonic(), time.process_time()
    report = psi_execute(
        PsiExecuteConfig(
            protocol_conf=protocol(config["protocol"]),
            input_params=InputParams(path=config["ids"], selected_keys=["id"], keys_unique=True),
            output_params=OutputParams(path=config["rows"]),
        ),
        connection,
    )
    seconds, used_in_all = time.monotonic() - wall, time.process_time()
    lines.say(
        "done",
        seconds=seconds,
        cpuSeconds=used_in_all - used,
        cpuSecondsInAll=used_in_all,
        peakBytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        found=report.intersection_count,
    )
    os._exit(0)  # its threads would stay


main()
