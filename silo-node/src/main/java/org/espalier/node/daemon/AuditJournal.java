package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongConsumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.espalier.audit.checkpoint.Checkpoint;
import org.espalier.audit.event.Actor;
import org.espalier.audit.event.EventBuilder;
import org.espalier.audit.event.EventType;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.AuditUnavailableException;
import org.espalier.audit.log.Intent;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.log.LoggedEvent;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.control.Caller;
import org.espalier.node.data.Dataset;
import org.espalier.node.data.TableSchema;
import org.espalier.node.identity.Fingerprint;
import org.espalier.node.job.DryRuns;
import org.espalier.node.job.Job;
import org.espalier.node.job.Journal;
import org.espalier.node.job.PhaseFacts;
import org.espalier.wire.Party;

/** What the node does, in the terms of the audit log's closed catalogue. */
final class AuditJournal implements Journal {
  private static final Map<String, EventType> TYPES =
      Map.of(
          "job.propose",
          EventType.JOB_PROPOSED,
          "job.approve",
          EventType.JOB_APPROVED,
          "job.deny",
          EventType.JOB_DENIED,
          "job.abort",
          EventType.JOB_ABORT,
          "job.run",
          EventType.JOB_STARTED,
          "job.phase",
          EventType.PHASE_STARTED,
          "job.reveal",
          EventType.REVEAL,
          "job.receipt",
          EventType.RECEIPT,
          PASS,
          EventType.DISCLOSURE_PASS,
          ALIGNMENT,
          EventType.DISCLOSURE_ALIGNMENT);

  /** Longer lists of columns are logged as their number and digest: an event has 16 KiB. */
  private static final int MAX_COLUMNS = 4000;

  private static final int MAX_NAME = 200;
  private static final int MAX_PARAMETER = 1500;

  private final AuditLog log;
  private final Counted<DryRun> dryRuns =
      new Counted<>(EventType.MATCH_DRY_RUN, AuditJournal::dryRun);
  private final Counted<Predicted> predictions =
      new Counted<>(EventType.PHASE_STARTED, AuditJournal::predicted);
  private final Counted<Spent> epsilons =
      new Counted<>(EventType.PHASE_STARTED, AuditJournal::spent);
  private final Counted<Answers> reserved =
      new Counted<>(EventType.SCORING_RESERVED, event -> answers(event, "scores"));
  private final Counted<Answers> givenBack =
      new Counted<>(EventType.SCORING_ANSWERED, event -> answers(event, "given_back"));
  private final People people;
  private final Function<Party, Optional<Fingerprint>> pins;
  private final List<LogReader> frozen;

  /** Nothing is removed while somebody counts. */
  private final ReadWriteLock removal = new ReentrantReadWriteLock();

  private volatile BiConsumer<String, EventBuilder> reasons = (job, event) -> {};
  private volatile Runnable afterCheckpoint = () -> {};
  private volatile LongConsumer appended = nanos -> {};
  private volatile boolean writable = true;

  /**
   * @param people how people appear in the log
   * @param pins the pinned identity of a partner
   */
  AuditJournal(AuditLog log, People people, Function<Party, Optional<Fingerprint>> pins) {
    this(log, people, pins, List.of());
  }

  /**
   * @param frozen logs that this one continues, oldest first: what they hold counts on
   */
  AuditJournal(
      AuditLog log,
      People people,
      Function<Party, Optional<Fingerprint>> pins,
      List<LogReader> frozen) {
    this.frozen = List.copyOf(frozen);
    this.log = log;
    this.people = people;
    this.pins = pins;
  }

  /** Is told how many nanoseconds each append took until it was durable. */
  void onAppended(LongConsumer told) {
    appended = told;
  }

  /** Whether the newest append could be made durable. */
  boolean writable() {
    return writable;
  }

  @Override
  public Act intent(String type, ObjectNode facts) {
    EventType event = type(type);
    Intent intent = durable(() -> log.intent(event, e -> fill(e, type, facts)));
    return new Act() {
      @Override
      public void ok(ObjectNode more) {
        ObjectNode all = facts.deepCopy().setAll(more);
        durable(() -> intent.ok(e -> fill(e, type, all)));
      }

      @Override
      public void failed(String reason, ObjectNode more) {
        ObjectNode all = facts.deepCopy().setAll(more);
        durable(
            () ->
                reason.equals("aborted")
                    ? intent.aborted("stopped", e -> fill(e, type, all))
                    : intent.failed(reason, e -> fill(e, type, all)));
      }
    };
  }

