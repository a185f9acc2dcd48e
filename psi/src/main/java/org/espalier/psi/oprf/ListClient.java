package org.espalier.psi.oprf;

import java.io.IOException;
import java.io.OutputStream;
import java.security.MessageDigest;
import java.time.Clock;
import java.util.Arrays;
import java.util.Optional;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.curve.Mask;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.run.Links;
import org.espalier.psi.run.RunMessages;
import org.espalier.wire.Digests;
import org.espalier.wire.MalformedMessageException;
import org.espalier.wire.Progress;

/** The party with the small table: keeps the list, and asks for the values of its keys. */
final class ListClient extends ListRun {
  private static final int SERVER = UnbalancedAlignment.SERVER;

  private int[] rows;

  ListClient(
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
    rows = readKeys();
    return rows.length;
  }

  @Override
  int[] exchange(int[] counts, MessageDigest digest) {
    ReceivedList list = list(counts[SERVER]);
    Outputs own = new Outputs(ask(list), list.code().low());
    progress.update("compare", 0, 1);
    CodedValues values;
    try {
      values = list.find(store, own);
    } catch (IOException e) {
      throw forget(e);
    }
    progress.update("compare", 1, 1);
    int[] matches = values.matches();
    decide(matches.length);
    int[] places = values.places();
    for (int first = 0; first < places.length; first += ListMessages.Places.CHUNK) {
      int end = Math.min(places.length, first + ListMessages.Places.CHUNK);
      links.send(SERVER, new ListMessages.Places(first, Arrays.copyOfRange(places, first, end)));
    }
    digest(digest, list.id(), list.digest(), places);
    int[] found = new int[matches.length];
    for (int i = 0; i < found.length; i++) {
      found[i] = rows[own.place(matches[i])];
    }
    return found;
  }

  /** The list that both use from now on, received anew unless the server still knows the own. */
  private ReceivedList list(int count) {
    Optional<ReceivedList> kept = ReceivedList.kept(store).filter(k -> k.count() == count);
    byte[] none = new byte[32];
    links.send(
        SERVER,
        new ListMessages.Held(
            kept.map(ReceivedList::id).orElse(none), kept.map(ReceivedList::digest).orElse(none)));
    long start = System.nanoTime();
    for (int messages = 1; ; messages++) {
      ListMessages.Answer answer =
          links.receive(SERVER, ListMessages.Answer.TYPE, ListMessages.Answer.LIMIT);
      switch (answer.what()) {
        case ListMessages.Answer.SAME -> {
          if (kept.isEmpty() || !Arrays.equals(answer.id(), kept.get().id())) {
            throw links.violation(SERVER, "names a list that it was not asked for");
          }
          return kept.get();
        }
        case ListMessages.Answer.NEW -> {
          return receive(new ReceivedList(answer.id(), answer.digest(), clock.instant(), count));
        }
        default -> {
          long elapsed = (System.nanoTime() - start) / 1_000_000;
          if (messages > 8 + 2 * elapsed / keepAlive) {
            throw links.violation(
                SERVER, "sent %d empty answers in %d ms".formatted(messages, elapsed));
          }
          progress.update("wait for the list", 0, 1);
        }
      }
    }
  }

  private ReceivedList receive(ReceivedList list) {
    try {
      store.keep(ListStore.Kind.RECEIVED, out -> receive(list, out));
      return list;
    } catch (IOException e) {
      throw new AlignmentException.ListStorage(e);
    }
  }

  private void receive(ReceivedList list, OutputStream out) throws IOException {
    list.begin(out);
    MessageDigest digest = Digests.sha256();
    Ascending ascending = new Ascending(list.count(), (high, rest) -> {});
    Outputs.Code code = list.code();
    try {
      for (int first = 0; first < code.buckets(); first += Outputs.CHUNK) {
        Messages.Values message =
            links.receive(SERVER, Messages.Values.type(code), Messages.Values.LIMIT);
        if (message.first() != first) {
          throw links.violation(
              SERVER, "values from bucket %d where %d is due".formatted(message.first(), first));
        }
        message.visit(ascending);
        byte[] payload = ListServer.payload(message);
        digest.update(payload);
        ReceivedList.message(out, payload);
        progress.update("receive list", first, code.buckets());
      }
      ascending.end();
    } catch (MalformedMessageException e) {
      throw links.violation(SERVER, e.getMessage());
    }
    if (!MessageDigest.isEqual(digest.digest(), list.digest())) {
      throw links.violation(SERVER, "the list is not that of the digest before it");
    }
  }

  /** The values of the own keys: masked on the way there, the mask taken off on the way back. */
  private long[] ask(ReceivedList list) {
    ListFunction function = new ListFunction(list.id());
    long[] values = new long[2 * rows.length];
    try (Mask mask = new Mask(random);
        Mask off = mask.inverse(random)) {
      // Receiving never waits for sending. This thread waits for the other before the masks close.
      links.start(
          () ->
              function.mask(
                  job,
                  source,
                  rows,
                  mask,
                  (first, elements) ->
                      links.send(
                          SERVER,
                          new ListMessages.Elements(
                              ListMessages.Elements.ASKED, first, elements))));
      try {
        for (int first = 0; first < rows.length; first += ListMessages.Elements.CHUNK) {
          byte[] elements = elements(ListMessages.Elements.ANSWERED, SERVER, first, rows.length);
          int refused = off.apply(elements);
          if (refused >= 0) {
            throw lowOrder(ListMessages.Elements.ANSWERED, SERVER, first + refused);
          }
          function.values(elements, values, first);
          progress.update("exchange keys", first, rows.length);
        }
        links.join();
      } catch (RuntimeException e) {
        RuntimeException reason = links.fail(e);
        links.drain();
        throw reason;
      }
    }
    return values;
  }

  private void decide(int found) {
    int minimum = job.policy().minIntersection();
    if (found < minimum) {
      links.send(SERVER, new RunMessages.Verdict(0, RunMessages.Verdict.BELOW_MINIMUM));
      throw AlignmentException.BelowMinimum.seenByFirst(minimum, found);
    }
    links.send(SERVER, new RunMessages.Verdict(0, found));
  }

  /** What cannot be read is asked for anew next time. */
  private AlignmentException forget(IOException reason) {
    try {
      store.keep(ListStore.Kind.RECEIVED, out -> {});
    } catch (IOException e) {
      reason.addSuppressed(e);
    }
    return new AlignmentException.ListStorage(reason);
  }
}
