"""heu's part of `bench/run peers-kernel`: X^T*[[r]] with r under additively homomorphic encryption, on the first rows
of the benchmark's integers. Started with a configuration file, once for each scheme and key size.

Prints "BENCH ready {...}" and, for each "go", "BENCH turn {...}" with what encrypting, multiplying and decrypting took.
"""

import os
import pickle
import resource
import time

import lines
import numpy as np
from heu import numpy as hnp
from heu import phe


def timed(work):
    """The result, wall seconds and processor seconds."""
    wall, used = time.monotonic(), time.process_time()
    result = work()
    return result, [time.monotonic() - wall, time.process_time() - used]


def main():
    config = lines.configuration()
    rows, columns = config["rows"], config["columns"]

    def read(what, kind, width):
        path = os.path.join(config["data"], what)
        return np.fromfile(path, kind, rows * width).reshape(rows, width).astype(np.int64)

    x, r = read("x.i32", "<i4", columns), read("r.i64", "<i8", 1)
    # heu's products with negative integers take three times as long: columns may be shifted instead, and
    # whoever decrypts takes the shift times the sum of r off again.
    shift = 0 if config["signed"] else x.min()
    x = x - shift
    kit, keys = timed(lambda: hnp.setup(getattr(phe.SchemaType, config["schema"]), config["key_bits"]))
    whole = phe.IntegerEncoderParams(scale=1)
    integers = kit.integer_encoder(scale=1)

    def encode(values):
        return kit.array(np.ascontiguousarray(values), whole)

    matrix, prepare = timed(lambda: encode(x.T))
    # The time for half of the rows shows whether it may be extrapolated.
    half = encode(x[: rows // 2].T), kit.encryptor().encrypt(encode(r[: rows // 2]))
    multiply_half = timed(lambda: kit.evaluator().matmul(*half))[1]
    lines.say("ready", keys=keys, prepare=prepare, multiply_half=multiply_half)
    while True:
        try:
            lines.proceed()
        except lines.Enough:
            return
        ciphertexts, encrypt = timed(lambda: kit.encryptor().encrypt(encode(r)))
        sums, multiply = timed(lambda: kit.evaluator().matmul(matrix, ciphertexts))
        opened, decrypt = timed(lambda: kit.decryptor().decrypt(sums).to_numpy(integers))
        lines.say(
            "turn",
            encrypt=encrypt,
            multiply=multiply,
            decrypt=decrypt,
            request_bytes=len(pickle.dumps(ciphertexts)),
            reply_bytes=len(pickle.dumps(sums)),
            sums=[int(v) + int(shift * r.sum()) for v in np.asarray(opened).ravel()],
            peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        )


main()
