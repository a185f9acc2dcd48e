package org.espalier.node.daemon;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.espalier.audit.verify.DurableFile;
import org.espalier.audit.verify.TrustedKey;
import org.espalier.audit.witness.Cosigning;
import org.espalier.audit.witness.Witness;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.node.identity.Partner;
import org.espalier.node.identity.PartnerBook;
import org.espalier.node.link.Links;
import org.espalier.node.link.Refusal;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Partners as witnesses of this node's log. After every checkpoint, so at the end of every job and
 * every hour, those that are connected are shown it; what they sign is kept beside the log. A
 * partner's key as a witness comes over the link, whose other end its pinned identity proves, and
 * is kept from the first time on.
 */
final class Witnesses implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Witnesses.class);
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  /** A checkpoint that is shown to a witness is not older: see {@link Cosigning#CLOCKS}. */
  private static final Duration FRESH = Duration.ofSeconds(30);

  private static final int MAX_KEY = 1024;

  /** What became of the last time that a partner was asked. */
  record Asked(boolean signed, boolean contradicted, String problem) {}

  private final SiloHome home;
  private final PartnerBook book;
  private final Links links;
  private final AuditJournal journal;
  private final Cosigning cosigning;
  private final Map<Party, Asked> last = new ConcurrentHashMap<>();
  private final Soon showing = new Soon("witnesses", this::tryToShow);

  /** When the newest checkpoint was made, or before. */
  private volatile Instant made = Instant.EPOCH;

  Witnesses(SiloHome home, PartnerBook book, Links links, AuditJournal journal) {
    this.home = home;
    this.book = book;
    this.links = links;
    this.journal = journal;
    this.cosigning = new Cosigning(home.audit(), Clock.systemUTC());
  }

  /** The name of a party as a witness. */
  static String name(Party party) {
    return party + "/silo/witness";
  }

  /** What names of a party's logs begin with. */
  static String logs(Party party) {
    return party + "/silo/audit/";
  }

  /** Shows a checkpoint that was just made to all partners soon; several wishes are one. */
  void askSoon() {
    made = Instant.now();
    showing.ask();
  }

  private void tryToShow() {
    try {
      showAll();
    } catch (RuntimeException e) {
      LOG.error("partners could not be asked to witness the log", e);
    }
  }

  /** Makes a checkpoint and shows it to all partners that are connected, one after the other. */
  void askAll() {
    sign();
    showAll();
  }

  private void sign() {
    journal.sign();
    made = Instant.now();
  }

  private void showAll() {
    for (Partner partner : book.list()) {
      if (partner.state() == Partner.State.CONFIRMED) {
        show(partner.party());
      }
    }
  }

  /** Makes a checkpoint and shows it to one partner. */
  Asked ask(Party party) {
    sign();
    return show(party);
  }

  private synchronized Asked show(Party party) {
    Asked before = last.get(party);
    Asked now = tryShow(party);
    last.put(party, now);
    if (!now.signed() && (before == null || !before.problem().equals(now.problem()))) {
      LOG.warn("{} does not witness this node's log: {}", party, now.problem());
    }
    return now;
  }

  private Asked tryShow(Party party) {
    if (!links.status(party).connected()) {
      return new Asked(false, false, "not connected");
    }
    try {
      if (Duration.between(made, Instant.now()).abs().compareTo(FRESH) > 0) {
        sign();
      }
      Cosigning.Result result = cosigning.ask(key(party), request -> line(party, request));
      boolean contradicted =
          result.status() == 403 || result.status() == 409 || result.status() == 422;
      return new Asked(result.problem().isEmpty(), contradicted, result.problem());
    } catch (IOException e) {
      return new Asked(false, false, String.valueOf(e.getMessage()));
    } catch (Problem e) {
      return new Asked(false, false, e.what());
    }
  }

  private Witness.Answer line(Party party, byte[] request) throws IOException {
    ObjectNode body =
        Json.object()
            .put("log", AuditKeys.verifierKey(home))
            .put("request", new String(request, UTF_8));
    JsonNode answer = request(party, WitnessRequests.ADD, body);
    return Witness.Answer.of(answer.path("status").asInt(), answer.path("body").asText());
  }

  private JsonNode request(Party party, String method, ObjectNode body) throws IOException {
    try {
      return links.request(party, method, body, PATIENCE);
    } catch (Refusal e) {
      throw new IOException("it refuses: " + e.getMessage(), e);
    } catch (TimeoutException e) {
      throw new IOException("it did not answer within " + PATIENCE.toSeconds() + " s", e);
    }
  }

  /** A partner's key as a witness; asked for and kept if it is not known yet. */
  private TrustedKey key(Party party) throws IOException {
    Path file = keys(home).resolve(party.name());
    if (Files.exists(file)) {
      return read(file);
    }
    String vkey = request(party, WitnessRequests.KEY, Json.object()).path("key").asText();
    try {
      TrustedKey key = TrustedKey.parseWitness(vkey);
      if (key.name().equals(name(party))) {
        SiloHome.createFolder(home.witness());
        SiloHome.createFolder(keys(home));
        DurableFile.replace(file, (key + "\n").getBytes(UTF_8));
        return key;
      }
    } catch (IllegalArgumentException e) {
      throw new IOException("what it says is no witness's key", e);
    }
    throw new IOException("it says another name than " + name(party));
  }

  private static Path keys(SiloHome home) {
    return home.witness().resolve("partners");
  }

  private static TrustedKey read(Path file) throws IOException {
    try (var in = Files.newInputStream(file)) {
      return TrustedKey.parseWitness(new String(in.readNBytes(MAX_KEY), UTF_8));
    } catch (IllegalArgumentException e) {
      throw new IOException(file + " holds no witness's key", e);
    }
  }

  /** Keys of partners as witnesses. */
  private static Map<String, TrustedKey> known(SiloHome home) throws IOException {
    Map<String, TrustedKey> known = new TreeMap<>();
    if (Files.isDirectory(keys(home))) {
      try (Stream<Path> files = Files.list(keys(home))) {
        for (Path file : files.filter(f -> !f.toString().endsWith(".new")).toList()) {
          known.put(file.getFileName().toString(), read(file));
        }
      }
    }
    return known;
  }

  /**
   * The checkpoint of an export, which was just made, with the signatures of those partners that
   * can be asked now.
   */
  String signed(String note) {
    made = Instant.now();
    showAll();
    try {
      return cosigning.with(note, known(home).values());
    } catch (IOException e) {
      LOG.error("signatures of witnesses cannot be read", e);
      return note;
    }
  }

  /**
   * Forgets a partner's key as a witness, so that it is asked for anew.
   *
   * @return whether there was one
   */
  synchronized boolean forget(Party party) throws IOException {
    last.remove(party);
    return Files.deleteIfExists(keys(home).resolve(party.name()));
  }

  /** As {@link #view(SiloHome)}, with partners that have not signed and why. */
  JsonNode view() {
    ObjectNode view = view(home);
    List<String> there = new ArrayList<>();
    for (JsonNode partner : view.path("partners")) {
      String name = partner.path("partner").asText();
      there.add(name);
      Asked asked = last.get(new Party(name));
      if (asked != null && !asked.signed()) {
        ((ObjectNode) partner).put("problem", asked.problem());
      }
    }
    for (Partner partner : book.list()) {
      if (partner.state() == Partner.State.CONFIRMED && !there.contains(partner.party().name())) {
        Asked asked = last.get(partner.party());
        view.withArray("partners")
            .addObject()
            .put("partner", partner.party().name())
            .put("problem", asked == null ? "not asked yet" : asked.problem());
      }
    }
    return view;
  }

  /**
   * Who witnesses this node's log, and whose logs it witnesses, by the files alone.
   *
   * @throws Problem if they cannot be read
   */
  static ObjectNode view(SiloHome home) {
    ObjectNode view = Json.object().put("log", AuditKeys.verifierKey(home));
    ArrayNode partners = view.putArray("partners");
    ArrayNode logs = view.putArray("logs");
    Cosigning cosigning = new Cosigning(home.audit(), Clock.systemUTC());
    try {
      for (Map.Entry<String, TrustedKey> known : known(home).entrySet()) {
        ObjectNode partner =
            partners.addObject().put("partner", known.getKey()).put("key", known.getValue() + "");
        cosigning
            .newest(known.getValue())
            .ifPresent(
                newest -> partner.put("size", newest.size()).put("time", newest.time().toString()));
      }
      for (Witness.Seen seen : Witness.all(WitnessRequests.logs(home))) {
        logs.addObject()
            .put("log", seen.key().name())
            .put("key", seen.key().toString())
            .put("size", seen.size())
            .put("checkpoint", seen.note());
      }
    } catch (IOException e) {
      throw Problem.refused("what is known of witnesses cannot be read")
          .detail(e.getMessage())
          .because(e);
    }
    return view;
  }

  @Override
  public void close() {
    showing.close();
  }
}
