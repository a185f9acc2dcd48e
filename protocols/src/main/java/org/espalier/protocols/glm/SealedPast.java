package org.espalier.protocols.glm;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import org.espalier.protocols.glm.SealedPlan.Decision;
import org.espalier.protocols.glm.SealedPlan.Opening;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Whitening;
import org.espalier.wire.Channel;
import org.espalier.wire.Digests;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;

/**
 * What passes of a {@code sealed} training left a party, so that another attempt goes on from the
 * last one that all parties have kept: its shares of the gradients, what was opened to it, and the
 * basis that its columns are in. Schedule, range and point follow from what was opened, and are
 * computed again. Keys, correlations and masks are never kept.
 *
 * <p>What is opened of passes says something of the keys that these were run under, which
 * parameters leave room for once. So after the end another attempt goes on from all passes, of
 * which it opens the same words, or begins anew; and so it does where attempts have opened many
 * sums.
 *
 * <p>A training with label privacy begins anew, since its noise on the outcomes is not kept; and so
 * does one with shared weights, whose noise on scores is another in each attempt.
 */
final class SealedPast {
  private static final int DIGEST = 32;

  /** More passes than any schedule has. */
  private static final int MOST = 1 << 12;

  /** That are kept of a pass. */
  private static final int FIGURES = 6;

  /**
   * A complete pass.
   *
   * @param attempt in which it was run
   * @param decision that followed from what it opened
   * @param openings sums that may have been opened until its end, those of repeated passes included
   * @param sums what was opened to this party; null if nothing was
   * @param modulus of the shares
   * @param shares of the gradient: those of the own one first
   */
  record Pass(
      int attempt,
      Decision decision,
      int openings,
      double seconds,
      SealedPlan.Sums sums,
      long modulus,
      long[] shares) {
    private Pass with(int counted) {
      return new Pass(attempt, decision, counted, seconds, sums, modulus, shares);
    }
  }

  private final TrainingJob job;
  private final boolean kept;

  /** Those that are gone on from, and then those of this attempt. */
  private final List<Pass> passes;

  private Whitening whitening;

  /** Whether a share of final weights may have left this party after the last of the passes. */
  private boolean ended;

  /** Sums that were opened by attempts from which the passes do not go on. */
  private int before;

  /** Key of the noise at the end. */
  private final byte[] secret;

  /** How many of the passes all parties had when the attempt began. */
  private int resumed;

  /** Sums of later passes that were opened to no avail. */
  private int lost;

  private SealedPast(TrainingJob job, int columns) {
    this.job = job;
    this.secret = job.passes().secret();
    TrainingSpec spec = job.spec();
    this.kept = spec.labelPrivacy() == null && !spec.sharedWeights();
    this.passes = kept ? read(columns) : new ArrayList<>();
  }

  /** As the label party agrees on it with all feature parties. */
  static SealedPast atLabel(TrainingJob job, int columns, Collection<Channel> features) {
    SealedPast past = new SealedPast(job, columns);
    if (past.isAsked()) {
      byte[][] own = past.digests();
      int common = own.length;
      List<byte[]> all = new ArrayList<>();
      for (Channel feature : features) {
        byte[] theirs =
            feature.receive(SealedMessages.Past.TYPE, SealedMessages.Past.LIMIT).digests();
        if (theirs.length % DIGEST != 0) {
          throw new WireException.ProtocolViolation(
              feature.peer(), "digests of passes in " + theirs.length + " bytes");
        }
        common = Math.min(common, theirs.length / DIGEST);
        all.add(theirs);
      }
      while (common > 0 && !areAt(all, common - 1, own[common - 1])) {
        common--;
      }
      if (past.ended && common < own.length) {
        common = 0;
      }
      for (Channel feature : features) {
        feature.send(new SealedMessages.GoOn(common));
      }
      past.goOn(common);
    }
    return past;
  }

