package org.espalier.node.job;

import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.espalier.node.cohort.Cohort;
import org.espalier.node.cohort.Cohorts;
import org.espalier.node.data.Dataset;
import org.espalier.wire.Channel;
import org.espalier.wire.Encoder;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;
import org.espalier.wire.Party;

/**
 * The cohort of an earlier attempt of the same job: if all parties kept the same one, a further
 * attempt goes on from it instead of aligning the same people again.
 */
final class KeptCohort {
  private KeptCohort() {}

  /** Each party to each other, first in the alignment of a further attempt. */
  record Kept(byte[] digest) implements Message {
    private static final int LENGTH = 32;
    static final MessageType<Kept> TYPE =
        new MessageType<>(64, "kept-cohort", in -> new Kept(in.getRaw("digest", LENGTH)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putRaw(digest, 0, LENGTH);
    }
  }

  /** This node's cohorts of a job on the data set as it is, newest attempt first. */
  static List<Cohort> all(JobRun.Context context, String job, JobSpec spec, Dataset dataset) {
    String match = HexFormat.of().formatHex(spec.matchDigest());
    return context.cohorts().list().stream()
        .map(Cohorts.Entry::cohort)
        .flatMap(Optional::stream)
        .filter(cohort -> cohort.job().equals(job))
        .filter(cohort -> cohort.parties().equals(spec.parties().keySet()))
        .filter(cohort -> cohort.match().equals(match))
        .filter(cohort -> cohort.sha256().equals(dataset.scan().sha256()))
        .sorted(Comparator.comparing(Cohort::attempt).reversed())
        .toList();
  }

  /**
   * The newest one, if all parties say that theirs is the same.
   *
   * @throws org.espalier.wire.WireException if a partner is gone or says something else
   */
  static Optional<Cohort> agreed(JobRun run, Dataset dataset, Map<Party, Channel> channels) {
    Optional<Cohort> own =
        all(run.context(), run.job().id(), run.job().spec(), dataset).stream().findFirst();
    byte[] digest =
        own.map(cohort -> HexFormat.of().parseHex(cohort.digest()))
            .orElseGet(() -> new byte[Kept.LENGTH]);
    channels.values().forEach(channel -> channel.send(new Kept(digest)));
    boolean same = own.isPresent();
    for (Channel channel : channels.values()) {
      byte[] theirs = channel.receive(Kept.TYPE, Kept.LENGTH).digest();
      same &= Arrays.equals(digest, theirs);
    }
    return same ? own : Optional.empty();
  }
}