  @Override
  public void fact(String type, ObjectNode facts) {
    durable(() -> log.fact(type(type), e -> fill(e, type, facts)));
  }

  @Override
  public long passes(long from, Consumer<Pass> reader) {
    return read(
        from,
        EventType.DISCLOSURE_PASS,
        event ->
            reader.accept(
                new Pass(
                    event.job(),
                    event.json().path("job").path("attempt").asLong(),
                    commitment(event),
                    parameter(event, "parties"),
                    event.json().at("/protocol/parameters/numbers").asInt(1))));
  }

  @Override
  public long alignments(long from, Consumer<Alignment> reader) {
    return read(
        from,
        EventType.DISCLOSURE_ALIGNMENT,
        event ->
            reader.accept(
                new Alignment(
                    event.time(),
                    event.job(),
                    event
                        .json()
                        .at("/protocol/parameters/began")
                        .asLong(event.json().at("/job/attempt").asLong()),
                    event.json().at("/protocol/parameters/round").asLong(),
                    event.json().path("inputs").path(0).path("dataset").asText(),
                    commitment(event),
                    parameter(event, "parties"),
                    parameter(event, "own_keys"))));
  }

  /** What limits count: facts, and acts that were begun, each read from the logs once. */
  private final class Counted<T> {
    private final EventType type;
    private final Function<LoggedEvent, Optional<T>> counts;
    private final List<T> all = new ArrayList<>();
    private long read;

    /**
     * @param counts what an event counts as; empty: not at all
     */
    Counted(EventType type, Function<LoggedEvent, Optional<T>> counts) {
      this.type = type;
      this.counts = counts;
    }

    synchronized List<T> upToNow() {
      // Kept only when all are read: what failed on the way is read again.
      List<T> newer = new ArrayList<>();
      read =
          AuditJournal.this.read(
              read,
              type,
              event -> {
                // What was begun counts, however it ended.
                if (!event.phase().equals("outcome")) {
                  counts.apply(event).ifPresent(newer::add);
                }
              });
      all.addAll(newer);
      return List.copyOf(all);
    }
  }

  @Override
  public long predictions(Instant since) {
    return predictions.upToNow().stream()
        .filter(predicted -> !predicted.at.isBefore(since))
        .mapToLong(Predicted::people)
        .sum();
  }

  private record Predicted(Instant at, long people) {}

  private static Optional<Predicted> predicted(LoggedEvent event) {
    JsonNode output = event.json().path("outputs").path(0);
    if (!output.path("kind").asText().equals("predictions")) {
      return Optional.empty();
    }
    int numbers = event.json().at("/protocol/parameters/numbers").asInt(1);
    return Optional.of(
        new Predicted(event.time(), output.path("scalars").asLong() / Math.max(1, numbers)));
  }

  @Override
  public BigDecimal labelEpsilon(Set<String> commitments) {
    return epsilons.upToNow().stream()
        .filter(spent -> commitments.contains(spent.commitment()))
        .map(Spent::epsilon)
        .reduce(BigDecimal.ZERO, BigDecimal::add);
  }

  private record Spent(String commitment, BigDecimal epsilon) {}

  private static Optional<Spent> spent(LoggedEvent event) {
    String epsilon = parameter(event, "label_epsilon");
    return epsilon.isEmpty()
        ? Optional.empty()
        : Optional.of(new Spent(commitment(event), new BigDecimal(epsilon)));
  }

  /** Removes the oldest events, as {@link AuditLog#prune} says. */
  AuditLog.Pruned prune(long before, Predicate<LoggedEvent> stays, Consumer<EventBuilder> content)
      throws IOException {
    removal.writeLock().lock();
    try {
      return log.prune(before, stays, content.andThen(e -> e.actor(operator())));
    } catch (AuditUnavailableException e) {
      throw unavailable(e);
    } finally {
      removal.writeLock().unlock();
    }
  }

