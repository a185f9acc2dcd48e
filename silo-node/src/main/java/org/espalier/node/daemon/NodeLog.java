package org.espalier.node.daemon;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.StackTraceElementProxy;
import ch.qos.logback.classic.spi.ThrowableProxy;
import ch.qos.logback.core.LayoutBase;
import ch.qos.logback.core.encoder.LayoutWrappingEncoder;
import ch.qos.logback.core.rolling.FixedWindowRollingPolicy;
import ch.qos.logback.core.rolling.RollingFileAppender;
import ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy;
import ch.qos.logback.core.util.FileSize;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.sql.SQLException;
import java.time.Instant;
import java.util.concurrent.TimeoutException;
import org.espalier.node.LogContext;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.LoggingConfig;
import org.espalier.wire.Party;
import org.espalier.wire.Printable;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where the node's own log goes: {@code node.log}, at most six files of 10 MiB. What is going on is
 * said beside the message in the form for machines: see {@link LogContext}.
 */
final class NodeLog {
  private static final int OLD_FILES = 5;

  private static final int MAX_FRAMES = 25;

  private NodeLog() {}

  static void to(Path file, LoggingConfig.Format format) {
    LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    context.reset();
    LayoutBase<ILoggingEvent> lines =
        format == LoggingConfig.Format.JSON ? new JsonLines() : new Lines();
    lines.setContext(context);
    lines.start();
    LayoutWrappingEncoder<ILoggingEvent> encoder = new LayoutWrappingEncoder<>();
    encoder.setContext(context);
    encoder.setLayout(lines);
    encoder.start();

    RollingFileAppender<ILoggingEvent> appender = new RollingFileAppender<>();
    appender.setContext(context);
    appender.setFile(file.toString());
    FixedWindowRollingPolicy window = new FixedWindowRollingPolicy();
    window.setContext(context);
    window.setParent(appender);
    window.setFileNamePattern(file + ".%i");
    window.setMinIndex(1);
    window.setMaxIndex(OLD_FILES);
    window.start();
    SizeBasedTriggeringPolicy<ILoggingEvent> trigger = new SizeBasedTriggeringPolicy<>();
    trigger.setContext(context);
    trigger.setMaxFileSize(FileSize.valueOf("10MB"));
    trigger.start();
    appender.setEncoder(encoder);
    appender.setRollingPolicy(window);
    appender.setTriggeringPolicy(trigger);
    appender.start();

    context.getLogger(Logger.ROOT_LOGGER_NAME).setLevel(Level.INFO);
    context.getLogger("org.eclipse.jetty").setLevel(Level.ERROR);
    context.getLogger(Logger.ROOT_LOGGER_NAME).addAppender(appender);
  }

  /**
   * One line per event, then the trace. What partners wrote cannot pose as a line. Messages of
   * exceptions are shown only where they cannot quote data: a number that does not parse, for
   * instance, is quoted by its exception.
   */
  static final class Lines extends LayoutBase<ILoggingEvent> {
    @Override
    public String doLayout(ILoggingEvent event) {
      StringBuilder out = new StringBuilder(200);
      out.append(Instant.ofEpochMilli(event.getTimeStamp()))
          .append(' ')
          .append(event.getLevel())
          .append(" [")
          .append(Printable.of(event.getThreadName()))
          .append("] ")
          .append(event.getLoggerName().substring(event.getLoggerName().lastIndexOf('.') + 1))
          .append(": ")
          .append(Printable.of(event.getFormattedMessage()))
          .append('\n');
      String by = "  ";
      for (IThrowableProxy e = event.getThrowableProxy(); e != null; e = e.getCause()) {
        out.append(by).append(e.getClassName()).append(message(e)).append('\n');
        StackTraceElementProxy[] frames = e.getStackTraceElementProxyArray();
        int shown = Math.min(MAX_FRAMES, frames.length - e.getCommonFrames());
        for (int i = 0; i < shown; i++) {
          out.append("    ").append(frames[i].getSTEAsString()).append('\n');
        }
        by = "  caused by ";
      }
      return out.toString();
    }

    private static String message(IThrowableProxy e) {
      String message = harmless(e);
      return message == null ? "" : ": " + message;
    }
  }

  /**
   * One JSON object a line: {@code time, level, thread, logger, message}, where they are known
   * {@code job, partner, command}, and {@code error}, a list from the outermost exception to its
   * causes. Parties and jobs that a message names are fields, too.
   */
  static final class JsonLines extends LayoutBase<ILoggingEvent> {
    @Override
    public String doLayout(ILoggingEvent event) {
      ObjectNode line = Json.object();
      line.put("time", Instant.ofEpochMilli(event.getTimeStamp()).toString())
          .put("level", event.getLevel().toString())
          .put("thread", Printable.of(event.getThreadName()))
          .put("logger", event.getLoggerName())
          .put("message", Printable.of(event.getFormattedMessage()));
      event.getMDCPropertyMap().forEach((key, value) -> line.put(key, Printable.of(value)));
      for (Object named :
          event.getArgumentArray() == null ? new Object[0] : event.getArgumentArray()) {
        if (named instanceof Party party && !line.has(LogContext.PARTNER)) {
          line.put(LogContext.PARTNER, party.name());
        } else if (named instanceof Session session && !line.has(LogContext.JOB)) {
          line.put(LogContext.JOB, session.job());
        } else if (named instanceof String text
            && text.matches(LogContext.JOB_ID)
            && !line.has(LogContext.JOB)) {
          line.put(LogContext.JOB, text);
        }
      }
      for (IThrowableProxy e = event.getThrowableProxy(); e != null; e = e.getCause()) {
        ObjectNode error = line.withArray("error").addObject().put("class", e.getClassName());
        String message = harmless(e);
        if (message != null) {
          error.put("message", message);
        }
        StackTraceElementProxy[] frames = e.getStackTraceElementProxyArray();
        int shown = Math.min(MAX_FRAMES, frames.length - e.getCommonFrames());
        for (int i = 0; i < shown; i++) {
          error.withArray("trace").add(frames[i].getSTEAsString());
        }
      }
      return Json.write(line) + "\n";
    }
  }

  /** The message of an exception that cannot quote data; null of another one. */
  private static String harmless(IThrowableProxy e) {
    if (e.getMessage() == null || !(e instanceof ThrowableProxy known)) {
      return null;
    }
    Throwable thrown = known.getThrowable();
    boolean harmless =
        thrown instanceof Problem
            || thrown instanceof WireException
            || thrown instanceof IOException
            || thrown instanceof SQLException
            || thrown instanceof TimeoutException
            || thrown instanceof GeneralSecurityException;
    return harmless ? Printable.of(e.getMessage()) : null;
  }
}