  /** As a feature party does. */
  static SealedPast atFeature(TrainingJob job, int columns, Channel label) {
    SealedPast past = new SealedPast(job, columns);
    if (past.isAsked()) {
      byte[][] own = past.digests();
      // After the end an honest label party finds all passes or none.
      for (int p = 0; past.ended && p < own.length - 1; p++) {
        own[p] = new byte[DIGEST];
      }
      ByteBuffer all = ByteBuffer.allocate(own.length * DIGEST);
      Arrays.stream(own).forEach(all::put);
      label.send(new SealedMessages.Past(all.array()));
      int common = label.receive(SealedMessages.GoOn.TYPE, SealedMessages.SLACK).passes();
      if (common > own.length) {
        throw new WireException.ProtocolViolation(
            label.peer(), "goes on after pass " + common + ", which is not kept here");
      }
      if (past.ended && common > 0 && common < own.length) {
        throw new WireException.ProtocolViolation(
            label.peer(),
            "goes on after pass %d, though weights were opened after pass %d"
                .formatted(common, own.length));
      }
      past.goOn(common);
    }
    return past;
  }

  /** In a first attempt there is nothing to go on from. */
  private boolean isAsked() {
    return kept && job.session().attempt() > 1;
  }

  private static boolean areAt(List<byte[]> digests, int number, byte[] expected) {
    return digests.stream()
        .map(all -> Arrays.copyOfRange(all, number * DIGEST, (number + 1) * DIGEST))
        .allMatch(said -> MessageDigest.isEqual(said, expected));
  }

  /**
   * Of all passes up to each: parties with the same digest hold shares of the same gradients. None
   * where so many sums have been opened that no pass is to be run after them.
   */
  private byte[][] digests() {
    if (!ended && openings() - before > SealedPlan.SUMS_TO_GO_ON) {
      return new byte[0][];
    }
    byte[][] digests = new byte[Math.min(passes.size(), MOST)][];
    byte[] chained = Digests.sha256().digest(first(job.session()).bind("sealed passes"));
    for (int p = 0; p < digests.length; p++) {
      Pass pass = passes.get(p);
      MessageDigest digest = Digests.sha256();
      digest.update(chained);
      ByteBuffer what = ByteBuffer.allocate(2 * Integer.BYTES + Long.BYTES);
      what.putInt(pass.attempt()).putInt(pass.decision().code).putLong(pass.modulus());
      chained = digest.digest(what.array());
      digests[p] = chained;
    }
    return digests;
  }

  private static Session first(Session session) {
    return new Session(session.job(), session.specDigest(), 1);
  }

  private void goOn(int common) {
    int counted = openings();
    // The pass that was cut off came after those of which nothing is left.
    int cut = passes.size() > common + 1 ? Opening.SPREAD_AND_LOSS.sums : 0;
    passes.subList(common, passes.size()).clear();
    resumed = common;
    if (common == 0) {
      whitening = null;
      ended = false;
      job.passes().forget();
    }
    lost = counted - openings() + cut;
    if (common == 0) {
      before = lost;
    }
  }

  /**
   * What was kept may be of no use after all: all parties see that alike, and the next attempt
   * begins anew.
   *
   * @param modulus that the shares have to be of
   */
  void requireModulus(long modulus) {
    if (resumed > 0 && passes.get(0).modulus() != modulus) {
      job.passes().forget();
      throw new IllegalArgumentException(
          "what an earlier attempt kept is of shares modulo another prime");
    }
  }

  /** Sums that were opened until now, in all attempts. */
  int openings() {
    return lost + (passes.isEmpty() ? 0 : passes.get(passes.size() - 1).openings());
  }

  /** How many passes of earlier attempts are gone on from. */
  int resumed() {
    return resumed;
  }

  /** The job in the attempt that began the training, which gives the order of its rows. */
  TrainingJob begun() {
    if (resumed == 0) {
      return job;
    }
    Session session = job.session();
    return job.with(new Session(session.job(), session.specDigest(), passes.get(0).attempt()));
  }

