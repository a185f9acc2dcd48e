package org.espalier.audit.verify;

/** What a verification found, and the exit code that says so. */
public enum Verdict {
  /** Everything agrees. */
  OK(0, "intact"),
  /** Something that was signed was changed, inserted, removed, moved or doubled afterwards. */
  ALTERED(10, "altered"),
  /** The end is gone, or a file is missing. */
  TRUNCATED(11, "truncated or missing"),
  /** Fewer witnesses have seen the log than the policy asks for. */
  WITNESSES(12, "too few witnesses"),
  /** The key signed two histories that exclude each other. */
  FORK(13, "forked"),
  /** Nothing is signed by the trusted key. */
  KEY_NOT_TRUSTED(14, "not signed by the trusted key"),
  /** An event states a time that it cannot have been written at. */
  TIME(15, "impossible time");

  private final int exitCode;
  private final String words;

  Verdict(int exitCode, String words) {
    this.exitCode = exitCode;
    this.words = words;
  }

  /** Exit code of the command. */
  public int exitCode() {
    return exitCode;
  }

  /** The verdict in words. */
  public String words() {
    return words;
  }
}
