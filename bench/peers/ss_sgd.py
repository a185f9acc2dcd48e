"""One party of SecretFlow's SS-SGD (vertical logistic regression on secret shares), in production mode:
one process a party, real connections. Started twice by `bench/run peers-lr`, with a configuration file.

Prints "BENCH epoch {...}" after each epoch and waits for "go" before each. The clock runs during epochs only.
"""

import lines
import party
from secretflow.ml.linear.ss_sgd import SSRegression


def main():
    config = lines.configuration()
    (feature, label), device = party.connect(
        config, {"protocol": config["protocol"], "field": "FM64", "fxp_fraction_bits": 18}
    )
    x, y = party.load(config, feature, label)
    model, clock = SSRegression(device), party.Clock()

    def after_epoch(number, checkpoint):
        seconds = clock.stop()
        lines.say("epoch", epoch=number + 1, seconds=seconds, weights=party.plain(checkpoint[1][0]))
        lines.proceed()
        clock.start()

    lines.say("ready")
    try:
        lines.proceed()
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
    except lines.Enough:
        pass
    party.finish(clock)


main()