  /** The basis that the shares are in: that of the passes gone on from, otherwise a fresh one. */
  Whitening whitening(Matrix own) {
    if (whitening == null) {
      whitening = Whitening.of(own, job.spec().ridge());
    }
    return whitening;
  }

  /** A pass of an earlier attempt; null if it is to be run. */
  Pass pass(int number) {
    return number <= resumed ? passes.get(number - 1) : null;
  }

  /**
   * Before the first pass that is run: the one that was cut off may have opened what it opens, if
   * it is not among those that others had not kept.
   *
   * @param sums that it opens
   */
  void countCut(int sums) {
    if (resumed > 0 && passes.size() == resumed) {
      Pass last = passes.get(resumed - 1);
      passes.set(resumed - 1, last.with(last.openings() + Math.max(lost, sums)));
      lost = 0;
      store(resumed);
    }
  }

  /** Keeps a pass that was run. */
  void keep(
      Decision decision,
      int opened,
      double seconds,
      SealedPlan.Sums sums,
      long modulus,
      long[] shares) {
    int attempt = job.session().attempt();
    passes.add(new Pass(attempt, decision, openings() + opened, seconds, sums, modulus, shares));
    lost = 0;
    if (kept) {
      store(passes.size());
    }
  }

  /** Before a share of final weights leaves this party; durable on return. */
  void end() {
    if (kept && !ended) {
      ended = true;
      store(passes.size());
    }
  }

  /**
   * Noise for what is opened of a share at the end: the same if the same share is opened again, so
   * that attempts average nothing away, and independent for any other share.
   */
  Prg noise(long[] share) {
    ByteBuffer what = ByteBuffer.allocate(DIGEST + share.length * Long.BYTES);
    what.put(secret);
    for (long value : share) {
      what.putLong(value);
    }
    return new Prg(Digests.sha256().digest(what.array()));
  }

  // ---- the form in which passes are kept --------------------------------------------------------

  private void store(int number) {
    Pass pass = passes.get(number - 1);
    boolean first = number == 1;
    long[] shares = new long[1 + pass.shares().length];
    shares[0] = pass.modulus();
    System.arraycopy(pass.shares(), 0, shares, 1, pass.shares().length);
    SealedPlan.Sums sums = pass.sums();
    job.passes()
        .keep(
            number,
            new PassStore.Kept(
                first ? whitening.matrix().values() : new double[0],
                sums == null
                    ? new double[0]
                    : new double[] {
                      sums.beyond(), sums.beyondNoise(), sums.loss(), sums.lossNoise()
                    },
                new double[0],
                new double[] {
                  pass.attempt(),
                  pass.decision().code,
                  pass.openings(),
                  pass.seconds(),
                  ended ? 1 : 0,
                  before
                },
                shares));
  }

  /** Passes up to the first that cannot be one of an earlier attempt. */
  private List<Pass> read(int columns) {
    List<Pass> read = new ArrayList<>();
    for (PassStore.Kept found : job.passes().kept()) {
      boolean first = read.isEmpty();
      double[] figures = found.figures();
      double[] sums = found.products();
      if (figures.length != FIGURES
          || (sums.length != 0 && sums.length != 4)
          || found.vector().length != (first ? columns * columns : 0)
          || found.shares().length < 2
          || figures[0] < 1
          || figures[0] >= job.session().attempt()
          || figures[1] < 0
          || figures[1] >= Decision.values().length) {
        return read;
      }
      if (first) {
        whitening = Whitening.again(new Matrix(columns, columns, found.vector()));
      }
      ended = figures[4] == 1;
      before = (int) figures[5];
      read.add(
          new Pass(
              (int) figures[0],
              Decision.of((int) figures[1]),
              (int) figures[2],
              figures[3],
              sums.length == 0 ? null : new SealedPlan.Sums(sums[0], sums[1], sums[2], sums[3]),
              found.shares()[0],
              Arrays.copyOfRange(found.shares(), 1, found.shares().length)));
    }
    return read;
  }
}
