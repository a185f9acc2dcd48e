package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.wire.Printable;

/**
 * Where a command reads and writes: data to {@code out}, everything said to a person to {@code
 * err}.
 *
 * @param in answers of a person, or a file that a command takes from standard input
 * @param terminal whether a person watches and can answer, so that lines may be redrawn
 * @param color whether colours are wanted as well
 */
public record Console(
    InputStream in,
    PrintStream out,
    PrintStream err,
    boolean terminal,
    boolean color,
    Map<String, String> env) {
  private static final String RED = "31";
  private static final String GREEN = "32";
  private static final String YELLOW = "33";
  private static final String BOLD = "1";
  private static final char NO_BREAK = '\u00a0';
  private static final int DEFAULT_WIDTH = 100;
  private static final int MIN_WIDTH = 40;
  private static final int MAX_ANSWER = 4096;

  /** With nothing to read. */
  public Console(
      PrintStream out, PrintStream err, boolean terminal, boolean color, Map<String, String> env) {
    this(InputStream.nullInputStream(), out, err, terminal, color, env);
  }

  /**
   * The process's own streams; colours unless NO_COLOR is set or nobody watches.
   *
   * <p>The launcher says which of the three streams are terminals ({@code -Dsilo.tty=111}), because
   * Java cannot tell them apart and answers differently from version 22 on.
   */
  public static Console system() {
    Map<String, String> env = System.getenv();
    String tty = System.getProperty("silo.tty", "000");
    boolean able = !"dumb".equals(env.get("TERM"));
    boolean terminal = able && tty.charAt(0) == '1' && tty.charAt(2) == '1';
    boolean color =
        able && tty.charAt(1) == '1' && tty.charAt(2) == '1' && !env.containsKey("NO_COLOR");
    return new Console(
        System.in, utf8(System.out), utf8(System.err), terminal, terminal && color, env);
  }

  private static PrintStream utf8(PrintStream stream) {
    return new PrintStream(stream, true, StandardCharsets.UTF_8);
  }

  /** Characters in a line of the terminal. */
  int width() {
    String columns = env.getOrDefault("COLUMNS", "");
    return columns.matches("[1-9][0-9]{0,3}")
        ? Math.max(MIN_WIDTH, Integer.parseInt(columns))
        : DEFAULT_WIDTH;
  }

  void json(JsonNode node) {
    out.println(Json.pretty(node));
    out.flush();
  }

  /** One object on one line. */
  void jsonLine(JsonNode node) {
    out.println(Json.write(node));
    out.flush();
  }

  void print(String line) {
    out.println(Printable.of(line));
  }

  /**
   * Text that may be longer than a line; the lines after the first are indented. No line ends at a
   * no-break space.
   */
  void paragraph(String first, String rest, String text) {
    StringBuilder line = new StringBuilder(first);
    int start = line.length();
    for (String word : text.split(" ", -1)) {
      if (line.length() > start && line.length() + 1 + word.length() > width()) {
        print(line.toString().replace(NO_BREAK, ' '));
        line.setLength(0);
        line.append(rest);
        start = line.length();
      }
      line.append(line.length() > start ? " " : "").append(word);
    }
    print(line.toString().replace(NO_BREAK, ' '));
  }

  /** Something that is not data: progress, advice. */
  void say(String line) {
    err.println(Printable.of(line));
  }

  /** Suggests the next command. */
  void next(String command) {
    say("next: " + command);
  }

  void problem(Problem problem) {
    String where = problem.party().map(party -> party + ": ").orElse("");
    err.println(paint(RED, "silo: ") + Printable.of(where + problem.what()));
    problem.detail().ifPresent(detail -> say("  why:  " + detail));
    problem.next().ifPresent(next -> say("  next: " + next));
  }

  /** Asks a person; the answer without white space around it, empty at the end of the input. */
  String ask(String question) {
    err.print(Printable.of(question) + " ");
    err.flush();
    try {
      StringBuilder answer = new StringBuilder();
      for (int c = in.read(); c >= 0 && c != '\n' && answer.length() < MAX_ANSWER; c = in.read()) {
        answer.append((char) c);
      }
      return answer.toString().strip();
    } catch (IOException e) {
      return "";
    }
  }

  /** Asks for a secret without showing it; empty where nobody can be asked. */
  char[] secret(String question) {
    java.io.Console keyboard = terminal ? System.console() : null;
    char[] typed = keyboard == null ? null : keyboard.readPassword("%s ", Printable.of(question));
    return typed == null ? new char[0] : typed;
  }

  String good(String s) {
    return paint(GREEN, s);
  }

  String warning(String s) {
    return paint(YELLOW, s);
  }

  String bad(String s) {
    return paint(RED, s);
  }

  String strong(String s) {
    return paint(BOLD, s);
  }

  private String paint(String code, String s) {
    return color ? "\u001b[" + code + "m" + s + "\u001b[0m" : s;
  }
}
