package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.espalier.node.config.Json;
import org.espalier.node.control.ControlServer;

/** Runs commands in this process against a node that gives the answers of a test. */
final class CommandLineFixture implements AutoCloseable {
  /** What a command printed. */
  record Said(int exitCode, String out, String err) {
    JsonNode json() {
      return Json.parse("output", out);
    }
  }

  /** What a command asked the node. */
  record Asked(String command, JsonNode args) {}

  private final Path home;
  private final Map<String, ControlServer.Command> commands = new HashMap<>();
  private final List<Asked> asked = Collections.synchronizedList(new ArrayList<>());
  private final Map<String, String> env = new HashMap<>();
  private ControlServer server;
  private boolean terminal;
  private boolean color;
  private String input = "";

  /** A home of party bank.example under a short path: a socket's path may not be long. */
  CommandLineFixture() throws IOException {
    home = Files.createTempDirectory("silo");
    Files.writeString(home.resolve("silo.yaml"), "name: bank.example\nlisten: 127.0.0.1:9443\n");
    env.put("SILO_HOME", home.toString());
  }

  Path home() {
    return home;
  }

  /** The node answers this command with this JSON. */
  CommandLineFixture answer(String command, String json) {
    return answer(command, (args, events) -> Json.parse(command, json));
  }

  CommandLineFixture answer(String command, ControlServer.Command answer) {
    commands.put(
        command,
        (args, events) -> {
          asked.add(new Asked(command, args));
          return answer.run(args, events);
        });
    return this;
  }

  /** A person watches, and will type this. */
  CommandLineFixture person(String types) {
    terminal = true;
    input = types;
    return this;
  }

  CommandLineFixture colors() {
    terminal = true;
    color = true;
    return this;
  }

  CommandLineFixture input(String text) {
    input = text;
    return this;
  }

  CommandLineFixture env(String key, String value) {
    env.put(key, value);
    return this;
  }

  List<Asked> asked() {
    return asked;
  }

  /** The arguments of the one call of this command. */
  JsonNode argsOf(String command) {
    List<Asked> calls = asked.stream().filter(a -> a.command().equals(command)).toList();
    if (calls.size() != 1) {
      throw new AssertionError(command + " was asked " + calls.size() + " times: " + asked);
    }
    return calls.get(0).args();
  }

  Said run(String... args) {
    try {
      if (server == null && !commands.isEmpty()) {
        server = ControlServer.start(home.resolve("control.sock"), commands);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Console console =
        new Console(
            new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            terminal,
            color,
            env);
    int exitCode = Silo.run(console, args);
    return new Said(
        exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  /** The same command with {@code --json}. */
  Said runJson(String... args) {
    String[] more = Arrays.copyOf(args, args.length + 1);
    more[args.length] = "--json";
    return run(more);
  }

  @Override
  public void close() throws IOException {
    if (server != null) {
      server.close();
    }
    try (var files = Files.list(home)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(home);
  }
}
