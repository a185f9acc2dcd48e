package org.espalier.audit.log;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.espalier.audit.Logs;
import org.espalier.audit.event.Event;
import org.espalier.audit.event.EventType;

/** Appends many events quickly: none waits for the one before it. */
public final class Bulk {
  private Bulk() {}

  public static void append(Path directory, int count) {
    LogWriter writer =
        LogWriter.open(Logs.settings(directory), Logs.SIGNER, new Disk(Disk.Gate.OPEN));
    try {
      Event event = Event.fact(EventType.NODE_STOPPED, e -> e.reason("test"));
      List<LogWriter.Ticket> tickets = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        boolean last = i == count - 1;
        tickets.add(
            writer.submit(
                tree ->
                    new LogWriter.Entry(
                        new Place(tree.size(), "x"),
                        event.encode(
                            new Event.Stamp(
                                tree.size(),
                                String.format("%032x", tree.size()),
                                1_700_000_000_000L + tree.size(),
                                "0".repeat(16),
                                1_000_000L * tree.size()))),
                false,
                last));
      }
      tickets.forEach(ticket -> ticket.committed().join());
      if (!tickets.isEmpty()) {
        tickets.get(count - 1).published().join();
      }
    } finally {
      writer.close();
    }
  }
}
