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
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.sql.SQLException;
import java.time.Instant;
import java.util.concurrent.TimeoutException;
import org.espalier.node.Problem;
import org.espalier.wire.Printable;
import org.espalier.wire.WireException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Where the node's own log goes: {@code node.log}, at most six files of 10 MiB. */
final class NodeLog {
  private static final int OLD_FILES = 5;

  private NodeLog() {}

  static void to(Path file) {
    LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    context.reset();
    Lines lines = new Lines();
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
    private static final int MAX_FRAMES = 25;

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
      if (e.getMessage() == null || !(e instanceof ThrowableProxy known)) {
        return "";
      }
      Throwable thrown = known.getThrowable();
      boolean harmless =
          thrown instanceof Problem
              || thrown instanceof WireException
              || thrown instanceof IOException
              || thrown instanceof SQLException
              || thrown instanceof TimeoutException
              || thrown instanceof GeneralSecurityException;
      return harmless ? ": " + Printable.of(e.getMessage()) : "";
    }
  }
}
