package org.espalier.wire.fuzz;

import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;

/**
 * A reader of foreign bytes under inputs that were changed at random. It takes each or refuses it
 * with a sentence, in one of the kinds that its caller expects; it fails in no other way, allocates
 * in proportion to the input and does not compute for long. With {@code -Despalier.fuzz=N} there
 * are N times as many inputs.
 */
public final class Fuzz {
  public static final int TIMES = Integer.getInteger("espalier.fuzz", 1);

  /** Longer than any of the readers needs for an input of usual size. */
  private static final long MOST_NANOS = 1_000_000_000;

  private static final int SHOWN = 3000;

  private static final com.sun.management.ThreadMXBean THREADS =
      (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

  private final String name;
  private final List<Class<?>> refusals;
  private final boolean text;
  private final long base;
  private final long perByte;

  private Fuzz(String name, List<Class<?>> refusals, boolean text, long base, long perByte) {
    this.name = name;
    this.refusals = refusals;
    this.text = text;
    this.base = base;
    this.perByte = perByte;
  }

  /**
   * @param refusals the kinds of exception in which the reader may refuse
   */
  public static Fuzz of(String name, Class<?>... refusals) {
    return new Fuzz(name, List.of(refusals), false, 64 << 10, 16);
  }

  /** The same for inputs of words and lines. */
  public Fuzz text() {
    return new Fuzz(name, refusals, true, base, perByte);
  }

  /** The same with another bound in bytes: 64 KiB and 16 for each byte of an input, else. */
  public Fuzz allocating(long least, long forEachByte) {
    return new Fuzz(name, refusals, text, least, forEachByte);
  }

  /** Reads one input. */
  @FunctionalInterface
  public interface Reader {
    void read(byte[] input) throws Exception;
  }

  /** Repeatable, and another for each input of each use. */
  public static Random random(String use, int input) {
    return new Random((long) use.hashCode() << 32 | input);
  }

  /**
   * Reads changed inputs.
   *
   * @param inputs how many, times {@link #TIMES}
   * @param corpus inputs as they should be
   * @return the share of them that was refused
   */
  public double refused(int inputs, List<byte[]> corpus, Reader reader) {
    int refused = 0;
    for (int input = 0; input < inputs * TIMES; input++) {
      Random random = random(name, input);
      byte[] bytes = corpus.get(random.nextInt(corpus.size()));
      byte[] other = corpus.get(random.nextInt(corpus.size()));
      refused += refuses(input, new Mutator(random, text).change(bytes, other), reader) ? 1 : 0;
    }
    return (double) refused / (inputs * TIMES);
  }

  /** Whether the reader refuses this input, which is the numbered one. */
  boolean refuses(int input, byte[] changed, Reader reader) {
    long most = base + perByte * changed.length;
    long thread = Thread.currentThread().getId();
    for (int again = 0; ; again++) {
      long began = THREADS.getCurrentThreadCpuTime();
      long before = THREADS.getThreadAllocatedBytes(thread);
      boolean refused = refusesOnce(input, changed, reader);
      long allocated = THREADS.getThreadAllocatedBytes(thread) - before;
      long took = THREADS.getCurrentThreadCpuTime() - began;
      if (allocated <= most && took <= MOST_NANOS) {
        return refused;
      }
      // A first use loads classes: where much was needed it is done again, and that counts.
      if (again == 2) {
        throw failed(
            input,
            changed,
            "%d bytes allocated, %d ms".formatted(allocated, took / 1_000_000),
            null);
      }
    }
  }

  private boolean refusesOnce(int input, byte[] changed, Reader reader) {
    try {
      reader.read(changed.clone());
      return false;
    } catch (Exception | Error e) {
      if (refusals.stream().noneMatch(kind -> kind.isInstance(e))) {
        throw failed(input, changed, e.toString(), e);
      }
      if (e.getMessage() == null || e.getMessage().isBlank()) {
        throw failed(input, changed, "refused without a sentence", e);
      }
      return true;
    }
  }

  private AssertionError failed(int input, byte[] changed, String what, Throwable cause) {
    byte[] shown = Arrays.copyOf(changed, Math.min(SHOWN, changed.length));
    String bytes =
        text ? new String(shown, StandardCharsets.UTF_8) : HexFormat.of().formatHex(shown);
    return new AssertionError("%s, input %d: %s: %s".formatted(name, input, what, bytes), cause);
  }
}
