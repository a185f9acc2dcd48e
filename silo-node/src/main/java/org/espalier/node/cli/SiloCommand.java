package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.node.control.ControlClient;
import org.espalier.wire.Party;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** What every command has: the node's folder, {@code --json} and a way to ask the node. */
@Command(
    mixinStandardHelpOptions = true,
    synopsisHeading = "%nUsage: ",
    optionListHeading = "%nOptions:%n",
    parameterListHeading = "%nArguments:%n")
abstract class SiloCommand implements Callable<Integer> {
  @Spec CommandSpec spec;

  private Silo silo() {
    return (Silo) spec.root().userObject();
  }

  Console console() {
    return silo().console();
  }

  /** Whether one JSON object is wanted on standard output. */
  boolean json() {
    return silo().json;
  }

  /** Whether a question can be put to a person. */
  boolean mayAsk() {
    return console().terminal() && !silo().noInput;
  }

  /**
   * The node's folder, which only its owner may enter.
   *
   * @throws Problem for another user, who reaches the node by a socket
   */
  SiloHome home() {
    Path socket = socket();
    if (socket != null) {
      throw Problem.refused("this command reads the node's folder, which only its owner may enter")
          .detail("asked for the node at " + socket);
    }
    if (silo().home != null) {
      return new SiloHome(silo().home);
    }
    String env = console().env().get("SILO_HOME");
    return new SiloHome(
        env != null && !env.isBlank()
            ? Path.of(env)
            : Path.of(
                console().env().getOrDefault("HOME", System.getProperty("user.home")), ".silo"));
  }

  /** For users who are not the owner; null for the owner. */
  private Path socket() {
    if (silo().socket != null || silo().home != null) {
      return silo().socket;
    }
    String env = console().env().get("SILO_SOCKET");
    return env == null || env.isBlank() ? null : Path.of(env);
  }

  /** Whether the node is asked by its owner, who may enter its folder. */
  boolean isOwner() {
    return socket() == null;
  }

  ControlClient node() {
    return isOwner() ? new ControlClient(home()) : new ControlClient(socket());
  }

  /**
   * Fails where there is no node, running or not.
   *
   * @throws Problem with what to do
   */
  void requireNode() {
    if (isOwner()) {
      home().load();
    }
  }

  /** The node's party. */
  Party self() {
    return isOwner()
        ? home().load().name()
        : new Party(ask("status", args()).path("name").asText());
  }

  static ObjectNode args() {
    return Json.object();
  }

  /** Asks the node and waits for its answer. */
  JsonNode ask(String command, ObjectNode args) {
    return node().call(command, args, event -> {});
  }

  /** Prints a result: as JSON if that was wanted, else for people. */
  int show(JsonNode result, Consumer<JsonNode> human) {
    if (json()) {
      console().json(result);
    } else {
      human.accept(result);
      console().out().flush();
    }
    return 0;
  }

  /** Something that is not data, for people only. */
  void say(String line) {
    if (!json()) {
      console().say(line);
    }
  }

  /** Suggests the next command, but not to scripts. */
  void next(String command) {
    if (!json()) {
      console().next(withHome(command));
    }
  }

  /** The same with a remark on what to do before it. */
  void next(String command, String remark) {
    if (!json()) {
      console().next(withHome(command) + "   (" + remark + ")");
    }
  }

  /** Suggests what somebody does at another party. */
  void nextAt(String party, String command) {
    if (!json()) {
      console().say("next at " + party + ": " + command);
    }
  }

  /** A command for the same node as this one. */
  String withHome(String command) {
    if (silo().socket != null) {
      return command + " --socket " + silo().socket;
    }
    return silo().home == null ? command : command + " --home " + silo().home;
  }

  /**
   * Lets a person confirm a dangerous act by typing the name of what it hits.
   *
   * @param warning what will happen
   * @param yes whether {@code --yes} was given
   * @param again the command to which {@code --yes} can be added
   */
  void confirm(String warning, String name, boolean yes, String again) {
    if (yes) {
      return;
    }
    if (!mayAsk()) {
      throw Problem.of(Problem.Kind.USAGE, warning)
          .detail("this must be confirmed, and there is nobody to ask")
          .next(withHome(again + " --yes"));
    }
    console().say(warning);
    if (!console().ask("Type " + name + " to go on:").equals(name)) {
      throw Problem.of(Problem.Kind.USAGE, "not confirmed; nothing was changed");
    }
  }

  static Problem usage(String what) {
    return Problem.of(Problem.Kind.USAGE, what);
  }
}
