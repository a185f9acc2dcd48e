package org.espalier.node.cohort;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import org.espalier.node.config.SiloHome;
import org.espalier.protocols.glm.PassStore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What passes of one job left this party, a sealed file each, so that an attempt after a kill goes
 * on from the last complete one. Bound to what was trained on: with another job, cohort or file of
 * the data set they are not taken.
 */
final class KeptPasses implements PassStore {
  private static final Logger LOG = LoggerFactory.getLogger(KeptPasses.class);
  private static final String MARK = ".pass-";
  private static final int SUBJECT = 32;
  private static final int MOST = 1 << 28;

  private final Path folder;
  private final byte[] secret;
  private final String job;
  private final byte[] subject;
  private final byte[] own;

  /**
   * @param subject digest of what is trained on, 32 bytes
   * @param own secret of this job and subject, 32 bytes
   */
  KeptPasses(Path folder, byte[] secret, String job, byte[] subject, byte[] own) {
    if (subject.length != SUBJECT) {
      throw new IllegalArgumentException("a subject of " + subject.length + " bytes");
    }
    this.folder = folder;
    this.secret = secret;
    this.job = job;
    this.subject = subject;
    this.own = own;
  }

  @Override
  public byte[] secret() {
    return own.clone();
  }

  private static Path file(Path folder, String job, int pass) {
    return folder.resolve("%s%s%04d".formatted(job, MARK, pass));
  }

  @Override
  public List<Kept> kept() {
    List<Kept> passes = new ArrayList<>();
    while (true) {
      Path file = file(folder, job, passes.size() + 1);
      try (DataInputStream in = SealedFile.read(secret, file)) {
        if (!MessageDigest.isEqual(in.readNBytes(SUBJECT), subject)) {
          return passes;
        }
        Kept pass = new Kept(doubles(in), doubles(in), doubles(in), doubles(in), longs(in));
        if (in.read() >= 0) {
          throw new IOException(file + " is longer than a pass");
        }
        passes.add(pass);
      } catch (NoSuchFileException none) {
        return passes;
      } catch (IOException e) {
        LOG.warn("{} is not taken: training goes on from the pass before it", file, e);
        return passes;
      }
    }
  }

  private static int length(DataInputStream in) throws IOException {
    int length = in.readInt();
    if (length < 0 || length > MOST) {
      throw new IOException("a vector of " + length + " numbers");
    }
    return length;
  }

  private static double[] doubles(DataInputStream in) throws IOException {
    double[] values = new double[length(in)];
    for (int i = 0; i < values.length; i++) {
      values[i] = in.readDouble();
    }
    return values;
  }

  private static long[] longs(DataInputStream in) throws IOException {
    long[] values = new long[length(in)];
    for (int i = 0; i < values.length; i++) {
      values[i] = in.readLong();
    }
    return values;
  }

  @Override
  public void forget() {
    try {
      forget(folder, job, 1);
    } catch (IOException e) {
      throw new UncheckedIOException("kept passes of " + job + " cannot be deleted", e);
    }
  }

  @Override
  public void keep(int pass, Kept what) {
    try {
      SiloHome.createFolder(folder);
      forget(folder, job, pass + 1);
      SealedFile.write(
          secret,
          file(folder, job, pass),
          out -> {
            DataOutputStream data = new DataOutputStream(out);
            data.write(subject);
            write(data, what.vector());
            write(data, what.products());
            write(data, what.penalties());
            write(data, what.figures());
            data.writeInt(what.shares().length);
            for (long share : what.shares()) {
              data.writeLong(share);
            }
            data.flush();
          });
    } catch (IOException e) {
      throw new UncheckedIOException("pass " + pass + " of " + job + " cannot be kept", e);
    }
  }

  private static void write(DataOutputStream out, double[] values) throws IOException {
    out.writeInt(values.length);
    for (double value : values) {
      out.writeDouble(value);
    }
  }

  /** Deletes what was kept of a job from a pass on. */
  private static void forget(Path folder, String job, int from) throws IOException {
    for (int pass = from; Files.deleteIfExists(file(folder, job, pass)); pass++) {
      // the next one
    }
  }
}
