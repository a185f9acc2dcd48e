package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.policy.PersonWord;
import org.espalier.node.store.Store;
import org.espalier.wire.Party;

/** The jobs in the node's database and the only place where their state changes. */
public final class Jobs {
  private static final int MAX_LOG_LINES = 10_000;

  private final Store store;
  private volatile Consumer<Job> watcher = job -> {};

  public Jobs(Store store) {
    this.store = store;
  }

  public void insert(Job job) {
    store.update(
        "INSERT INTO jobs (id, spec_json, digest, proposer, state, attempt, created, updated)"
            + " VALUES (?, ?, ?, ?, ?, 0, ?, ?)",
        job.id(),
        Json.write(job.spec().toJson()),
        job.digest(),
        job.proposer().name(),
        job.state().name(),
        job.created().toString(),
        job.updated().toString());
  }

  public Optional<Job> find(String id) {
    return store.one("SELECT * FROM jobs WHERE id = ?", this::read, id);
  }

  /**
   * @throws Problem if there is no such job
   */
  public Job get(String id) {
    return find(id)
        .orElseThrow(
            () -> Problem.notFound("no job " + id + " at this node").next("silo job list"));
  }

  /** Newest first. */
  public List<Job> list() {
    return store.all("SELECT * FROM jobs ORDER BY created DESC, id", this::read);
  }

  /**
   * Moves a job on; everything that happens with a job goes through here.
   *
   * @throws Problem if the job's present state does not allow it
   */
  public Job move(String id, JobState next, Problem cause) {
    Job moved = moved(id, next, cause);
    watcher.accept(moved);
    return moved;
  }

  /** Is told of every job that has moved on, on the thread that moved it; must be quick. */
  public void watch(Consumer<Job> told) {
    watcher = told;
  }

  private Job moved(String id, JobState next, Problem cause) {
    return store.transaction(
        () -> {
          Job job = get(id);
          if (!job.state().allows(next)) {
            throw Problem.wrongState(
                    "job " + id + " is " + job.state() + " and cannot become " + next)
                .next("silo job show " + id);
          }
          store.update(
              "UPDATE jobs SET state = ?, cause_json = ?, updated = ? WHERE id = ?",
              next.name(),
              cause == null ? null : Json.write(cause.toJson()),
              Instant.now().toString(),
              id);
          log(id, next + (cause == null ? "" : ": " + cause.what()));
          return get(id);
        });
  }

  /** Begins an attempt. */
  public Job begin(String id, int attempt) {
    return store.transaction(
        () -> {
          Job job = get(id);
          if (attempt <= job.attempt()) {
            throw Problem.wrongState(
                "attempt "
                    + attempt
                    + " of job "
                    + id
                    + " is over; the newest is "
                    + job.attempt());
          }
          store.update("UPDATE jobs SET attempt = ? WHERE id = ?", attempt, id);
          progress(id, "phase", null);
          goesOn(id, false);
          return move(id, JobState.RUNNING, null);
        });
  }

  /** Notes which phase the newest attempt has come to, so that it is known after a crash. */
  public void phase(String id, String phase) {
    progress(id, "phase", phase);
    log(id, "phase " + phase);
  }

  /** The phase that the newest attempt has come to; empty before its first. */
  public Optional<String> phase(String id) {
    return store
        .one(
            "SELECT phase FROM progress WHERE job = ?",
            row -> Optional.ofNullable(row.getString(1)),
            id)
        .flatMap(phase -> phase);
  }

  /** How often this node has run a job again by itself since its operator did. */
  public int triedAgain(String id) {
    return store
        .one("SELECT tried_again FROM progress WHERE job = ?", row -> row.getInt(1), id)
        .orElse(0);
  }

  public void triedAgain(String id, int times) {
    progress(id, "tried_again", times);
  }

  /** Whether a job whose newest attempt failed is to go on by itself, also after a restart. */
  public boolean goesOn(String id) {
    return store.one("SELECT job FROM going_on WHERE job = ?", row -> true, id).isPresent();
  }

  public void goesOn(String id, boolean byItself) {
    store.update(
        byItself
            ? "INSERT INTO going_on (job) VALUES (?) ON CONFLICT (job) DO NOTHING"
            : "DELETE FROM going_on WHERE job = ?",
        id);
  }

