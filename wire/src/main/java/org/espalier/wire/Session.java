package org.espalier.wire;

import java.security.MessageDigest;
import java.util.regex.Pattern;

/**
 * One run of one agreed job. Everything that must differ between jobs or attempts (hash salts,
 * masks, stream names) is derived from here.
 *
 * @param job identifier, {@code [A-Za-z0-9-]{1,64}}
 * @param specDigest SHA-256 of the canonical job that every party approved, 32 bytes
 * @param attempt 1 for the first run, one more for every resume
 */
public record Session(String job, byte[] specDigest, int attempt) {
  private static final Pattern JOB = Pattern.compile("[A-Za-z0-9-]{1,64}");

  public Session {
    if (!JOB.matcher(job).matches()) {
      throw new IllegalArgumentException("job id must match [A-Za-z0-9-]{1,64}");
    }
    if (specDigest.length != 32) {
      throw new IllegalArgumentException("spec digest has " + specDigest.length + " bytes, not 32");
    }
    if (attempt < 1) {
      throw new IllegalArgumentException("attempt " + attempt + " is not positive");
    }
    specDigest = specDigest.clone();
  }

  @Override
  public byte[] specDigest() {
    return specDigest.clone();
  }

  /**
   * 32 bytes that bind {@code label} to this job and attempt: SHA-256 of the length-prefixed
   * fields.
   */
  public byte[] bind(String label) {
    Encoder fields =
        new Encoder()
            .putString("espalier/session/1")
            .putString(job)
            .putBytes(specDigest)
            .putInt(attempt)
            .putString(label);
    return Digests.sha256().digest(fields.toByteArray());
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof Session other
        && job.equals(other.job)
        && attempt == other.attempt
        && MessageDigest.isEqual(specDigest, other.specDigest);
  }

  @Override
  public int hashCode() {
    return job.hashCode() * 31 + attempt;
  }

  @Override
  public String toString() {
    return job + "/" + attempt;
  }
}
