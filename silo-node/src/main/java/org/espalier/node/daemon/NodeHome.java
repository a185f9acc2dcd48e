package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.AuditUnavailableException;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.timestamp.StampedCheckpoints;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.KeysConfig;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.config.SiloHome;
import org.espalier.node.identity.NodeIdentity;
import org.espalier.node.identity.Passphrase;
import org.espalier.node.store.Store;

/** Makes the folder of a new node. */
public final class NodeHome {
  private NodeHome() {}

  /**
   * Makes everything that a node needs, for its owner only: a passphrase, the identity, the audit
   * log with its key, the database, and last the configuration, which makes the folder a node.
   *
   * @param home missing or empty
   * @return the identity's fingerprint, which partners compare
   * @throws Problem if the folder is not empty or cannot be written; nothing is overwritten
   */
  public static String create(SiloHome home, SiloConfig config) {
    Path root = home.root();
    try {
      requireEmpty(home);
      SiloHome.createFolder(root);
      Passphrase.generate(home.passphrase());
      NodeIdentity identity;
      try (Passphrase passphrase = Passphrase.read(home.passphrase())) {
        identity = NodeIdentity.create(home.keys(), config.name(), passphrase, Clock.systemUTC());
      }
      SiloHome.createFolder(home.audit());
      try (AuditLog log = AuditLog.open(home.audit(), AuditKeys.create(home, config.name()))) {
        log.checkpoint();
      }
      SiloHome.createFolder(home.results());
      SiloHome.createFile(home.database(), new byte[0]);
      Store.open(home.database()).close();
      SiloHome.createFile(home.config(), Json.toYaml(config).getBytes(StandardCharsets.UTF_8));
      return identity.fingerprint().toString();
    } catch (IOException | AuditUnavailableException e) {
      throw Problem.refused("cannot make a node in " + root).detail(e.getMessage()).because(e);
    }
  }

  private static void requireEmpty(SiloHome home) throws IOException {
    if (home.exists()) {
      throw Problem.wrongState("there is a node in " + home.root() + " already")
          .next("silo node status --home " + home.root());
    }
    if (Files.exists(home.root())) {
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(home.root())) {
        if (entries.iterator().hasNext()) {
          throw Problem.wrongState(home.root() + " is not empty").next("choose another --home");
        }
      }
    }
  }

  /**
   * The key with which the node's audit log can be verified.
   *
   * @throws Problem if there is no node
   */
  public static String auditKey(SiloHome home) {
    return AuditKeys.verifierKey(home);
  }

  /**
   * Seals the passphrase of the key files by the token that {@code silo.yaml} names; the node does
   * not run.
   *
   * @return {@code library} and {@code key}
   * @throws Problem if it names none, the token refuses, or the passphrase is sealed already
   */
  public static JsonNode seal(SiloHome home) {
    KeysConfig.Pkcs11 token = KeyPassphrase.seal(home);
    return Json.object().put("library", token.library().toString()).put("key", token.key());
  }

  /**
   * The node's audit log and those that it continues, oldest first, as their files are now.
   *
   * @throws IOException if one cannot be read
   */
  public static List<LogReader> logs(SiloHome home) throws IOException {
    LogReader present = LogReader.open(home.audit());
    List<LogReader> logs = new ArrayList<>(Recovery.frozen(home, present.origin()));
    logs.add(present);
    return logs;
  }

  /**
   * Who witnesses the node's audit log and whose logs it witnesses: {@code log}, {@code partners}
   * and {@code logs}.
   *
   * @throws Problem if there is no node or its files cannot be read
   */
  public static JsonNode witnesses(SiloHome home) {
    return Witnesses.view(home);
  }

  /**
   * Begins a new log in place of one whose end was lost; the node does not run.
   *
   * @param seen checkpoints of the present log that others keep, beside those that partners gave
   * @param reason a code such as {@code disk.lost}
   * @param operators two people who say that it is so, by identifiers that stand for them
   * @return {@code frozen, origin, key, local, witnessed}
   * @throws Problem if nobody has seen more of the log than there is, or something cannot be done
   */
  public static JsonNode recover(
      SiloHome home, List<byte[]> seen, String reason, List<String> operators) {
    return Recovery.begin(home, seen, reason, operators);
  }

  /**
   * Ends the log and begins the next one under another key; the node does not run.
   *
   * @param operators two people who say so, by identifiers that stand for them
   * @return {@code frozen, origin, key, local, witnessed}
   * @throws Problem if something cannot be done
   */
  public static JsonNode rotate(SiloHome home, List<String> operators) {
    return Recovery.rotate(home, operators);
  }

  /**
   * How far the node's audit log has time stamps, by its files: {@code size}, if it has any.
   *
   * @throws Problem if the files cannot be read
   */
  public static JsonNode stamps(SiloHome home) {
    return TimeStamps.view(new StampedCheckpoints(home.audit()));
  }
}
