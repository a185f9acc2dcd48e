package org.espalier.protocols.attack;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import org.espalier.protocols.glm.TamperingChannel;
import org.espalier.protocols.neural.ActivationsTraining;
import org.espalier.protocols.neural.LabelSource;
import org.espalier.protocols.neural.SmallTop;
import org.espalier.protocols.neural.SourceJob;
import org.espalier.protocols.neural.SourceSpec;
import org.espalier.protocols.neural.TopLayers;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Channel;
import org.espalier.wire.Decoder;
import org.espalier.wire.Encoder;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;

/**
 * Features from the pre-activations that level {@code activations} opens: a label party without
 * columns of its own keeps every number that it sees of a partner's 4 number and 6 yes/no columns.
 */
class ActivationsAttackTest {
  private static final Cohort COHORT = BinaryColumnAttackTest.COHORT;
  private static final int ROWS = BinaryColumnAttackTest.ROWS;
  private static final int D = COHORT.features();
  private static final Party BANK = new Party("bank");
  private static final Party SHOP = new Party("shop");

  /** One batch of all people: in each epoch one vector for each hidden unit. */
  private record View(List<double[]> opened, LabelSource end) {
    static View of(int hidden, int epochs, UnaryOperator<Channel> bank) {
      SourceSpec spec = new SourceSpec(hidden, ROWS, epochs, 0.3, 0.5, true);
      SourceJob job =
          new SourceJob(new Session("J-test", new byte[32], 1), BANK, List.of(SHOP), ROWS, spec, 0);
      SmallTop top = new SmallTop(COHORT.labels(), hidden, 0.3, 0.5, 1);
      List<double[]> opened = new ArrayList<>();
      TopLayers keeping =
          new TopLayers() {
            @Override
            public void step(int epoch, int[] rows, double[] z, double[] slope) {
              for (int m = 0; m < hidden; m++) {
                double[] vector = new double[ROWS];
                for (int i = 0; i < ROWS; i++) {
                  vector[rows[i]] = z[i * hidden + m];
                }
                opened.add(vector);
              }
              top.step(epoch, rows, z, slope);
            }

            @Override
            public Decision epochEnds(int epoch) {
              return Decision.GO_ON;
            }
          };
      MemoryNetwork network = new MemoryNetwork();
      CompletableFuture<?> shop =
          CompletableFuture.runAsync(
              () ->
                  ActivationsTraining.feature(
                      job,
                      network.channel(SHOP, BANK),
                      Map.of(),
                      COHORT.standardised(),
                      Progress.NONE,
                      epoch -> {}));
      LabelSource end =
          ActivationsTraining.label(
              job,
              Map.of(SHOP, bank.apply(network.channel(BANK, SHOP))),
              new Matrix(ROWS, 0, new double[0]),
              keeping,
              epoch -> {});
      shop.join();
      return new View(opened, end);
    }

    /** Of the partner's column space, what the first so many numbers of each person tell. */
    double share(int numbers) {
      return Algebra.share(
          Algebra.basis(Algebra.columns(COHORT.standardised())),
          Algebra.principal(opened.subList(0, numbers), Math.min(D, numbers)));
    }

    BinaryColumnAttackTest.Found binary(int numbers) {
      return BinaryColumnAttackTest.compare(
          BinaryColumnAttackTest.guesses(opened.subList(0, numbers), Math.min(D, numbers)), COHORT);
    }
  }

  /** The first weights are random: one epoch with as many units as columns is the whole space. */
  @Test
  void asManyUnitsAsColumnsGiveTheSpaceInOneEpochAndThenYesNoColumns() {
    View view = View.of(16, 10, channel -> channel);
    assertThat(view.share(D)).isGreaterThan(0.9);
    assertThat(view.share(160)).isGreaterThan(0.99);
    assertThat(view.binary(D).exact()).isGreaterThanOrEqualTo(4);
    assertThat(view.binary(160).exact()).isGreaterThanOrEqualTo(4);
  }

  @Test
  void aQuarterAsManyNumbersAsColumnsIsThatPartOfTheSpace() {
    View view = View.of(16, 10, channel -> channel);
    int allowed = D / 4;
    assertThat(view.share(allowed)).isLessThan((allowed + 0.5) / D);
    assertThat(view.binary(allowed).exact()).isLessThanOrEqualTo(1);
  }

  /**
   * A label party that deviates adds δ to its share of the weights and reads X̃·δ: with one unit a
   * direction of its choice an epoch, all of the space after as many epochs as columns. Nothing at
   * this level prevents it: its statement is for parties that keep to the protocol.
   */
  @Test
  void aChosenShareReadsADirectionOfItsChoiceForEveryNumberOpened() {
    View honest = View.of(1, D, channel -> channel);
    long t = (Long) honest.end().parametersRun().get("plain_modulus");
    int bits = (Integer) honest.end().parametersRun().get("weight_bits");
    int width = Long.SIZE - Long.numberOfLeadingZeros(t - 1);
    View chosen =
        View.of(
            1,
            D,
            channel -> {
              Channel tampering = channel;
              for (int epoch = 0; epoch < D; epoch++) {
                int column = epoch;
                tampering =
                    new TamperingChannel(
                        tampering,
                        83,
                        2 * epoch + 1,
                        payload -> {
                          Decoder in = new Decoder(payload);
                          int from = in.getInt("from");
                          long[] share = in.getPacked("share", width, D);
                          share[column] = (share[column] + (4L << bits)) % t;
                          return new Encoder().putInt(from).putPacked(share, width).toByteArray();
                        });
              }
              return tampering;
            });
    assertThat(chosen.end().parametersRun().get("weight_bits")).isEqualTo(bits);
    assertThat(honest.share(D)).isLessThan(0.5);
    assertThat(chosen.share(D)).isGreaterThan(0.95);
    assertThat(chosen.binary(D).exact()).isGreaterThanOrEqualTo(4);
  }
}
