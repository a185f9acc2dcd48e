package org.espalier.node.cohort;

import java.io.DataInputStream;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Optional;
import java.util.function.Consumer;
import org.espalier.node.config.SiloHome;
import org.espalier.psi.store.KeptParts;

/**
 * What a begun alignment of one job left this party, a sealed file each, so that an attempt after a
 * kill goes on from there. Bound to what is aligned: with another job, match section or file of the
 * data set it is not taken.
 */
final class KeptAlignment implements KeptParts {
  private static final String MARK = ".align-";
  private static final int SUBJECT = 32;

  private final Path folder;
  private final byte[] secret;
  private final String job;
  private final byte[] subject;
  private final Consumer<String> told;

  /**
   * @param subject digest of what is aligned, 32 bytes
   * @param told takes a sentence about what need not be done again
   */
  KeptAlignment(Path folder, byte[] secret, String job, byte[] subject, Consumer<String> told) {
    if (subject.length != SUBJECT) {
      throw new IllegalArgumentException("a subject of " + subject.length + " bytes");
    }
    this.folder = folder;
    this.secret = secret;
    this.job = job;
    this.subject = subject;
    this.told = told;
  }

  private String prefix(int rule) {
    return "%s%s%02d-".formatted(job, MARK, rule);
  }

  private Path file(int rule, String part) {
    return folder.resolve(prefix(rule) + part);
  }

  @Override
  public Optional<DataInputStream> open(int rule, String part) throws IOException {
    DataInputStream in;
    try {
      in = SealedFile.read(secret, file(rule, part));
    } catch (NoSuchFileException none) {
      return Optional.empty();
    }
    try {
      if (MessageDigest.isEqual(in.readNBytes(SUBJECT), subject)) {
        return Optional.of(in);
      }
    } catch (IOException | RuntimeException e) {
      in.close();
      throw e;
    }
    in.close();
    return Optional.empty();
  }

  @Override
  public void keep(int rule, String part, Content content) throws IOException {
    SiloHome.createFolder(folder);
    SealedFile.write(
        secret,
        file(rule, part),
        out -> {
          out.write(subject);
          content.write(out);
        });
  }

  @Override
  public void forget(int rule) throws IOException {
    String first = prefix(rule);
    String own = job + MARK;
    JobFiles.delete(folder, name -> name.startsWith(own) && name.compareTo(first) >= 0);
  }

  @Override
  public void goesOn(int rule, int attempt, long elements) {
    told.accept(
        "the alignment of an earlier attempt goes on: %,d masked keys of rule %d are here already"
            .formatted(elements, rule + 1));
  }
}