  private long read(long from, EventType type, Consumer<LoggedEvent> reader) {
    removal.readLock().lock();
    try {
      List<LogReader> logs = new ArrayList<>(frozen);
      logs.add(log.reader());
      long before = 0;
      for (LogReader events : logs) {
        events.ofType(Math.max(0, from - before), type, reader::accept);
        before += events.size();
      }
      return before;
    } catch (IOException e) {
      throw Problem.refused(
              "the audit log cannot be read, so what was done before cannot be counted")
          .detail(e.getMessage())
          .next("silo doctor")
          .because(e);
    } finally {
      removal.readLock().unlock();
    }
  }

  private record DryRun(Instant at, List<String> partners, int rules) {}

  private static Optional<DryRun> dryRun(LoggedEvent event) {
    return Optional.of(
        new DryRun(
            event.time(),
            texts(event.json().path("recipients")),
            event.json().at("/protocol/parameters/rules").asInt()));
  }

  /** Rules of dry runs with a partner that began since then, by the log, whoever asked for them. */
  int dryRuns(Instant since, Party partner) {
    return dryRuns.upToNow().stream()
        .filter(run -> !run.at.isBefore(since) && run.partners.contains(partner.name()))
        .mapToInt(DryRun::rules)
        .sum();
  }

  /** Answers of a serving that were set aside for a day, by the log, less those given back. */
  long scores(String serving, LocalDate day) {
    return sum(reserved, serving, day) - sum(givenBack, serving, day);
  }

  private static long sum(Counted<Answers> counted, String serving, LocalDate day) {
    return counted.upToNow().stream()
        .filter(some -> some.serving.equals(serving) && some.day.equals(day.toString()))
        .mapToLong(Answers::number)
        .sum();
  }

  private record Answers(String serving, String day, long number) {}

  /**
   * @param number the parameter that says how many
   */
  private static Optional<Answers> answers(LoggedEvent event, String number) {
    long answers = event.json().at("/protocol/parameters").path(number).asLong();
    return answers == 0
        ? Optional.empty()
        : Optional.of(new Answers(event.job(), parameter(event, "day"), answers));
  }

  private static String commitment(LoggedEvent event) {
    String keyed = event.json().path("inputs").path(0).path("commitment").asText();
    return keyed.substring(keyed.indexOf(':') + 1);
  }

  private static String parameter(LoggedEvent event, String name) {
    return event.json().path("protocol").path("parameters").path(name).asText();
  }

  /**
   * @param adds to the event that an attempt of a job begins why that is done
   */
  void reasons(BiConsumer<String, EventBuilder> adds) {
    reasons = adds;
  }

  /**
   * @param task is run after each checkpoint, on the thread that asked for it
   */
  void afterCheckpoint(Runnable task) {
    afterCheckpoint = task;
  }

  @Override
  public ObjectNode checkpoint() {
    Checkpoint signed = sign();
    afterCheckpoint.run();
    return Json.object()
        .put("origin", signed.origin())
        .put("size", signed.size())
        .put("root", Checkpoint.rootBase64(signed.root()));
  }

  /** A checkpoint that nobody is told of. */
  Checkpoint sign() {
    return durable(log::checkpoint);
  }

  /** Something that happened outside of jobs. */
  void fact(EventType type, Consumer<EventBuilder> content) {
    durable(() -> log.fact(type, content));
  }

  /** Something that happened with a partner. */
  void partner(EventType type, Party party) {
    fact(type, e -> partner(e, party));
  }

  /** Someone looks at what a job left here: its model or its scores. */
  void shown(EventType type, Job job) {
    fact(
        type,
        e ->
            e.actor(operator())
                .job(job.id(), job.attempt(), EventBuilder.sha256Text(job.digest())));
  }

  /** A file that jobs may use from now on, or no more. */
  void dataset(EventType type, Dataset dataset, String commitment) {
    fact(
        type,
        e ->
            e.actor(operator())
                .input(
                    dataset.name(),
                    dataset.added().toString(),
                    null,
                    columns(
                        dataset.schema().columns().stream().map(TableSchema.Column::name).toList()),
                    PhaseFacts.bucket(dataset.scan().rows()),
                    "hmac-sha256:" + commitment));
  }

