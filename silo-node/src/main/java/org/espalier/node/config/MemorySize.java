package org.espalier.node.config;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The memory that a node's process may take, such as {@code 2GiB}: three quarters of it are the
 * heap of Java, the rest is left to native code. A slice that would take more than a quarter lies
 * in a mapped file while it is trained on.
 *
 * @param bytes 512 MiB to 1 TiB
 */
public record MemorySize(long bytes) {
  private static final Pattern TEXT = Pattern.compile("(\\d{1,7}) ?([MG])i?B?");

  public MemorySize {
    if (bytes < 512L << 20 || bytes > 1L << 40) {
      throw new IllegalArgumentException("memory must be from 512MiB to 1024GiB");
    }
  }

  /** Reads {@code 768MiB} or {@code 2GiB}. */
  @JsonCreator
  public static MemorySize parse(String text) {
    Matcher size = TEXT.matcher(text.strip());
    if (!size.matches()) {
      throw new IllegalArgumentException(
          "memory must be a size such as 2GiB or 768MiB, not '" + text + "'");
    }
    return new MemorySize(Long.parseLong(size.group(1)) << (size.group(2).equals("G") ? 30 : 20));
  }

  /** Largest heap. */
  public long heap() {
    return bytes / 4 * 3;
  }

  /** Most bytes of a slice in memory. */
  public long slice() {
    return bytes / 4;
  }

  @JsonValue
  @Override
  public String toString() {
    return bytes % (1L << 30) == 0 ? (bytes >> 30) + "GiB" : (bytes >> 20) + "MiB";
  }
}
