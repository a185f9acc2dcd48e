package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import org.espalier.audit.verify.TrustedKey;
import org.espalier.audit.verify.Verification;
import org.espalier.audit.verify.Verifier;
import org.espalier.he.HeInfo;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.node.data.Dataset;
import org.espalier.node.data.Datasets;
import org.espalier.node.identity.NodeIdentity;
import org.espalier.node.identity.Partner;
import org.espalier.node.identity.PartnerBook;
import org.espalier.node.job.Machine;
import org.espalier.node.link.LinkStatus;
import org.espalier.node.link.Links;
import org.espalier.node.link.ProbeResult;
import org.espalier.node.link.Refusal;
import org.espalier.node.policy.Rulebook;
import org.espalier.protocols.cost.Work;
import org.espalier.wire.Party;

/** Looks for what would make jobs fail, and says what to do about it. */
final class Doctor {
  private static final int MIN_JAVA = 17;
  private static final long MEMORY_ENOUGH = 512L << 20;
  private static final long DISK_ENOUGH = 5L << 30;
  private static final long DISK_LITTLE = 200L << 20;
  private static final long CERTIFICATE_DAYS_ENOUGH = 5;
  private static final Duration SKEW_FINE = Duration.ofSeconds(2);
  private static final Duration SKEW_BAD = Duration.ofSeconds(60);
  private static final int PROBE_BYTES = 4 << 20;
  private static final Duration PROBE_PATIENCE = Duration.ofSeconds(10);
  private static final double BANDWIDTH_LOW = 1e6;

  private final SiloHome home;
  private final Rulebook rules;
  private final NodeIdentity identity;
  private final PartnerBook book;
  private final Links links;
  private final Datasets datasets;
  private final AuditJournal journal;
  private final Witnesses witnesses;
  private final TimeStamps stamps;

  Doctor(
      SiloHome home,
      NodeIdentity identity,
      PartnerBook book,
      Links links,
      Datasets datasets,
      AuditJournal journal,
      Witnesses witnesses,
      TimeStamps stamps,
      Rulebook rules) {
    this.home = home;
    this.rules = rules;
    this.identity = identity;
    this.book = book;
    this.links = links;
    this.datasets = datasets;
    this.journal = journal;
    this.witnesses = witnesses;
    this.stamps = stamps;
  }

  /** The checks of this node and of all partners, or of one. */
  JsonNode examine(Args args) {
    Optional<Party> only = args.optional("partner").map(name -> args.party("partner"));
    only.ifPresent(book::requireConfirmed);
    Findings findings = new Findings();
    if (only.isEmpty()) {
      java(findings);
      seal(findings);
      memory(findings);
      disk(findings);
      machine(findings);
      certificate(findings);
      policy(findings);
      audit(findings);
      stamps(findings);
      datasets.list().forEach(dataset -> dataset(findings, dataset));
    }
    for (Partner partner : book.list()) {
      if (only.isEmpty() || only.get().equals(partner.party())) {
        partner(findings, partner);
      }
    }
    return findings.json;
  }

  private void policy(Findings findings) {
    Optional<ObjectNode> halted = rules.halted();
    if (halted.isPresent()) {
      String why = halted.get().path("reason").asText("no reason given");
      findings.fail("policy", "the node is halted and does nothing: " + why, "silo resume");
      return;
    }
    if (!Files.isRegularFile(home.policy())) {
      findings.warn("policy", "there is none: every job is denied", "silo policy init job.yaml");
      return;
    }
    String shown = "sha256:" + rules.now().digest().substring(0, 16);
    try {
      if (rules.onDisk().digest().equals(rules.now().digest())) {
        findings.pass("policy", shown + " is in force");
      } else {
        findings.warn(
            "policy", "policy.yaml is another than is in force", "silo policy diff, then apply");
      }
    } catch (Problem unreadable) {
      findings.fail("policy", shown + " is in force; " + unreadable.what(), "mend policy.yaml");
    }
  }

  private static final class Findings {
    private final ObjectNode json = Json.object();
    private final ArrayNode checks = json.putArray("checks");

    void pass(String name, String text) {
      checks.addObject().put("name", name).put("level", "pass").put("text", text);
    }

    void warn(String name, String text, String fix) {
      checks.addObject().put("name", name).put("level", "warn").put("text", text).put("fix", fix);
    }

    void fail(String name, String text, String fix) {
      checks.addObject().put("name", name).put("level", "fail").put("text", text).put("fix", fix);
    }
  }

