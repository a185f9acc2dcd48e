package org.espalier.protocols.neural.top;

/**
 * The rest of the network, in plaintext at the label party: from the first layer's pre-activations
 * to the loss, with its own optimiser. Called by one thread, in the order of the steps.
 */
public interface TopLayers {
  /**
   * One step: tells how the loss of each row of a batch changes with its pre-activations, and
   * improves its own weights.
   *
   * @param epoch from 1
   * @param rows of the cohort, the batch's
   * @param z rows × hidden, row-major: weighted sums over all parties' columns, bias included, with
   *     the feature parties' noise
   * @param slope rows × hidden, all 0, to be filled with ∂L_i/∂z_im of each row's own loss, not
   *     divided by the number of rows. A row whose slopes stay 0 does not train the layer: so rows
   *     are held out, and nobody else learns which
   */
  void step(int epoch, int[] rows, double[] z, double[] slope);

  /**
   * After every epoch.
   *
   * @param epoch from 1
   * @return what follows, which the feature parties learn
   */
  Decision epochEnds(int epoch);

  /** What follows an epoch. */
  enum Decision {
    /** The next epoch, if there is one. */
    GO_ON(0),
    /** The same; this state of the layer is kept. */
    KEEP(1),
    /** This was the last epoch. */
    STOP(2),
    /** The same; the layer goes back to the state that was kept last, if one was. */
    STOP_AT_KEPT(3);

    private final int code;

    Decision(int code) {
      this.code = code;
    }

    /** As it travels, 0 to 3. */
    public int code() {
      return code;
    }

    /** The one that travels so. */
    public static Decision of(int code) {
      return switch (code) {
        case 0 -> GO_ON;
        case 1 -> KEEP;
        case 2 -> STOP;
        case 3 -> STOP_AT_KEPT;
        default -> throw new IllegalArgumentException("decision " + code);
      };
    }
  }
}