  private void progress(String id, String column, Object value) {
    store.update(
        "INSERT INTO progress (job, %1$s) VALUES (?, ?) ON CONFLICT (job) DO UPDATE SET %1$s = excluded.%1$s"
            .formatted(column),
        id,
        value);
  }

  /** Keeps a party's decision; a second, different one changes nothing. */
  public Job decide(String id, Party party, Job.Decision decision) {
    return store.transaction(
        () -> {
          store.update(
              "INSERT INTO decisions (job, party, approved, reason, signature, decided)"
                  + " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (job, party) DO NOTHING",
              id,
              party.name(),
              decision.approved() ? 1 : 0,
              decision.reason(),
              decision.signature(),
              decision.at().toString());
          store.update(
              "INSERT INTO grounds (job, party, json) VALUES (?, ?, ?)"
                  + " ON CONFLICT (job, party) DO NOTHING",
              id,
              party.name(),
              Json.write(decision.grounds()));
          Job job = get(id);
          if (job.state() != JobState.PROPOSED) {
            return job;
          }
          for (Map.Entry<Party, Job.Decision> entry : job.decisions().entrySet()) {
            if (!entry.getValue().approved()) {
              return move(
                  id,
                  JobState.DENIED,
                  Problem.wrongState("denied: " + entry.getValue().reason()).at(entry.getKey()));
            }
          }
          return job.undecided().isEmpty() ? move(id, JobState.APPROVED, null) : job;
        });
  }

  /**
   * A proposal of this node's own that waits for its own people, or came from one of them.
   *
   * @param person who proposed it
   * @param sent whether partners know of it
   */
  public record Draft(PersonWord person, boolean sent) {}

  /** Keeps a job that a person proposed and that partners do not know yet. */
  public void draft(Job job, PersonWord person) {
    store.transaction(
        () -> {
          insert(job);
          store.update(
              "INSERT INTO drafts (job, person_json, sent) VALUES (?, ?, 0)",
              job.id(),
              Json.write(person.toJson()));
          log(job.id(), "PROPOSED by " + person.person() + ", not sent yet");
          return null;
        });
  }

  /** The person who proposed a job here, if the policy asked for one. */
  public Optional<Draft> draft(String id) {
    return store.one(
        "SELECT person_json, sent FROM drafts WHERE job = ?",
        row ->
            new Draft(
                PersonWord.fromJson(Json.parse("draft", row.getString(1))), row.getInt(2) == 1),
        id);
  }

  public void sent(String id) {
    store.update("UPDATE drafts SET sent = 1 WHERE job = ?", id);
  }

  /** Keeps the word of one of the own people, in place of an earlier one of the same person. */
  public void word(String id, PersonWord word) {
    store.update(
        "INSERT INTO words (job, person, word_json) VALUES (?, ?, ?)"
            + " ON CONFLICT (job, person) DO UPDATE SET word_json = excluded.word_json",
        id,
        word.person(),
        Json.write(word.toJson()));
  }

  /** The words of the own people on a job, by name. */
  public List<PersonWord> words(String id) {
    return store.all(
        "SELECT word_json FROM words WHERE job = ? ORDER BY person",
        row -> PersonWord.fromJson(Json.parse("word", row.getString(1))),
        id);
  }

  public void log(String id, String line) {
    store.update(
        "INSERT INTO job_log (job, at, line) VALUES (?, ?, ?)", id, Instant.now().toString(), line);
  }

  /** One line of a job's log. */
  public record LogLine(long seq, Instant at, String line) {}

  public List<LogLine> log(String id, long after) {
    return store.all(
        "SELECT seq, at, line FROM job_log WHERE job = ? AND seq > ? ORDER BY seq LIMIT "
            + MAX_LOG_LINES,
        row -> new LogLine(row.getLong(1), Instant.parse(row.getString(2)), row.getString(3)),
        id,
        after);
  }

  /** Keeps what this node has to say about one attempt. */
  public void report(String id, int attempt, JsonNode report) {
    store.update(
        "INSERT INTO reports (job, attempt, json) VALUES (?, ?, ?)"
            + " ON CONFLICT (job, attempt) DO UPDATE SET json = excluded.json",
        id,
        attempt,
        Json.write(report));
  }