  /**
   * Requests that were denied for the same reason within a window.
   *
   * @param from the partner; empty for strangers, whose names prove nothing
   */
  void denied(Optional<Party> from, String rule, long count, long windowMillis) {
    fact(
        EventType.REQUEST_DENIED,
        e -> {
          from.ifPresent(
              party -> {
                partner(e, party);
                e.actor(Actor.of(Actor.Kind.PARTNER, party.name(), "mtls"));
              });
          e.rule(rule).requests(count, windowMillis);
        });
  }

  /** The same of commands that a user of this machine may not give. */
  void denied(Caller user, String rule, long count, long windowMillis) {
    fact(
        EventType.REQUEST_DENIED,
        e -> e.actor(people.user(user)).rule(rule).requests(count, windowMillis));
  }

  /**
   * Runs a command of the operator between its intent and its outcome.
   *
   * @param arguments without secrets, paths and free text
   */
  <T> T command(String name, Map<String, String> arguments, Supplier<T> body) {
    Map<String, String> shown = new LinkedHashMap<>();
    arguments.forEach((key, value) -> shown.put(key, EventBuilder.clip(value, MAX_NAME)));
    Intent intent =
        durable(() -> log.intent(EventType.COMMAND, e -> e.actor(operator()).command(name, shown)));
    T result;
    try {
      result = body.get();
    } catch (RuntimeException | Error e) {
      String reason = e instanceof Problem problem ? problem.kind().code() : "internal";
      try {
        durable(() -> intent.failed(reason, b -> b.actor(operator()).command(name, shown)));
      } catch (RuntimeException notLogged) {
        e.addSuppressed(notLogged);
      }
      throw e;
    }
    durable(() -> intent.ok(e -> e.actor(operator()).command(name, shown)));
    return result;
  }

  Actor operator() {
    return people.operator();
  }

  private static EventType type(String name) {
    EventType type =
        name.equals(DryRuns.EVENT)
            ? EventType.MATCH_DRY_RUN
            : name.startsWith("scoring.")
                ? EventType.ofWireName(name).orElse(null)
                : TYPES.get(name);
    if (type == null) {
      throw new IllegalArgumentException("no such act: " + name);
    }
    return type;
  }

  private <T> T durable(Supplier<T> append) {
    long began = System.nanoTime();
    try {
      T place = append.get();
      writable = true;
      appended.accept(System.nanoTime() - began);
      return place;
    } catch (AuditUnavailableException e) {
      writable = false;
      throw unavailable(e);
    } catch (IllegalArgumentException e) {
      // Not durable, so nothing may be done; and no fault of the data, as it would seem otherwise.
      throw Problem.of(Problem.Kind.INTERNAL, "the audit log has no form for this act").because(e);
    }
  }

  static Problem unavailable(AuditUnavailableException e) {
    return Problem.refused("the audit log cannot be written, so nothing is done")
        .detail(e.getMessage())
        .next("silo doctor")
        .because(e);
  }

