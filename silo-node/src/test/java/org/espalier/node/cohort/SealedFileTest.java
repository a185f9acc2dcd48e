package org.espalier.node.cohort;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SealedFileTest {
  private static final int SEGMENT = 1 << 16;
  private static final int HEADER = 5 + 32;
  private static final byte[] SECRET = new byte[32];

  @TempDir Path folder;
  private final Random random = new Random(3);

  private byte[] write(Path file, int length) throws IOException {
    byte[] content = new byte[length];
    random.nextBytes(content);
    SealedFile.write(SECRET, file, out -> out.write(content));
    return content;
  }

  private static byte[] read(byte[] secret, Path file) throws IOException {
    try (InputStream in = SealedFile.read(secret, file)) {
      return in.readAllBytes();
    }
  }

  private static void refused(Path file) {
    assertThatThrownBy(() -> read(SECRET, file)).isInstanceOf(SealedFile.TamperedException.class);
  }

  @Test
  void givesBackWhatWasWrittenWhateverTheLength() throws IOException {
    Path file = folder.resolve("a.cohort");
    for (int length : new int[] {0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT, 200_001}) {
      byte[] content = write(file, length);
      assertThat(read(SECRET, file)).isEqualTo(content);
      try (InputStream in = SealedFile.read(SECRET, file)) {
        for (int i = 0; i < Math.min(length, 10); i++) {
          assertThat(in.read()).isEqualTo(content[i] & 0xff);
        }
      }
    }
    assertThat(Files.getPosixFilePermissions(file)).hasSize(2);
    try (var files = Files.list(folder)) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void aByteChangedAnywhereIsNoticed() throws IOException {
    Path file = folder.resolve("a.cohort");
    write(file, SEGMENT + 100);
    byte[] whole = Files.readAllBytes(file);
    for (int round = 0; round < 60; round++) {
      int at = round < HEADER ? round : HEADER + random.nextInt(whole.length - HEADER);
      byte[] changed = whole.clone();
      changed[at] ^= (byte) (1 << random.nextInt(8));
      Files.write(file, changed);
      refused(file);
    }
    Files.write(file, whole);
    assertThat(read(SECRET, file)).hasSize(SEGMENT + 100);
  }

  @Test
  void whatIsCutOffExchangedOrAppendedIsNoticed() throws IOException {
    Path file = folder.resolve("a.cohort");
    write(file, 2 * SEGMENT + 100);
    byte[] whole = Files.readAllBytes(file);
    int segment = SEGMENT + 16;
    for (int length :
        new int[] {
          0, 4, HEADER, HEADER + 1, HEADER + segment, HEADER + 2 * segment, whole.length - 1
        }) {
      Files.write(file, Arrays.copyOf(whole, length));
      refused(file);
    }
    Files.write(file, Arrays.copyOf(whole, whole.length + 1));
    refused(file);
    byte[] exchanged = whole.clone();
    System.arraycopy(whole, HEADER, exchanged, HEADER + segment, segment);
    System.arraycopy(whole, HEADER + segment, exchanged, HEADER, segment);
    Files.write(file, exchanged);
    refused(file);
  }

  @Test
  void anotherNameOrSecretDoesNotOpenIt() throws IOException {
    Path file = folder.resolve("a.cohort");
    byte[] content = write(file, 1000);
    Path other = Files.copy(file, folder.resolve("b.cohort"));
    refused(other);
    byte[] secret = SECRET.clone();
    secret[31] = 1;
    assertThatThrownBy(() -> read(secret, file))
        .isInstanceOf(SealedFile.TamperedException.class)
        .hasMessageContaining("changed or is damaged");
    assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1))
        .doesNotContain(new String(content, 0, 8, StandardCharsets.ISO_8859_1));
  }
}
