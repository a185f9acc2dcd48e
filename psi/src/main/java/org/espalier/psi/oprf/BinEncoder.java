package org.espalier.psi.oprf;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.espalier.wire.Message;

/** Encodes bins of one party's keys, on all cores. */
final class BinEncoder {
  private final OkvsShape shape;
  private final Keys keys;
  private final int width;
  private final Queue<Scratch> free = new ConcurrentLinkedQueue<>();

  /**
   * @param width longs of a position: 1, or 2 for {@link Scratch#encodeWide}
   */
  BinEncoder(OkvsShape shape, Keys keys, int width) {
    this.shape = shape;
    this.keys = keys;
    this.width = width;
  }

  /** Makes a message, in the scratch space of one core. */
  @FunctionalInterface
  interface Work {
    Message message(Scratch scratch, int number);
  }

  /** As many bins at a time as there are cores; their messages are sent in order. */
  void inOrder(int count, Work work, Consumer<Message> send) {
    int wave = wave();
    for (int first = 0; first < count; first += wave) {
      int from = first;
      Message[] messages = new Message[Math.min(wave, count - first)];
      each(messages.length, (scratch, i) -> messages[i] = work.message(scratch, from + i));
      for (Message message : messages) {
        send.accept(message);
      }
    }
  }

  /** Bins that are encoded at a time. */
  static int wave() {
    return Runtime.getRuntime().availableProcessors();
  }

  /** Works in the scratch space of one core. */
  @FunctionalInterface
  interface Task {
    void run(Scratch scratch, int number);
  }

  /** Runs tasks in any order. */
  void each(int count, Task task) {
    IntStream.range(0, count)
        .parallel()
        .forEach(
            i -> {
              Scratch scratch = free.poll();
              if (scratch == null) {
                scratch = new Scratch();
              }
              task.run(scratch, i);
              free.add(scratch);
            });
  }

  /** What one core needs. */
  final class Scratch {
    private final Okvs okvs = new Okvs(shape);
    private final Keys.Hashes hashes = keys.new Hashes(shape, shape.capacity());

    /** The bin that was encoded last. */
    final long[] table = new long[width * shape.width()];

    /**
     * Encodes what the hashes of the keys give them.
     *
     * @return which hashes did
     */
    int encode(int bin) {
      return attempt(bin, null, null);
    }

    /**
     * Encodes other values, with no sign of which positions keys decide.
     *
     * @param values one for each key of the bin
     */
    int encodeHidden(int bin, long[] values, Blocks random) {
      return attempt(bin, values, random);
    }

    /**
     * Encodes elements of GF(2^128): the two halves one after the other, since positions are chosen
     * alike.
     *
     * @param values two longs for each key of the bin
     */
    int encodeWide(int bin, long[] values) {
      int first = keys.first(bin);
      int count = keys.first(bin + 1) - first;
      long[] half = new long[shape.width()];
      for (int attempt = 0; attempt < Messages.Table.ATTEMPTS; attempt++) {
        hashes.load(first, count, attempt);
        boolean done = true;
        for (int w = 0; w < 2; w++) {
          for (int i = 0; i < count; i++) {
            hashes.values[i] = values[2 * i + w];
          }
          done &= okvs.encode(hashes, count, half);
          for (int k = 0; k < half.length; k++) {
            table[2 * k + w] = half[k];
          }
        }
        if (done) {
          return attempt;
        }
      }
      throw new IllegalStateException("a bin cannot be encoded");
    }

    private int attempt(int bin, long[] values, Blocks random) {
      int first = keys.first(bin);
      int count = keys.first(bin + 1) - first;
      for (int attempt = 0; attempt < Messages.Table.ATTEMPTS; attempt++) {
        hashes.load(first, count, attempt);
        boolean done;
        if (values == null) {
          done = okvs.encode(hashes, count, table);
        } else {
          System.arraycopy(values, 0, hashes.values, 0, count);
          done = okvs.encodeHidden(hashes, count, table, random);
        }
        if (done) {
          return attempt;
        }
      }
      throw new IllegalStateException("a bin cannot be encoded");
    }

    /** The table as a message. */
    Messages.Table message(int bin, int attempt) {
      byte[] bytes = new byte[8 * table.length];
      Blocks.write(table, 0, table.length, bytes, 0);
      return new Messages.Table(bin, attempt, bytes);
    }
  }
}
