package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.Locale;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.job.JobSpec;
import org.espalier.node.policy.Person;
import org.espalier.node.policy.PersonKey;
import org.espalier.node.policy.PersonWord;
import org.espalier.wire.Party;
import picocli.CommandLine.Option;

/** Lets a person sign what a command asks for, with a key that never reaches the node. */
final class SignAs {
  @Option(
      names = "--as",
      paramLabel = "NAME",
      description = "Sign as this person of the node's policy.")
  String name;

  @Option(names = "--key", paramLabel = "FILE", description = "The person's key file.")
  Path key;

  @Option(
      names = "--passphrase-file",
      paramLabel = "FILE",
      description = "Where the key's passphrase is (default: it is asked for).")
  Path passphraseFile;

  /** Proposes the job in the arguments, as a person if one is named. */
  JsonNode propose(SiloCommand command, ObjectNode args) {
    byte[] digest = JobSpec.json("the job", args.path("spec")).digest();
    sign(command, args, "", digest, PersonWord.Meaning.PROPOSES);
    return command.ask("job.propose", args);
  }

  /** Signs a decision on a job, after showing what is signed. */
  void decide(SiloCommand command, ObjectNode args, String job, PersonWord.Meaning meaning) {
    if (name == null && key == null) {
      return;
    }
    JsonNode shown = command.ask("job.show", SiloCommand.args().put("job", job));
    JobSpec spec = JobSpec.json(job, shown.path("spec"));
    command.say(
        "%s %s %s: %s, purpose %s, sha256:%s"
            .formatted(
                name,
                meaning.name().toLowerCase(Locale.ROOT),
                job,
                spec.name(),
                spec.purpose(),
                HexFormat.of().formatHex(spec.digest())));
    sign(command, args, job, spec.digest(), meaning);
  }

  /**
   * Adds the signed word of a person to the arguments of a command, if one was named.
   *
   * @param job its id, empty before it has one
   * @param digest of its content, computed here and not by the node
   */
  private void sign(
      SiloCommand command, ObjectNode args, String job, byte[] digest, PersonWord.Meaning meaning) {
    if (name == null && key == null) {
      return;
    }
    if (name == null || key == null) {
      throw SiloCommand.usage("--as and --key belong together");
    }
    JsonNode policy = command.ask("policy.show", SiloCommand.args());
    JsonNode entry = policy.path("policy").path("people").path(name);
    if (entry.isMissingNode()) {
      throw Problem.refused("the policy of this node names nobody " + name)
          .next("silo person create " + name + " --key " + key);
    }
    Person person = Json.convert("people." + name, entry, Person.class);
    PersonWord word =
        PersonWord.sign(
            open(command),
            new PersonWord.Subject(job, digest, new Party(policy.path("party").asText())),
            name,
            person,
            meaning,
            policy.path("digest").asText(),
            Instant.now().truncatedTo(ChronoUnit.MILLIS));
    args.set("word", word.toJson());
  }

  private PersonKey open(SiloCommand command) {
    if (passphraseFile != null) {
      return PersonKey.open(key, passphraseFile);
    }
    return PersonKey.open(key, ask(command, "Passphrase of " + key + ":"));
  }

  /** A passphrase that somebody types. */
  static char[] ask(SiloCommand command, String question) {
    if (!command.mayAsk()) {
      throw SiloCommand.usage("nobody can be asked for a passphrase")
          .next("the same with --passphrase-file FILE");
    }
    return command.console().secret(question);
  }
}
