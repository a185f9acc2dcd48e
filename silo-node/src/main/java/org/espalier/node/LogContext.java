package org.espalier.node;

import java.util.ArrayDeque;
import java.util.Deque;
import org.espalier.wire.Party;
import org.slf4j.MDC;

/** What a thread works on, for the lines that it logs. Closed by the thread that opened it. */
public final class LogContext {
  public static final String JOB = "job";
  public static final String PARTNER = "partner";
  public static final String COMMAND = "command";

  /** What a job's id looks like; what a partner calls a job may be anything. */
  public static final String JOB_ID = "[A-Z]-[0-9a-f]{8}";

  private final Deque<MDC.MDCCloseable> fields = new ArrayDeque<>();

  private LogContext() {}

  public static LogContext of() {
    return new LogContext();
  }

  /** A job; nothing if that is no job's id. */
  public LogContext job(String id) {
    if (id.matches(JOB_ID)) {
      fields.push(MDC.putCloseable(JOB, id));
    }
    return this;
  }

  public LogContext partner(Party partner) {
    fields.push(MDC.putCloseable(PARTNER, partner.name()));
    return this;
  }

  /** A command of an operator, or a method of a partner's node: a word of the program's own. */
  public LogContext command(String name) {
    fields.push(MDC.putCloseable(COMMAND, name));
    return this;
  }

  /** Forgets what was put in last, and so on. */
  public void close() {
    while (!fields.isEmpty()) {
      fields.pop().close();
    }
  }
}
