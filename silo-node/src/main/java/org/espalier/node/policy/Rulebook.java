package org.espalier.node.policy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Optional;
import org.espalier.audit.verify.DurableFile;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.wire.Digests;
import org.espalier.wire.Printable;

/**
 * The policy in force at a running node, and whether the node is halted.
 *
 * <p>A changed file counts when it is applied, or the node started again. A halt is a file too: it
 * outlives a restart, and works where the node no longer listens.
 */
public final class Rulebook {
  private static final String HALTED = "HALTED";
  private static final int MAX_REASON = 500;

  /** A policy and the digest of the text it was read from. */
  public record InForce(Policy policy, String digest) {}

  private final SiloHome home;
  private volatile InForce now;

  /** Reads the policy of a node; without a file everything is denied. */
  public Rulebook(SiloHome home) {
    this.home = home;
    this.now = onDisk();
  }

  private Rulebook(Policy policy) {
    this.home = null;
    this.now = new InForce(policy, digest(Json.toYaml(policy)));
  }

  /** A policy that never changes. */
  public static Rulebook of(Policy policy) {
    return new Rulebook(policy);
  }

  /**
   * The file as it is now, whether it is in force or not.
   *
   * @throws Problem naming what is wrong with it
   */
  public InForce onDisk() {
    if (!Files.isRegularFile(home.policy())) {
      return new InForce(Policy.NONE, digest(""));
    }
    String text = Json.text(home.policy());
    return new InForce(parse(home.policy().getFileName().toString(), text), digest(text));
  }

  /**
   * @param name how an error calls the text
   * @throws Problem naming the line and the key of what is wrong
   */
  public static Policy parse(String name, String text) {
    return Json.yaml(name, text, Policy.class);
  }

  /** SHA-256 of a policy's text, in hex. */
  public static String digest(String text) {
    return HexFormat.of().formatHex(Digests.sha256().digest(text.getBytes(StandardCharsets.UTF_8)));
  }

  public InForce now() {
    return now;
  }

  public Policy policy() {
    return now.policy();
  }

  /** Puts another policy into force, as {@link #onDisk} read it. */
  public void apply(InForce other) {
    now = other;
  }

  /**
   * Makes the first policy of a node.
   *
   * @throws Problem if there is one
   */
  public synchronized void create(String text) {
    Policy unused = parse("the new policy", text);
    try {
      SiloHome.createFile(home.policy(), text.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw Problem.refused("there is a policy already, or it cannot be written")
          .detail(e.getMessage())
          .next("silo policy suggest, and add what it prints to policy.yaml")
          .because(e);
    }
  }

  // ---- the kill switch --------------------------------------------------------------------------

  /** Why and since when nothing may be done here; empty if it may. */
  public Optional<ObjectNode> halted() {
    return home == null ? Optional.empty() : halted(home);
  }

  private static Path file(SiloHome home) {
    return home.root().resolve(HALTED);
  }

  /** The same of a node that need not run. A file that cannot be read halts as well. */
  public static Optional<ObjectNode> halted(SiloHome home) {
    try {
      String text = Files.readString(file(home));
      ObjectNode said = Json.object();
      try {
        if (Json.parse(HALTED, text) instanceof ObjectNode json) {
          said = json;
        }
      } catch (Problem notOurs) {
        said.put("reason", Printable.of(text.strip()));
      }
      return Optional.of(said);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of(Json.object().put("reason", "the file HALTED cannot be read"));
    }
  }

  /** From now on nothing is done at the node of this folder, whether it runs or not. */
  public static ObjectNode halt(SiloHome home, String reason) {
    String shown = Printable.of(reason);
    ObjectNode said =
        Json.object()
            .put("reason", shown.substring(0, Math.min(shown.length(), MAX_REASON)))
            .put("since", Instant.now().toString());
    try {
      DurableFile.replace(file(home), Json.write(said).getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw Problem.refused("the node cannot be halted: " + file(home) + " cannot be written")
          .detail(e.getMessage())
          .next("silo node stop")
          .because(e);
    }
    return said;
  }

  /** Ends a halt. */
  public static void resume(SiloHome home) {
    try {
      Files.deleteIfExists(file(home));
    } catch (IOException e) {
      throw Problem.refused(file(home) + " cannot be removed").detail(e.getMessage()).because(e);
    }
  }
}
