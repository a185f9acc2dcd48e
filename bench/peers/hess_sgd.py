"""One party of SecretFlow's HESS-SGD (logistic regression with weights and errors under additively homomorphic
encryption, the sigmoid on secret shares), in production mode. Started twice by `bench/run peers-lr`, with a
configuration file that names how many rows to take: some batches, not an epoch, which would take hours.

Prints "BENCH batch {...}" where each batch begins, "BENCH fit {...}" with the weights after all of them.
"""

import time

import lines
import party
import secretflow as sf
from secretflow.ml.linear.hess_sgd import HESSLogisticRegression

FIELD = "FM128"  # predictions are integers of three times the fraction bits


def heu(config, keeper, evaluator):
    """Homomorphic encryption under one party's key, as SecretFlow's documentation sets it up for HESS-SGD."""
    settings = {
        "sk_keeper": {"party": keeper},
        "evaluators": [{"party": evaluator}],
        "mode": "PHEU",
        "he_parameters": {"schema": config["schema"], "key_pair": {"generate": {"bit_size": config["key_bits"]}}},
        "encoding": {"cleartext_type": "DT_I32", "encoder": "IntegerEncoder", "encoder_args": {"scale": 1}},
    }
    return sf.HEU(settings, FIELD)


def main():
    config = lines.configuration()
    (feature, label), device = party.connect(config, {"protocol": config["protocol"], "field": FIELD})
    x, y = party.load(config, feature, label)
    model = HESSLogisticRegression(device, heu(config, "feature", "label"), heu(config, "label", "feature"))
    clock = party.Clock()

    def watched(x1, x2, outcomes, step, size):
        lines.say("batch", number=step, seconds=time.monotonic() - clock.wall, cpu_seconds=time.process_time())
        return HESSLogisticRegression._next_batch(x1, x2, outcomes, step, size)

    model._next_batch = watched
    lines.say("ready")
    lines.proceed()
    clock.start()
    # Its steps go along the sum over a batch, not the mean.
    model.fit(x, y, learning_rate=config["rate"] / config["batch"], epochs=1, batch_size=config["batch"])
    weights = party.plain(model._w)
    lines.say("fit", seconds=clock.stop(), weights=weights)
    party.finish(clock)


main()