  public Optional<JsonNode> report(String id, int attempt) {
    return store.one(
        "SELECT json FROM reports WHERE job = ? AND attempt = ?",
        row -> Json.parse("report", row.getString(1)),
        id,
        attempt);
  }

  /** A party's signed summary of one attempt. */
  public record Receipt(JsonNode content, byte[] signature) {
    /** The bytes that are signed. */
    public byte[] statement() {
      return Receipts.statement(content);
    }
  }

  public void receipt(String id, int attempt, Party party, Receipt receipt) {
    store.update(
        "INSERT INTO receipts (job, attempt, party, json, signature) VALUES (?, ?, ?, ?, ?)"
            + " ON CONFLICT (job, attempt, party) DO NOTHING",
        id,
        attempt,
        party.name(),
        Json.write(receipt.content()),
        receipt.signature());
  }

  public SortedMap<Party, Receipt> receipts(String id, int attempt) {
    SortedMap<Party, Receipt> result = new TreeMap<>();
    store
        .all(
            "SELECT party, json, signature FROM receipts WHERE job = ? AND attempt = ?",
            row ->
                Map.entry(
                    new Party(row.getString(1)),
                    new Receipt(Json.parse("receipt", row.getString(2)), row.getBytes(3))),
            id,
            attempt)
        .forEach(entry -> result.put(entry.getKey(), entry.getValue()));
    return result;
  }

  /** Keeps this party's slice of a trained model, in place of an earlier attempt's. */
  public void model(String id, JsonNode slice) {
    store.update(
        "INSERT INTO models (job, slice_json, created) VALUES (?, ?, ?) ON CONFLICT (job)"
            + " DO UPDATE SET slice_json = excluded.slice_json, created = excluded.created",
        id,
        Json.write(slice),
        Instant.now().toString());
  }

  public Optional<JsonNode> model(String id) {
    return store.one(
        "SELECT slice_json FROM models WHERE job = ?",
        row -> Json.parse("model", row.getString(1)),
        id);
  }

  /** Jobs that ended with a model here, newest first. */
  public List<String> models() {
    return store.all(
        "SELECT job FROM models JOIN jobs ON jobs.id = models.job WHERE jobs.state = ?"
            + " ORDER BY models.created DESC",
        row -> row.getString(1),
        JobState.DONE.name());
  }

  /** How many proposals of one party wait for decisions, or came since then and never ran. */
  public int proposalsOf(Party proposer, Instant since) {
    return store
        .one(
            "SELECT count(*) FROM jobs WHERE proposer = ?"
                + " AND (state = ? OR (attempt = 0 AND state <> ? AND created > ?))",
            row -> row.getInt(1),
            proposer.name(),
            JobState.PROPOSED.name(),
            JobState.APPROVED.name(),
            since.toString())
        .orElse(0);
  }

  /** Decisions of before there were policies have none. */
  private static JsonNode grounds(String json) {
    return json == null ? Json.object() : Json.parse("grounds", json);
  }

  private Job read(ResultSet row) throws SQLException {
    String id = row.getString("id");
    SortedMap<Party, Job.Decision> decisions = new TreeMap<>();
    store
        .all(
            "SELECT d.party, approved, reason, signature, decided, json FROM decisions d"
                + " LEFT JOIN grounds g ON g.job = d.job AND g.party = d.party WHERE d.job = ?",
            d ->
                Map.entry(
                    new Party(d.getString(1)),
                    new Job.Decision(
                        d.getInt(2) == 1,
                        d.getString(3),
                        d.getBytes(4),
                        Instant.parse(d.getString(5)),
                        grounds(d.getString(6)))),
            id)
        .forEach(entry -> decisions.put(entry.getKey(), entry.getValue()));
    String cause = row.getString("cause_json");
    return new Job(
        id,
        JobSpec.json("job " + id, Json.parse("job " + id, row.getString("spec_json"))),
        row.getBytes("digest"),
        new Party(row.getString("proposer")),
        JobState.valueOf(row.getString("state")),
        row.getInt("attempt"),
        Optional.ofNullable(cause).map(c -> Problem.fromJson(Json.parse("cause", c))),
        Instant.parse(row.getString("created")),
        Instant.parse(row.getString("updated")),
        decisions);
  }
}