  private void fill(EventBuilder event, String type, ObjectNode facts) {
    if (facts.hasNonNull("job")) {
      event.job(
          facts.get("job").asText(),
          facts.path("attempt").asLong(0),
          "sha256:" + facts.path("spec").asText());
    }
    switch (type) {
      case "job.propose", "job.approve", "job.deny", "job.abort", DryRuns.EVENT ->
          event.actor(actor(facts));
      case "job.run" -> reasons.accept(facts.path("job").asText(), event);
      case "job.phase", PASS, ALIGNMENT -> event.step(facts.path("phase_name").asText());
      default -> {}
    }
    if (facts.hasNonNull("signature")) {
      event.approval(
          facts.path("signer").asText(),
          type.equals("job.deny") ? "deny" : "approve",
          facts.get("signature").asText());
    }
    String party = facts.path("signer").asText(people.self());
    for (JsonNode word : facts.path("people")) {
      event.personApproval(
          people.pseudonym(word.path("person").asText(), party),
          word.path("meaning").asText()
              + " as "
              + String.join(", ", texts(word.path("roles")))
              + " at "
              + word.path("at").asText(),
          word.path("signature").asText());
    }
    if (facts.hasNonNull("policy")) {
      event.node(null, null, null, "sha256:" + facts.get("policy").asText());
    }
    if (facts.hasNonNull("protocol")) {
      event.protocol(
          facts.get("protocol").asText(),
          facts.path("version").asText(),
          null,
          map(facts.path("parameters")));
    }
    for (JsonNode input : facts.path("inputs")) {
      event.input(
          input.path("dataset").asText(),
          input.path("version").asText(),
          null,
          columns(texts(input.path("columns"))),
          input.path("rows").asText(),
          "hmac-sha256:" + input.path("commitment").asText());
    }
    for (JsonNode output : facts.path("outputs")) {
      event.output(
          output.path("kind").asText(),
          null,
          output.path("rows").asText(),
          output.path("scalars").asLong(),
          texts(output.path("recipients")));
    }
    if (facts.has("recipients")) {
      event.recipients(texts(facts.get("recipients")));
    }
    if (facts.has("transcripts")) {
      Map<String, String> digests = new LinkedHashMap<>();
      facts
          .get("transcripts")
          .properties()
          .forEach(entry -> digests.put(entry.getKey(), "sha256:" + entry.getValue().asText()));
      event.transcripts(digests);
    }
    if (facts.has("bytes")) {
      event.traffic(
          facts.path("bytes").path("sent").asLong(), facts.path("bytes").path("received").asLong());
    }
    if (facts.hasNonNull("partner")) {
      partner(event, new Party(facts.get("partner").asText()));
    }
    if (facts.hasNonNull("receipt")) {
      event.receipt("sha256:" + facts.get("receipt").asText());
    }
    JsonNode checkpoint = facts.path("checkpoint");
    if (checkpoint.isObject()) {
      // A partner wrote it: whatever it is, it must not keep its own record out of the log.
      event.peerCheckpoint(
          EventBuilder.clip(checkpoint.path("origin").asText(), MAX_NAME),
          Math.max(0, checkpoint.path("size").asLong()),
          EventBuilder.clip(checkpoint.path("root").asText(), MAX_NAME));
    }
  }

  private Actor actor(ObjectNode facts) {
    if (facts.hasNonNull("by")) {
      return Actor.of(Actor.Kind.PARTNER, facts.get("by").asText(), "mtls");
    }
    return facts.path("automatic").asBoolean()
        ? Actor.of(Actor.Kind.SERVICE, "policy", "approval.auto")
        : operator();
  }

  private void partner(EventBuilder event, Party party) {
    event.partner(party.name(), pins.apply(party).map(AuditJournal::digest).orElse(null), null);
  }

  private static String digest(Fingerprint pin) {
    return EventBuilder.sha256Text(pin.digest());
  }

  private static List<String> columns(List<String> columns) {
    int length = columns.stream().mapToInt(String::length).sum();
    if (length <= MAX_COLUMNS) {
      return columns;
    }
    JsonNode names = Json.tree(columns);
    return List.of(columns.size() + " columns, " + EventBuilder.sha256(Json.canonical(names)));
  }

  private static List<String> texts(JsonNode array) {
    List<String> texts = new ArrayList<>();
    array.forEach(item -> texts.add(item.asText()));
    return texts;
  }

  private static Map<String, Object> map(JsonNode object) {
    Map<String, Object> map = new LinkedHashMap<>();
    object.properties().forEach(field -> map.put(field.getKey(), value(field.getValue())));
    return map;
  }

  private static Object value(JsonNode node) {
    if (node.isObject()) {
      return map(node);
    }
    if (node.isArray()) {
      List<Object> list = new ArrayList<>();
      node.forEach(item -> list.add(value(item)));
      return list;
    }
    if (node.isIntegralNumber()) {
      return node.bigIntegerValue();
    }
    return node.isBoolean() ? (Object) node.booleanValue() : shortened(node.asText());
  }

  /** A long parameter, such as a match key of many columns, by its beginning and its digest. */
  private static String shortened(String text) {
    return text.length() <= MAX_PARAMETER
        ? text
        : EventBuilder.clip(text, MAX_NAME)
            + " "
            + EventBuilder.sha256(text.getBytes(StandardCharsets.UTF_8));
  }
}
