package org.espalier.node.demo;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.wire.Party;
import org.espalier.wire.Printable;

/**
 * What the audience sees: the steps, each command as a user would type it, and what comes of it.
 */
final class Shell {
  private static final String INDENT = "    ";
  private static final String HERE = Path.of("").toAbsolutePath().toString();

  private final Cli cli;
  private final PrintStream screen;
  private final UnaryOperator<String> strong;
  private final DemoFolder folder;
  private int steps;

  /**
   * @param strong makes a heading stand out
   */
  Shell(Cli cli, PrintStream screen, UnaryOperator<String> strong, DemoFolder folder) {
    this.cli = cli;
    this.screen = screen;
    this.strong = strong;
    this.folder = folder;
  }

  void step(String title) {
    steps++;
    screen.println();
    screen.println(strong.apply(steps + ". " + Printable.of(title)));
  }

  void say(String line) {
    screen.println(INDENT + Printable.of(line));
  }

  /** Shows a command without its output, for one that is carried out in some other way. */
  void typed(Party at, String... words) {
    StringBuilder line = new StringBuilder("  ").append(at).append("$ silo");
    for (String word : words) {
      String shown = word;
      if (word.startsWith(folder.root().toString())) {
        shown = Path.of(word).getFileName().toString();
      } else if (word.startsWith(HERE + "/")) {
        shown = Path.of(HERE).relativize(Path.of(word)).toString();
      }
      line.append(' ').append(shown.contains(" ") ? "'" + shown + "'" : shown);
    }
    screen.println(Printable.of(line.toString()));
  }

  /**
   * Carries out a command and shows what it prints.
   *
   * @throws Problem if it fails; it has said why
   */
  void show(Party at, String... words) {
    PrintStream indented = indented();
    run(indented, indented, at, words);
  }

  /**
   * Carries out a command and shows how it gets on, not what it prints in the end.
   *
   * @throws Problem if it fails; it has said why
   */
  void watch(Party at, String... words) {
    run(
        new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8),
        indented(),
        at,
        words);
  }

  private PrintStream indented() {
    return new PrintStream(new Indented(screen), true, StandardCharsets.UTF_8);
  }

  private void run(PrintStream out, PrintStream err, Party at, String... words) {
    typed(at, words);
    int exitCode = cli.run(out, err, words(at, words));
    if (exitCode != 0) {
      throw Problem.of(kind(exitCode), "'silo " + words[0] + "' ended with " + exitCode).at(at);
    }
  }

  /**
   * Carries out a command and returns what it prints for scripts.
   *
   * @throws Problem the command's own, at this party unless it names another
   */
  JsonNode ask(Party at, String... words) {
    typed(at, words);
    return quietly(at, words);
  }

  /** The same, off stage. */
  JsonNode quietly(Party at, String... words) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    List<String> all = new ArrayList<>(List.of(words(at, words)));
    all.add("--json");
    int exitCode =
        cli.run(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            all.toArray(String[]::new));
    String printed = out.toString(StandardCharsets.UTF_8);
    JsonNode json = printed.isBlank() ? Json.object() : Json.parse("silo " + words[0], printed);
    if (exitCode != 0) {
      if (json.has("error")) {
        Problem problem = Problem.fromJson(json.get("error"));
        throw problem.party().isPresent() ? problem : problem.at(at);
      }
      throw Problem.of(kind(exitCode), "'silo " + words[0] + "' ended with " + exitCode)
          .at(at)
          .detail(err.toString(StandardCharsets.UTF_8).strip());
    }
    return json;
  }

  private static Problem.Kind kind(int exitCode) {
    for (Problem.Kind kind : Problem.Kind.values()) {
      if (kind.exitCode() == exitCode) {
        return kind;
      }
    }
    return Problem.Kind.INTERNAL;
  }

  private String[] words(Party at, String... words) {
    List<String> all = new ArrayList<>(List.of(words));
    all.add("--home");
    all.add(folder.home(at).root().toString());
    return all.toArray(String[]::new);
  }

  /**
   * Sets every line in, also one that is drawn again from its start, and leaves out advice on the
   * next command, which the audience is about to see.
   */
  private static final class Indented extends FilterOutputStream {
    private static final byte[] ADVICE = "next: ".getBytes(StandardCharsets.US_ASCII);

    /** How much of the present line looks like advice; -1 if it is none. */
    private int advice;

    Indented(OutputStream out) {
      super(out);
    }

    @Override
    public void write(int b) throws IOException {
      boolean ends = b == '\n' || b == '\r';
      if (advice == ADVICE.length) {
        advice = ends ? 0 : advice;
      } else if (advice >= 0 && b == ADVICE[advice]) {
        advice++;
      } else {
        if (advice > 0 || (advice == 0 && !ends)) {
          out.write(INDENT.getBytes(StandardCharsets.US_ASCII));
          out.write(ADVICE, 0, advice);
        }
        out.write(b);
        advice = ends ? 0 : -1;
      }
    }
  }
}
