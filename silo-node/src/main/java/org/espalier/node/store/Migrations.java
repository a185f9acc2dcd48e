package org.espalier.node.store;

import java.util.List;

/** The tables, one step per released version; steps are only ever added. */
final class Migrations {
  static final List<String> STEPS =
      List.of(
          """
          CREATE TABLE datasets (
            name TEXT PRIMARY KEY,
            file TEXT NOT NULL,
            schema_json TEXT NOT NULL,
            scan_json TEXT NOT NULL,
            commitment_key BLOB NOT NULL,
            added TEXT NOT NULL
          ) STRICT;
          CREATE TABLE jobs (
            id TEXT PRIMARY KEY,
            spec_json TEXT NOT NULL,
            digest BLOB NOT NULL,
            proposer TEXT NOT NULL,
            state TEXT NOT NULL,
            attempt INTEGER NOT NULL,
            cause_json TEXT,
            created TEXT NOT NULL,
            updated TEXT NOT NULL
          ) STRICT;
          CREATE TABLE decisions (
            job TEXT NOT NULL REFERENCES jobs(id),
            party TEXT NOT NULL,
            approved INTEGER NOT NULL,
            reason TEXT,
            signature BLOB NOT NULL,
            decided TEXT NOT NULL,
            PRIMARY KEY (job, party)
          ) STRICT;
          CREATE TABLE reports (
            job TEXT NOT NULL REFERENCES jobs(id),
            attempt INTEGER NOT NULL,
            json TEXT NOT NULL,
            PRIMARY KEY (job, attempt)
          ) STRICT;
          CREATE TABLE receipts (
            job TEXT NOT NULL REFERENCES jobs(id),
            attempt INTEGER NOT NULL,
            party TEXT NOT NULL,
            json TEXT NOT NULL,
            signature BLOB NOT NULL,
            PRIMARY KEY (job, attempt, party)
          ) STRICT;
          CREATE TABLE job_log (
            seq INTEGER PRIMARY KEY,
            job TEXT NOT NULL REFERENCES jobs(id),
            at TEXT NOT NULL,
            line TEXT NOT NULL
          ) STRICT;
          CREATE INDEX job_log_by_job ON job_log(job, seq);
          CREATE TABLE models (
            job TEXT PRIMARY KEY REFERENCES jobs(id),
            slice_json TEXT NOT NULL,
            created TEXT NOT NULL
          ) STRICT;
          """,
          """
          CREATE TABLE partners (
            name TEXT PRIMARY KEY,
            state TEXT NOT NULL,
            url TEXT,
            identity BLOB,
            secret_hash BLOB,
            expires TEXT,
            since TEXT NOT NULL
          ) STRICT;
          """,
          """
          CREATE TABLE progress (
            job TEXT PRIMARY KEY REFERENCES jobs(id),
            phase TEXT,
            tried_again INTEGER NOT NULL DEFAULT 0
          ) STRICT;
          """,
          """
          CREATE TABLE servings (
            job TEXT PRIMARY KEY REFERENCES jobs(id),
            since TEXT NOT NULL
          ) STRICT;
          CREATE TABLE scoring_clients (
            name TEXT PRIMARY KEY,
            token_hash BLOB NOT NULL,
            created TEXT NOT NULL
          ) STRICT;
          """,
          """
          CREATE TABLE grounds (
            job TEXT NOT NULL REFERENCES jobs(id),
            party TEXT NOT NULL,
            json TEXT NOT NULL,
            PRIMARY KEY (job, party)
          ) STRICT;
          CREATE TABLE drafts (
            job TEXT PRIMARY KEY REFERENCES jobs(id),
            person_json TEXT NOT NULL,
            sent INTEGER NOT NULL
          ) STRICT;
          CREATE TABLE words (
            job TEXT NOT NULL REFERENCES jobs(id),
            person TEXT NOT NULL,
            word_json TEXT NOT NULL,
            PRIMARY KEY (job, person)
          ) STRICT;
          """,
          """
          CREATE TABLE enrolments (
            party TEXT PRIMARY KEY REFERENCES partners(name),
            exchange BLOB NOT NULL
          ) STRICT;
          """,
          """
          CREATE TABLE going_on (
            job TEXT PRIMARY KEY REFERENCES jobs(id)
          ) STRICT;
          """,
          """
          CREATE TABLE removed_dataset_keys (
            commitment_key BLOB PRIMARY KEY
          ) STRICT;
          """);

  private Migrations() {}
}
