package org.espalier.psi.oprf;

import java.io.IOException;
import java.security.MessageDigest;
import java.time.Clock;
import java.util.Arrays;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.curve.Mask;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.run.Links;
import org.espalier.psi.run.RunMessages;
import org.espalier.wire.Digests;
import org.espalier.wire.Encoder;
import org.espalier.wire.Progress;

/** The party with the large table: makes the list, and answers the client's keys. */
final class ListServer extends ListRun {
  private static final int CLIENT = UnbalancedAlignment.CLIENT;

  /** What is kept of the list in use; null if there is none. */
  private ServedList list;

  /** Where there is no list, the rows with keys. */
  private int[] rows;

  private long said;

  ListServer(
      Links links,
      AlignmentJob job,
      KeySource source,
      ListStore store,
      Clock clock,
      long keepAlive,
      Progress progress) {
    super(links, job, source, store, clock, keepAlive, progress);
  }

  @Override
  int prepare() {
    list = ServedList.kept(store).filter(kept -> usable(kept)).orElse(null);
    if (list == null) {
      rows = readKeys();
      return rows.length;
    }
    if (list.rows().length > job.policy().maxRows()) {
      throw new AlignmentException.TooManyRows(list.rows().length, job.policy().maxRows());
    }
    return list.rows().length;
  }

  private boolean usable(ServedList kept) {
    return clock.instant().isBefore(kept.made().plus(UnbalancedAlignment.LIFE));
  }

  @Override
  int[] exchange(int[] counts, MessageDigest digest) {
    said = System.nanoTime();
    ListMessages.Held held = links.receive(CLIENT, ListMessages.Held.TYPE, ListMessages.Held.LIMIT);
    if (list != null
        && Arrays.equals(held.id(), list.id())
        && Arrays.equals(held.digest(), list.digest())) {
      answer(ListMessages.Answer.SAME, list.id(), list.digest());
    } else {
      // The client has lost it, or never had it. What was answered under the old secret is of no
      // use with the new list, so nothing follows from who asked for what before.
      makeList(counts[UnbalancedAlignment.SERVER]);
    }
    try (Mask mask = Mask.of(list.scalar())) {
      answerKeys(mask, counts[CLIENT]);
    }
    int[] places = members(verdict(counts[CLIENT]));
    digest(digest, list.id(), list.digest(), places);
    int[] found = new int[places.length];
    for (int i = 0; i < found.length; i++) {
      found[i] = list.rows()[places[i]];
    }
    return found;
  }

  private void answer(int what, byte[] id, byte[] digest) {
    links.send(CLIENT, new ListMessages.Answer(what, id, digest));
  }

  /** Makes another list, keeps what it was made with, and sends it. */
  private void makeList(int count) {
    if (rows == null) {
      rows = readKeys();
    }
    if (rows.length != count) {
      throw new AlignmentException.SourceChanged("another number of keys than before");
    }
    byte[] id = new byte[32];
    random.nextBytes(id);
    Outputs.Code code = UnbalancedAlignment.code(count);
    try (Mask mask = new Mask(random)) {
      Outputs values = new Outputs(values(id, mask), code.low());
      MessageDigest digest = Digests.sha256();
      for (int first = 0; first < code.buckets(); first += Outputs.CHUNK) {
        digest.update(payload(values.chunk(code, first)));
        sayWorking();
      }
      int[] sorted = new int[count];
      for (int i = 0; i < count; i++) {
        sorted[i] = rows[values.place(i)];
      }
      rows = null;
      list = new ServedList(id, digest.digest(), mask.scalar(), clock.instant(), sorted);
      // Before anything of it leaves, or the client would have what the server does not know.
      keep();
      answer(ListMessages.Answer.NEW, list.id(), list.digest());
      for (int first = 0; first < code.buckets(); first += Outputs.CHUNK) {
        links.send(CLIENT, values.chunk(code, first));
        progress.update("send list", first, code.buckets());
      }
    }
  }

  private void keep() {
    try {
      store.keep(ListStore.Kind.SERVED, list::write);
    } catch (IOException e) {
      throw new AlignmentException.ListStorage(e);
    }
  }

  private long[] values(byte[] id, Mask mask) {
    ListFunction function = new ListFunction(id);
    long[] values = new long[2 * rows.length];
    function.mask(
        job,
        source,
        rows,
        mask,
        (first, elements) -> {
          function.values(elements, values, first);
          progress.update("make list", first, rows.length);
          sayWorking();
        });
    return values;
  }

  static byte[] payload(Messages.Values message) {
    Encoder out = new Encoder();
    message.encode(out);
    return out.toByteArray();
  }

  private void sayWorking() {
    links.check();
    if (System.nanoTime() - said > keepAlive * 1_000_000) {
      answer(ListMessages.Answer.WORKING, new byte[32], new byte[32]);
      said = System.nanoTime();
    }
  }

  private void answerKeys(Mask mask, int count) {
    for (int first = 0; first < count; first += ListMessages.Elements.CHUNK) {
      byte[] elements = elements(ListMessages.Elements.ASKED, CLIENT, first, count);
      int refused = mask.apply(elements);
      if (refused >= 0) {
        throw lowOrder(ListMessages.Elements.ASKED, CLIENT, first + refused);
      }
      links.send(
          CLIENT, new ListMessages.Elements(ListMessages.Elements.ANSWERED, first, elements));
      progress.update("mask partners' keys", first, count);
    }
  }

  /** How many people the client has found. */
  private int verdict(int asked) {
    RunMessages.Verdict verdict =
        links.receive(CLIENT, RunMessages.Verdict.TYPE, RunMessages.Verdict.LIMIT);
    int minimum = job.policy().minIntersection();
    if (verdict.rule() == 0 && verdict.size() == RunMessages.Verdict.BELOW_MINIMUM) {
      throw AlignmentException.BelowMinimum.seenByFirst(minimum, -1);
    }
    int most = Math.min(asked, list.rows().length);
    if (verdict.rule() != 0 || verdict.size() < minimum || verdict.size() > most) {
      throw links.violation(
          CLIENT,
          "found %d people in rule %d, must be %d to %d in rule 0"
              .formatted(verdict.size(), verdict.rule(), minimum, most));
    }
    return verdict.size();
  }

  private int[] members(int size) {
    int[] places = new int[size];
    int last = -1;
    for (int first = 0; first < size; ) {
      ListMessages.Places message =
          links.receive(CLIENT, ListMessages.Places.TYPE, ListMessages.Places.LIMIT);
      int due = Math.min(ListMessages.Places.CHUNK, size - first);
      if (message.first() != first || message.places().length != due) {
        throw links.violation(
            CLIENT,
            "%d places from %d where %d from %d are due"
                .formatted(message.places().length, message.first(), due, first));
      }
      for (int place : message.places()) {
        if (place <= last || place >= list.rows().length) {
          throw links.violation(
              CLIENT,
              "place %d is %d after %d, in a list of %d"
                  .formatted(first, place, last, list.rows().length));
        }
        last = place;
        places[first++] = place;
      }
    }
    return places;
  }
}
