package org.espalier.protocols.attack;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import org.espalier.protocols.glm.TamperingChannel;
import org.espalier.protocols.neural.LabelSource;
import org.espalier.protocols.neural.SmallTop;
import org.espalier.protocols.neural.SourceJob;
import org.espalier.protocols.neural.SourceProtocol;
import org.espalier.protocols.neural.SourceSpec;
import org.espalier.protocols.neural.top.TopLayers;
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
 * Features from the pre-activations that level {@code activations} opens: a label party, without
 * columns of its own unless said otherwise, keeps every number that it sees of 4 number and 6
 * yes/no columns of its partners.
 */
class ActivationsAttackTest {
  private static final Cohort COHORT = BinaryColumnAttackTest.COHORT;
  private static final int ROWS = BinaryColumnAttackTest.ROWS;
  private static final int D = COHORT.features();
  private static final Party BANK = new Party("bank");
  private static final Party SHOP = new Party("shop");

  /**
   * What a label party has.
   *
   * @param opened in each epoch one vector for each hidden unit
   */
  private record View(List<double[]> opened, LabelSource end) {
    static View of(int hidden, int epochs, UnaryOperator<Channel> bank) {
      Matrix none = new Matrix(ROWS, 0, new double[0]);
      SourceSpec spec = new SourceSpec(hidden, ROWS, epochs, 0.3, 0.5, true);
      return of(none, List.of(COHORT.standardised()), COHORT.labels(), spec, bank);
    }

