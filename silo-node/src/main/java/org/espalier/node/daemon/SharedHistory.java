package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.espalier.audit.event.EventType;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.log.LoggedEvent;
import org.espalier.audit.verify.Claim;
import org.espalier.audit.verify.Claims;
import org.espalier.node.job.Job;
import org.espalier.node.job.Jobs;
import org.espalier.wire.Party;

/**
 * Which events of the log are about jobs with which partner. Remembers the places, so that an
 * answer to a partner does not read the whole log again. Thread-safe.
 */
final class SharedHistory {
  private static final class Places {
    private final List<Long> seqs = new ArrayList<>();
    private final Set<String> parties = new TreeSet<>();
  }

  /** Reads the log as it is now. */
  @FunctionalInterface
  interface Source {
    LogReader reader() throws IOException;
  }

  private final Source log;
  private final Jobs jobs;
  private final Map<String, Places> known = new LinkedHashMap<>();
  private long read;
  private long newest = -1;
  private LoggedEvent pruned;

  SharedHistory(Source log, Jobs jobs) {
    this.log = log;
    this.jobs = jobs;
  }

  /**
   * What the log says of jobs with a partner, by place.
   *
   * @param job only this one; null: all
   * @param after only events behind this place; what jobs that were over by then have is not read
   */
  synchronized List<Claim> claims(Party partner, String job, long after) throws IOException {
    LogReader reader = upToDate();
    List<Claim> all = new ArrayList<>();
    for (Map.Entry<String, Places> entry : known.entrySet()) {
      Places places = entry.getValue();
      if ((job == null || job.equals(entry.getKey()))
          && places.seqs.get(places.seqs.size() - 1) > after
          && isShared(entry.getKey(), places, partner)) {
        Claims claims = new Claims(partner.name());
        for (long seq : places.seqs) {
          if (seq >= reader.first()) {
            claims.add(seq, reader.event(seq).json());
          }
        }
        claims.all().stream().filter(claim -> claim.seq() > after).forEach(all::add);
      }
    }
    all.sort(Comparator.comparingLong(Claim::seq));
    return all;
  }

  /** The events of a job that a partner's log must tell of, too, by place. */
  synchronized SortedMap<Long, JsonNode> events(String job) throws IOException {
    LogReader reader = upToDate();
    SortedMap<Long, JsonNode> events = new TreeMap<>();
    if (known.containsKey(job)) {
      for (long seq : known.get(job).seqs) {
        if (seq >= reader.first()) {
          events.put(seq, reader.event(seq).json());
        }
      }
    }
    return events;
  }

  /** The log says so, too, where the database was lost. */
  private boolean isShared(String job, Places places, Party partner) {
    return places.parties.contains(partner.name())
        || jobs.find(job).map(Job::spec).filter(s -> s.parties().containsKey(partner)).isPresent();
  }

  /** Place of the newest event about a job or of what was pruned; -1 without one. */
  synchronized long newest() throws IOException {
    upToDate();
    return newest;
  }

  /** The newest declaration of what was pruned, if something is gone. */
  synchronized Optional<LoggedEvent> pruned() throws IOException {
    return upToDate().first() == 0 ? Optional.empty() : Optional.ofNullable(pruned);
  }

  /** The log as it is now. */
  LogReader reader() throws IOException {
    return log.reader();
  }

  private LogReader upToDate() throws IOException {
    LogReader reader = log.reader();
    // Of what was pruned single events may be left, which tell of no job as a whole.
    for (read = Math.max(read, reader.first()); read < reader.size(); read++) {
      JsonNode event = reader.event(read).json();
      String job = event.path("job").path("id").asText();
      if (event.path("type").asText().equals(EventType.LOG_PRUNED.wireName())) {
        pruned = reader.event(read);
        newest = read;
      }
      if (!job.isEmpty() && Claims.concerns(event.path("type").asText())) {
        newest = read;
        Places places = known.computeIfAbsent(job, j -> new Places());
        places.seqs.add(read);
        note(event.path("partner").path("id"), places);
        event.path("transcripts").fieldNames().forEachRemaining(places.parties::add);
        event.path("approvals").forEach(approval -> note(approval.path("pseudonym"), places));
        if (event.path("actor").path("kind").asText().equals("partner")) {
          note(event.path("actor").path("pseudonym"), places);
        }
      }
    }
    return reader;
  }

  private static void note(JsonNode name, Places places) {
    if (name.isTextual()) {
      places.parties.add(name.asText());
    }
  }
}
