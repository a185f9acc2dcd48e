package org.espalier.bench;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.SplittableRandom;

/**
 * Two files of identifiers, half of those of the shorter in both, in random order: a column {@code
 * id}, each of 32 hexadecimal digits. Made from the numbers of rows alone.
 *
 * @param receiver rows of its file
 * @param sender rows of the other's
 */
record PsiData(Path folder, int receiver, int sender) {
  private static final byte[] HEADER = "id\n".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] DIGITS = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);
  private static final int DIGITS_OF_ID = 32;

  /** With the line feed. */
  private static final int LINE = DIGITS_OF_ID + 1;

  /** Odd, so that multiplying by it maps no two numbers to one. */
  private static final long MIX = 0x9e3779b97f4a7c15L;

  /** Finds the files in the folder or makes them. */
  static PsiData ensure(Path parent, int rows) throws IOException {
    return ensure(parent, rows, rows);
  }

  /** The same of files of different lengths. */
  static PsiData ensure(Path parent, int receiver, int sender) throws IOException {
    String name = "psi-" + receiver + (sender == receiver ? "" : "-" + sender);
    PsiData data = new PsiData(parent.resolve(name), receiver, sender);
    Files.createDirectories(data.folder);
    for (int party = 0; party < 2; party++) {
      if (!Files.exists(data.file(party))) {
        System.err.printf("bench: writing %s ...%n", data.file(party));
        data.write(party);
      }
    }
    return data;
  }

  /** Of the receiver (0) or the sender (1). */
  Path file(int party) {
    return folder.resolve(party == 0 ? "receiver.csv" : "sender.csv");
  }

  /** How many identifiers are in both. */
  int common() {
    return Math.min(receiver, sender) / 2;
  }

  private int rows(int party) {
    return party == 0 ? receiver : sender;
  }

  private void write(int party) throws IOException {
    int rows = rows(party);
    int[] people = new int[rows];
    for (int i = 0; i < rows; i++) {
      people[i] = i < common() || party == 0 ? i : i + receiver;
    }
    SplittableRandom random = new SplittableRandom(rows * 2L + party);
    for (int i = rows - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int person = people[i];
      people[i] = people[j];
      people[j] = person;
    }
    Path unfinished = folder.resolve("unfinished");
    try (OutputStream out = Files.newOutputStream(unfinished)) {
      out.write(HEADER);
      byte[] lines = new byte[LINE * 4096];
      int at = 0;
      for (int person : people) {
        line(person, lines, at);
        at += LINE;
        if (at == lines.length) {
          out.write(lines);
          at = 0;
        }
      }
      out.write(lines, 0, at);
    }
    Files.move(unfinished, file(party), StandardCopyOption.REPLACE_EXISTING);
  }

  private static void line(int person, byte[] target, int at) {
    long first = mixed(person);
    long second = mixed(first);
    for (int digit = 0; digit < 16; digit++) {
      target[at + digit] = DIGITS[(int) (first >>> (60 - 4 * digit) & 15)];
      target[at + 16 + digit] = DIGITS[(int) (second >>> (60 - 4 * digit) & 15)];
    }
    target[at + DIGITS_OF_ID] = '\n';
  }

  /** One to one: different people have different identifiers. */
  private static long mixed(long number) {
    long mixed = (number + MIX) * MIX;
    mixed = (mixed ^ mixed >>> 31) * MIX;
    return mixed ^ mixed >>> 29;
  }

  /**
   * Holds a result against the files.
   *
   * @param ofReceiver rows of the receiver's file, in the order of the cohort
   * @param ofSender rows of the sender's
   * @return what is wrong with it; empty if it names exactly the common identifiers, in the same
   *     order at both parties
   */
  String check(int[] ofReceiver, int[] ofSender) throws IOException {
    if (ofReceiver.length != common() || ofSender.length != common()) {
      return "%,d and %,d rows where %,d are in both files"
          .formatted(ofReceiver.length, ofSender.length, common());
    }
    MappedByteBuffer[] bytes = {map(0), map(1)};
    boolean[] seen = new boolean[receiver];
    for (int i = 0; i < ofReceiver.length; i++) {
      if (seen[ofReceiver[i]]) {
        return "row %,d twice".formatted(ofReceiver[i]);
      }
      seen[ofReceiver[i]] = true;
      int own = HEADER.length + LINE * ofReceiver[i];
      int other = HEADER.length + LINE * ofSender[i];
      for (int digit = 0; digit < DIGITS_OF_ID; digit++) {
        if (bytes[0].get(own + digit) != bytes[1].get(other + digit)) {
          return "position %,d is not the same person at both parties".formatted(i);
        }
      }
    }
    return "";
  }

  private MappedByteBuffer map(int party) throws IOException {
    try (FileChannel channel = FileChannel.open(file(party), StandardOpenOption.READ)) {
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
    }
  }
}