    static View of(
        Matrix own,
        List<Matrix> partners,
        double[] labels,
        SourceSpec spec,
        UnaryOperator<Channel> bank) {
      int hidden = spec.hidden();
      List<Party> parties = List.of(SHOP, new Party("store")).subList(0, partners.size());
      SourceJob job =
          new SourceJob(new Session("J-test", new byte[32], 1), BANK, parties, ROWS, spec, 0);
      SmallTop top = new SmallTop(labels, hidden, spec.rate(), spec.momentum(), 1);
      List<double[]> opened = new ArrayList<>();
      for (int vector = 0; vector < hidden * spec.epochs(); vector++) {
        opened.add(new double[ROWS]);
      }
      TopLayers keeping =
          new TopLayers() {
            @Override
            public void step(int epoch, int[] rows, double[] z, double[] slope) {
              for (int at = 0; at < z.length; at++) {
                opened.get((epoch - 1) * hidden + at % hidden)[rows[at / hidden]] = z[at];
              }
              top.step(epoch, rows, z, slope);
            }

            @Override
            public Decision epochEnds(int epoch) {
              return Decision.GO_ON;
            }
          };
      MemoryNetwork network = new MemoryNetwork();
      List<CompletableFuture<?>> features = new ArrayList<>();
      for (int p = 0; p < partners.size(); p++) {
        Party self = parties.get(p);
        Matrix columns = partners.get(p);
        List<Party> peers = parties.stream().filter(party -> !party.equals(self)).toList();
        features.add(
            CompletableFuture.runAsync(
                () ->
                    SourceProtocol.of(job.spec())
                        .feature(
                            job,
                            network.channel(self, BANK),
                            network.channels(self, peers),
                            columns,
                            Progress.NONE,
                            epoch -> {})));
      }
      Map<Party, Channel> channels = network.channels(BANK, parties);
      channels.replaceAll((party, channel) -> bank.apply(channel));
      LabelSource end =
          SourceProtocol.of(job.spec()).label(job, channels, own, keeping, epoch -> {});
      features.forEach(CompletableFuture::join);
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

  private static View honest;

  /** 16 units, ten epochs: one training for all who look at it. */
  private static synchronized View honest() {
    if (honest == null) {
      honest = View.of(16, 10, channel -> channel);
    }
    return honest;
  }

  /** The first weights are random: one epoch with as many units as columns is the whole space. */
  @Test
  void asManyUnitsAsColumnsGiveTheSpaceInOneEpochAndThenYesNoColumns() {
    View view = honest();
    assertThat(view.share(16)).isGreaterThan(0.9);
    assertThat(view.share(160)).isGreaterThan(0.99);
    assertThat(view.binary(16).exact()).isGreaterThanOrEqualTo(5);
    assertThat(view.binary(160).exact()).isGreaterThanOrEqualTo(3);
  }

  @Test
  void aQuarterAsManyNumbersAsColumnsIsThatPartOfTheSpace() {
    View view = honest();
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
    assertThat(honest.share(D)).isLessThan(0.6);
    assertThat(chosen.share(D)).isGreaterThan(0.9);
    assertThat(chosen.binary(D).exact()).isGreaterThanOrEqualTo(3);
  }

  /**
   * A label party that knows the features of a few people, perhaps because they are its own
   * customers too, reads those of all others off the numbers of the first epoch.
   */
  @Test
  void fifteenKnownPeopleGiveEverybodysEntries() {
    List<double[]> first = honest().opened().subList(0, 16);
    Read all = Read.of(Algebra.principal(first, D), 15);
    Read allowed = Read.of(Algebra.principal(first.subList(0, D / 4), D / 4), 150);
    Figures.print("15 known people: %s; 150, allowed numbers: %s", all, allowed);
    assertThat(all.numbers()).isGreaterThan(0.95);
    assertThat(all.right()).isGreaterThan(0.99);
    assertThat(allowed.numbers()).isLessThan(0.7);
    assertThat(allowed.right()).isLessThan(0.92);
  }

  /**
   * What regression from some people makes of all others.
   *
   * @param numbers mean share of the variance of the number columns that is read
   * @param right share of yes/no entries that are read
   */
  private record Read(double numbers, double right) {
    @Override
    public String toString() {
      return "numbers %.3f, yes/no %.3f".formatted(numbers, right);
    }

    static Read of(List<double[]> seen, int people) {
      int numbers = D - COHORT.binary().size();
      double explained = 0;
      double right = 0;
      int others = ROWS - people;
      for (int j = 0; j < D; j++) {
        double[] column = Algebra.column(COHORT.raw(), j);
        double[] guess = Algebra.predicted(seen, column, people);
        double[] truth = Arrays.copyOfRange(column, people, ROWS);
        double[] rest = Arrays.copyOfRange(guess, people, ROWS);
        double mean = Arrays.stream(truth).average().orElseThrow();
        double off = 0;
        double square = 0;
        for (int i = 0; i < others; i++) {
          off += Math.pow(rest[i] - truth[i], 2);
          square += Math.pow(truth[i] - mean, 2);
          right += j >= numbers && (rest[i] > 0.5 ? 1 : 0) == truth[i] ? 1 : 0;
        }
        explained += j < numbers ? 1 - off / square : 0;
      }
      return new Read(explained / numbers, right / others / (D - numbers));
    }
  }

  /**
   * Columns of its own, two partners of which it sees the sum only, and batches with weights of
   * their own protect nobody: all first numbers of all batches are used as if of the same weights.
   * Who knows the columns of one partner, or is told them, has the other's space from as many
   * numbers as that one has columns, because the limit counts the columns of both.
   */
  @Test
  void ownColumnsTwoPartnersAndBatchesDoNotProtect() {
    List<double[]> columns = Algebra.columns(COHORT.standardised());
    List<double[]> small = List.of(columns.get(0), columns.get(5));
    List<double[]> large = new ArrayList<>(columns);
    large.removeAll(small);
    Random random = new Random(5);
    List<double[]> own = new ArrayList<>();
    for (int j = 0; j < 3; j++) {
      double[] related = columns.get(j + 1).clone();
      Arrays.setAll(related, i -> related[i] + random.nextGaussian());
      own.add(related);
    }
    View view =
        View.of(
            Algebra.beside(own),
            List.of(Algebra.beside(small), Algebra.beside(large)),
            COHORT.labels(),
            new SourceSpec(16, 250, 10, 0.3, 0.5, true),
            channel -> channel);
    List<double[]> epoch = Algebra.without(view.opened().subList(0, 16), own);
    double joint = share(columns, own, epoch, D);
    int exact =
        BinaryColumnAttackTest.compare(BinaryColumnAttackTest.guesses(epoch, D), COHORT).exact();
    Read without = Read.of(own, 60);
    List<double[]> both = new ArrayList<>(own);
    both.addAll(epoch.subList(0, D));
    Read with = Read.of(both, 60);
    int allowed = D / 4;
    double alone = share(small, own, epoch.subList(0, allowed), allowed);
    List<double[]> told = new ArrayList<>(own);
    told.addAll(large);
    double coalition = share(small, told, view.opened().subList(0, allowed), allowed);
    Figures.print(
        "batches: share %.3f, %d columns; 60 people %s, by own columns %s",
        joint, exact, with, without);
    Figures.print("two of ten columns: share %.2f, in a coalition %.2f", alone, coalition);
    assertThat(joint).isGreaterThan(0.9);
    assertThat(exact).isGreaterThanOrEqualTo(3);
    assertThat(with.right()).isGreaterThan(without.right() + 0.05);
    assertThat(alone).isLessThan(0.5);
    assertThat(coalition).isGreaterThan(0.6);
  }

  private static double share(
      List<double[]> columns, List<double[]> known, List<double[]> opened, int rank) {
    return Algebra.share(
        Algebra.basis(Algebra.without(columns, known)),
        Algebra.principal(Algebra.without(opened, known), rank));
  }

  /**
   * Numbers that are not normal, such as amounts and durations, are found in the space without any
   * known person, but for their unit. A single column is the first number opened.
   */
  @Test
  void skewedNumbersComeOutByIndependentComponents() {
    Random random = new Random(6);
    List<double[]> columns = new ArrayList<>();
    for (int j = 0; j < 6; j++) {
      double[] column = new double[ROWS];
      for (int i = 0; i < ROWS; i++) {
        column[i] =
            switch (j % 3) {
              case 0 -> Math.exp(0.8 * random.nextGaussian());
              case 1 -> random.nextDouble();
              default -> -Math.log(random.nextDouble());
            };
      }
      columns.add(column);
    }
    List<double[]> opened = numbers(columns, 8);
    double[] all = best(Algebra.independent(Algebra.principal(opened.subList(0, 8), 6)), columns);
    double[] few = best(Algebra.independent(opened.subList(0, 2)), columns);
    double[] one = best(numbers(columns.subList(0, 1), 1).subList(0, 1), columns.subList(0, 1));
    Figures.print("components %s, of two %s", Arrays.toString(all), Arrays.toString(few));
    assertThat(Arrays.stream(all).min().orElseThrow()).isGreaterThan(0.9);
    assertThat(Arrays.stream(few).average().orElseThrow()).isLessThan(0.9);
    assertThat(one[0]).isGreaterThan(0.99);
  }

  private static List<double[]> numbers(List<double[]> columns, int hidden) {
    SourceSpec spec = new SourceSpec(hidden, ROWS, 10, 0.3, 0.5, true);
    Matrix none = new Matrix(ROWS, 0, new double[0]);
    Matrix theirs = Cohort.standardised(columns.stream().map(double[]::clone).toList());
    return View.of(none, List.of(theirs), COHORT.labels(), spec, channel -> channel).opened();
  }

  /** Correlation of each column with the nearest that was found. */
  private static double[] best(List<double[]> found, List<double[]> columns) {
    return columns.stream()
        .mapToDouble(
            column ->
                found.stream()
                    .mapToDouble(guess -> Math.abs(Algebra.correlation(guess, column)))
                    .max()
                    .orElseThrow())
        .toArray();
  }
}
