package org.espalier.audit.verify;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.espalier.audit.checkpoint.Checkpoint;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.merkle.Hashing;

/** What an attacker with write access to the disk does to a log that is all in its journal. */
final class Forge {
  /** One frame of a journal: its kind and its content. */
  record Frame(char kind, byte[] content) {}

  private Forge() {}

  static List<Frame> frames(Path directory) throws IOException {
    byte[] bytes = Files.readAllBytes(directory.resolve("journal"));
    ByteBuffer in = ByteBuffer.wrap(bytes).position(header(bytes));
    List<Frame> frames = new ArrayList<>();
    while (in.hasRemaining()) {
      char kind = (char) in.get();
      byte[] content = new byte[Short.toUnsignedInt(in.getShort())];
      in.get(content);
      frames.add(new Frame(kind, content));
    }
    return frames;
  }

  static void write(Path directory, List<Frame> frames) throws IOException {
    Path journal = directory.resolve("journal");
    byte[] old = Files.readAllBytes(journal);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(old, 0, header(old));
    for (Frame frame : frames) {
      out.write(frame.kind());
      out.write(frame.content().length >>> 8);
      out.write(frame.content().length);
      out.writeBytes(frame.content());
    }
    Files.write(journal, out.toByteArray());
  }

  static List<byte[]> entries(Path directory) throws IOException {
    return new ArrayList<>(
        frames(directory).stream().filter(f -> f.kind() == 'E').map(Frame::content).toList());
  }

  /** A whole new log of these entries, signed by whatever key the attacker has. */
  static void rewrite(Path directory, NoteSigner signer, List<byte[]> entries, boolean checkpoint)
      throws IOException {
    try (var all = Files.walk(directory.resolve("tile"))) {
      all.sorted(java.util.Comparator.reverseOrder()).forEach(Forge::delete);
    } catch (java.nio.file.NoSuchFileException e) {
      // There were no tiles.
    }
    Tree tree = new Tree();
    List<Frame> frames = new ArrayList<>();
    frames.add(commit(signer, tree));
    for (byte[] entry : entries) {
      frames.add(new Frame('E', entry));
      tree.add(Hashing.leaf(entry));
      frames.add(commit(signer, tree));
    }
    Files.writeString(
        directory.resolve("journal"), "espalier-audit-journal/1\n" + signer.name() + "\n0\n\n");
    write(directory, frames);
    if (checkpoint) {
      Files.writeString(
          directory.resolve("checkpoint"),
          Checkpoint.sign(signer, tree.size(), tree.root()).note());
    }
  }

  static Frame commit(NoteSigner signer, Tree tree) {
    String text = TreeHead.commitText(signer.name(), tree.size(), tree.root());
    return new Frame('C', signer.note(text).getBytes(UTF_8));
  }

  static byte[] edited(byte[] entry, String from, String to) {
    String text = new String(entry, UTF_8);
    if (!text.contains(from)) {
      throw new IllegalArgumentException(text);
    }
    return text.replace(from, to).getBytes(UTF_8);
  }

  private static int header(byte[] bytes) {
    return new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1).indexOf("\n\n") + 2;
  }

  private static void delete(Path path) {
    try {
      Files.delete(path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