  private static void java(Findings findings) {
    String text =
        "Java %s, %d processors"
            .formatted(Runtime.version(), Runtime.getRuntime().availableProcessors());
    if (Runtime.version().feature() >= MIN_JAVA) {
      findings.pass("java", text);
    } else {
      findings.fail("java", text, "install Java " + MIN_JAVA + " or newer");
    }
  }

  private static void seal(Findings findings) {
    try {
      findings.pass("encryption", "Microsoft SEAL " + HeInfo.sealVersion());
    } catch (RuntimeException | LinkageError e) {
      findings.fail(
          "encryption",
          "the native library does not load: " + e.getMessage(),
          "install the distribution for this machine's processor and libc, or build it here");
    }
  }

  private static void memory(Findings findings) {
    long max = Runtime.getRuntime().maxMemory();
    String text = "the node may use " + (max >> 20) + " MiB";
    if (max >= MEMORY_ENOUGH) {
      findings.pass("memory", text);
    } else {
      findings.warn("memory", text, "memory: 2GiB in silo.yaml, then restart the node");
    }
  }

  private void disk(Findings findings) {
    try {
      long free = Files.getFileStore(home.root()).getUsableSpace();
      String text = (free >> 20) + " MiB free in " + home.root();
      if (free >= DISK_ENOUGH) {
        findings.pass("disk", text);
      } else if (free >= DISK_LITTLE) {
        findings.warn("disk", text, "free some space before a large job");
      } else {
        findings.fail("disk", text, "free some space: without it the audit log stops all work");
      }
    } catch (IOException e) {
      findings.fail("disk", "cannot be examined: " + e.getMessage(), "check the file system");
    }
  }

  /** Measured now, so that plans from now on know it. */
  private void machine(Findings findings) {
    Machine.Speed speed = new Machine(home.root()).measure();
    findings.pass(
        "machine",
        String.format(
            Locale.ROOT,
            "in a second %,.0f ciphertexts encrypted, %,.0f keys masked, %.0f MB of data read",
            1 / speed.rates().seconds(Work.SLOT_ENCRYPTION, 1),
            1 / speed.rates().seconds(Work.POINT, 1),
            1 / speed.csvByte() / 1e6));
  }

  private void certificate(Findings findings) {
    Instant ends = identity.certificateEnds();
    long days = Duration.between(identity.now(), ends).toDays();
    String text = "the TLS certificate is good for " + days + " days, renewed by itself";
    if (days >= CERTIFICATE_DAYS_ENOUGH) {
      findings.pass("certificate", text);
    } else {
      findings.fail("certificate", text, "look for the reason in node.log; then restart the node");
    }
  }

  private void audit(Findings findings) {
    try {
      journal.checkpoint();
    } catch (Problem e) {
      findings.fail(
          "audit log",
          e.detail().orElse(e.what()),
          "until it can be written again the node refuses all work");
      return;
    }
    try {
      Verification found =
          Verifier.trusting(TrustedKey.parse(AuditKeys.verifierKey(home))).verify(home.audit());
      String text = "writable; " + found.lines().get(0);
      if (found.ok()) {
        findings.pass("audit log", text);
      } else {
        findings.fail("audit log", text, "keep the folder as it is and run silo audit verify");
      }
    } catch (IOException e) {
      findings.fail("audit log", "cannot be read: " + e.getMessage(), "check the file system");
    }
  }

  private static void dataset(Findings findings, Dataset dataset) {
    String name = "data set " + dataset.name();
    String fix = "silo dataset add " + dataset.name() + " --file FILE --schema SCHEMA";
    try {
      String now = dataset.csv().read((row, values) -> {}).sha256();
      if (now.equals(dataset.scan().sha256())) {
        findings.pass(name, "%,d rows, unchanged".formatted(dataset.scan().rows()));
      } else {
        findings.fail(name, "has changed since it was registered", fix);
      }
    } catch (RuntimeException e) {
      String why = e instanceof Problem problem ? problem.what() : "the file cannot be read";
      findings.fail(name, why, fix);
    }
  }

