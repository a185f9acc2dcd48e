package org.espalier.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

class HelpTest {
  private static final String ESCAPE = "\u001b";

  private static CommandLine silo() {
    return Silo.commandLine(new Console(System.out, System.err, false, false, java.util.Map.of()));
  }

  /** Every command's words, such as {@code job plan}. */
  static Stream<String> commands() {
    List<String> paths = new ArrayList<>();
    collect(silo(), "", paths);
    return paths.stream();
  }

  private static void collect(CommandLine command, String path, List<String> paths) {
    command
        .getSubcommands()
        .forEach(
            (word, sub) -> {
              if (sub.getCommandName().equals(word)) {
                String whole = (path + " " + word).strip();
                paths.add(whole);
                collect(sub, whole, paths);
              }
            });
  }

  @ParameterizedTest
  @MethodSource("commands")
  void showsAnExampleOfItself(String command) throws IOException {
    try (CommandLineFixture silo = new CommandLineFixture()) {
      CommandLineFixture.Said said = silo.run((command + " --help").split(" ", -1));
      assertThat(said.exitCode()).isZero();
      assertThat(said.err()).isEmpty();
      assertThat(said.out()).contains("Example").doesNotContain(ESCAPE);
      assertThat(said.out().substring(said.out().indexOf("Example"))).contains("silo " + command);
      assertThat(said.out().indexOf("Example")).isLessThan(said.out().indexOf("Options:"));
    }
  }

  /** Every command that a help, the README or the documents show is one that there is. */
  @Test
  void nothingNamesACommandThatDoesNotExist() throws IOException {
    StringBuilder texts = new StringBuilder();
    for (String path : commands().toList()) {
      try (CommandLineFixture silo = new CommandLineFixture()) {
        texts.append(silo.run((path + " --help").split(" ", -1)).out());
      }
    }
    Path root = Examples.configs().getParent();
    texts.append(Files.readString(root.resolve("README.md")));
    try (Stream<Path> documents = Files.walk(root.resolve("docs"))) {
      for (Path file : documents.filter(f -> f.toString().endsWith(".md")).toList()) {
        texts.append(Files.readString(file));
      }
    }
    Set<String> known = commands().collect(Collectors.toSet());
    Set<String> groups =
        known.stream()
            .filter(path -> path.contains(" "))
            .map(path -> path.substring(0, path.indexOf(' ')))
            .collect(Collectors.toSet());
    Matcher shown =
        Pattern.compile("(?m)(?:^ +|`(?:\\./)?|^)silo ([a-z]+)(?: ([a-z]+(?:-[a-z]+)*))?")
            .matcher(texts);
    int seen = 0;
    while (shown.find()) {
      String group = shown.group(1);
      assertThat(known).contains(group);
      if (groups.contains(group) && shown.group(2) != null) {
        assertThat(known).contains(group + " " + shown.group(2));
      }
      seen++;
    }
    assertThat(seen).isGreaterThan(100);
  }

  @Test
  void namesEveryGroupAndItsExitCodes() throws IOException {
    try (CommandLineFixture silo = new CommandLineFixture()) {
      String help = silo.run("--help").out();
      assertThat(help)
          .contains(
              "init", "node", "status", "partner", "dataset", "match", "job", "predict", "model")
          .contains("audit", "doctor", "demo", "completion")
          .contains("3 node not running", "8 job failed", "13 fork");
    }
  }

  @Test
  void aGroupAloneExplainsItselfAndFails() throws IOException {
    try (CommandLineFixture silo = new CommandLineFixture()) {
      CommandLineFixture.Said said = silo.run("job");
      assertThat(said.exitCode()).isEqualTo(2);
      assertThat(said.out()).isEmpty();
      assertThat(said.err()).contains("silo job propose job.yaml");
      assertThat(silo.run().exitCode()).isEqualTo(2);
    }
  }

  @Test
  void suggestsTheWordThatWasMeant() throws IOException {
    try (CommandLineFixture silo = new CommandLineFixture()) {
      CommandLineFixture.Said said = silo.run("job", "propse", "x.yaml");
      assertThat(said.exitCode()).isEqualTo(2);
      assertThat(said.err())
          .contains("'propse' is not understood", "did you mean", "propose")
          .contains("next: silo job --help");
    }
  }

  @Test
  void completionKnowsAllCommands() throws IOException {
    try (CommandLineFixture silo = new CommandLineFixture()) {
      CommandLineFixture.Said said = silo.run("completion");
      assertThat(said.exitCode()).isZero();
      assertThat(said.out())
          .startsWith("#!/usr/bin/env bash")
          .contains("complete", "propose", "revoke");
    }
  }

  @Test
  void noOptionTakesASecret() {
    for (String path : commands().toList()) {
      CommandLine command = silo();
      for (String word : path.split(" ", -1)) {
        command = command.getSubcommands().get(word);
      }
      command.getCommandSpec().optionsMap().keySet().stream()
          .filter(name -> !name.endsWith("-file")) // a path is no secret
          .forEach(name -> assertThat(name).doesNotContain("pass", "secret", "token"));
    }
  }
}
