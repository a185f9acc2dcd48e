package org.espalier.node.job;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.espalier.node.store.Store;
import org.espalier.wire.Party;

/** How many jobs there are, without reading them. */
public final class JobCensus {
  private final Store store;
  private final Party self;

  public JobCensus(Store store, Party self) {
    this.store = store;
    this.self = self;
  }

  /** Jobs in each state, states without jobs included. */
  public Map<String, Integer> states() {
    Map<String, Integer> states = new LinkedHashMap<>();
    for (JobState state : JobState.values()) {
      states.put(state.name(), 0);
    }
    store
        .all(
            "SELECT state, count(*) FROM jobs GROUP BY state",
            row -> Map.entry(row.getString(1), row.getInt(2)))
        .forEach(entry -> states.put(entry.getKey(), entry.getValue()));
    return states;
  }

  /** Proposals on which this party has not decided. */
  public int waitForApproval() {
    return store
        .one(
            "SELECT count(*) FROM jobs WHERE state = ? AND NOT EXISTS"
                + " (SELECT 1 FROM decisions WHERE job = jobs.id AND party = ?)",
            row -> row.getInt(1),
            JobState.PROPOSED.name(),
            self.name())
        .orElse(0);
  }

  /** Jobs that run, newest first. */
  public List<String> running() {
    return store.all(
        "SELECT id FROM jobs WHERE state = ? ORDER BY updated DESC",
        row -> row.getString(1),
        JobState.RUNNING.name());
  }

  /** Whether the database answers. */
  public boolean answers() {
    try {
      return store.one("SELECT 1", row -> row.getInt(1)).isPresent();
    } catch (Store.StoreException e) {
      return false;
    }
  }
}