  private void partner(Findings findings, Partner partner) {
    Party party = partner.party();
    switch (partner.state()) {
      case CONFIRMED -> {
        LinkStatus status = links.status(party);
        if (!status.connected()) {
          findings.fail(
              party + " link", status.problem().orElse("not connected"), fix(partner, status));
          return;
        }
        findings.pass(
            party + " link", "connected, version " + status.peerVersion().orElse("unknown"));
        status.clockSkew().ifPresent(skew -> clock(findings, party, skew));
        speed(findings, party);
        witness(findings, party);
      }
      case PENDING ->
          findings.warn(party + " link", "not confirmed yet", "silo partner confirm " + party);
      case INVITED ->
          findings.warn(
              party + " link",
              "invited, has not accepted",
              "give the invitation line to its operator, or silo partner invite " + party);
      case REVOKED -> findings.pass(party + " link", "revoked, kept out");
    }
  }

  private String fix(Partner partner, LinkStatus status) {
    Party party = partner.party();
    if (status.state() == LinkStatus.State.WAITING) {
      return "no address of " + party + " is known: its node must dial";
    }
    if (status.problem().orElse("").contains("has not confirmed")) {
      return "at " + party + ": silo partner confirm " + identity.party();
    }
    if (status.problem().orElse("").contains("does not accept this node's certificate")) {
      return "ask its operator what silo partner list and node.log say of " + identity.party();
    }
    boolean proxy = status.problem().orElse("").contains("through the proxy");
    return "check that its node runs and that "
        + partner.url()
        + " can be reached"
        + (proxy ? " through the proxy of silo.yaml, which must allow CONNECT to it" : "");
  }

  private void stamps(Findings findings) {
    if (!stamps.isConfigured()) {
      return;
    }
    try {
      stamps.now();
      findings.pass("time stamps", "the authority has just stamped the audit log");
    } catch (Problem e) {
      findings.fail(
          "time stamps",
          e.what() + e.detail().map(why -> ": " + why).orElse(""),
          "check audit.timestamps in silo.yaml and that the authority can be reached from here");
    }
  }

  private void witness(Findings findings, Party party) {
    String name = party + " as witness";
    Witnesses.Asked asked = witnesses.ask(party);
    if (asked.signed()) {
      findings.pass(name, "has just signed how far this node's audit log has come");
    } else if (asked.contradicted()) {
      findings.fail(
          name,
          asked.problem(),
          "keep both nodes' folders as they are and compare: silo audit witness, at both sides; if the"
              + " end was lost: silo audit recover");
    } else {
      findings.warn(
          name, asked.problem(), "until it signs, a lost or rewritten end of the log goes unseen");
    }
  }

  private static void clock(Findings findings, Party party, Duration skew) {
    String name = party + " clock";
    String text = "%+d ms from this node's".formatted(skew.toMillis());
    String fix = "synchronise both clocks by NTP";
    if (skew.abs().compareTo(SKEW_FINE) <= 0) {
      findings.pass(name, text);
    } else if (skew.abs().compareTo(SKEW_BAD) <= 0) {
      findings.warn(name, text, fix);
    } else {
      findings.fail(name, text, fix);
    }
  }

  private void speed(Findings findings, Party party) {
    String name = party + " speed";
    try {
      ProbeResult probe = links.probe(party, PROBE_BYTES, PROBE_PATIENCE);
      new Machine(home.root())
          .keep(party, probe.rtt(), probe.sendBytesPerSecond(), probe.receiveBytesPerSecond());
      String text =
          String.format(
              Locale.ROOT,
              "round trip %.1f ms, %.1f MB/s to it, %.1f MB/s from it; %s",
              Views.millis(probe.rtt()),
              probe.sendBytesPerSecond() / 1e6,
              probe.receiveBytesPerSecond() / 1e6,
              saysItsSpeed(party)
                  ? "said how fast its machine is"
                  : "did not say how fast its machine is");
      if (Math.min(probe.sendBytesPerSecond(), probe.receiveBytesPerSecond()) >= BANDWIDTH_LOW) {
        findings.pass(name, text);
      } else {
        findings.warn(name, text, "expect long jobs, or look for what slows the connection");
      }
    } catch (Refusal | IOException | TimeoutException e) {
      findings.fail(
          name,
          "could not be measured: " + e.getMessage(),
          "try again; if it stays, compare node.log at both sides");
    }
  }

  /** Takes a partner's word on its own machine, where its node has one. */
  private boolean saysItsSpeed(Party party) throws IOException, TimeoutException {
    try {
      JsonNode told = links.request(party, "machine.speed", Json.object(), PROBE_PATIENCE);
      return new Machine(home.root()).claim(party, told);
    } catch (Refusal e) {
      return false; // a version that does not know the question
    }
  }
}
