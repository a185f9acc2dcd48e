package org.espalier.node.cohort;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.protocols.glm.PassStore;
import org.espalier.psi.oprf.ListStore;
import org.espalier.psi.store.KeptParts;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The node's frozen alignments, and the key sets that it brought to alignments, in a folder of
 * sealed files: {@code DIGEST.cohort} with {@link Cohort} as JSON and this party's rows in the
 * common order, {@code ID.keys} with a {@link KeySet}, and what {@link #lists} keeps.
 */
public final class Cohorts {
  /** Folder of alignments that are under way, within that of cohorts. */
  public static final String BEGUN = "begun";

  private static final String COHORT = ".cohort";
  private static final Logger LOG = LoggerFactory.getLogger(Cohorts.class);
  private static final String KEYS = ".keys";
  private static final String SERVED = ".served";
  private static final String RECEIVED = ".received";
  private static final String PASSES = "passes";
  private static final int MAX_JSON = 1 << 20;
  private static final int MAX_RULES = 64;
  private static final int BUFFER = 1 << 16;

  private final Path folder;
  private final byte[] secret;

  /**
   * @param folder made if it is not there
   * @param secret of the node, 32 bytes, always the same; without it nothing can be read
   */
  public Cohorts(Path folder, byte[] secret) {
    this.folder = folder;
    this.secret = secret.clone();
    try {
      SiloHome.createFolder(folder);
    } catch (IOException e) {
      throw Problem.refused("the folder of cohorts cannot be used").detail(e.toString()).because(e);
    }
  }

  /**
   * One file of the folder.
   *
   * @param cohort empty if it is damaged
   */
  public record Entry(String digest, Optional<Cohort> cohort) {}

  // ---- cohorts --------------------------------------------------------------------------------

  /**
   * Keeps a cohort, durably.
   *
   * @param rows position in the cohort to row of the own data set
   */
  public void keep(Cohort cohort, int[] rows) {
    byte[] json = Json.write(Json.tree(cohort)).getBytes(StandardCharsets.UTF_8);
    store(
        cohort.digest() + COHORT,
        out -> {
          Numbers numbers = new Numbers(out);
          numbers.putInt(json.length);
          numbers.flush();
          out.write(json);
          for (int row : rows) {
            numbers.putInt(row);
          }
          numbers.flush();
        });
  }

  /** Newest first; damaged ones last. */
  public List<Entry> list() {
    List<Entry> entries = new ArrayList<>();
    for (String digest : names(COHORT)) {
      if (digest.matches(Cohort.DIGEST)) {
        entries.add(entry(digest));
      }
    }
    entries.sort(
        Comparator.comparing(
            (Entry entry) -> entry.cohort().map(Cohort::created).orElse(null),
            Comparator.nullsLast(Comparator.reverseOrder())));
    return entries;
  }

  /** One file; of a digest that {@link #find} gave. */
  public Entry entry(String digest) {
    try (DataInputStream in = SealedFile.read(secret, file(digest, COHORT))) {
      return new Entry(digest, Optional.of(header(digest, in)));
    } catch (IOException e) {
      return new Entry(digest, Optional.empty());
    }
  }

  /**
   * What is known of a cohort; its rows are not read.
   *
   * @throws Problem if this node has none of this digest, or its file is not what was written
   */
  public Cohort get(String digest) {
    try (DataInputStream in = open(digest)) {
      return header(digest, in);
    } catch (IOException e) {
      throw damaged(digest, e);
    }
  }

  /**
   * Deletes a cohort, damaged or not, durably. Key sets stay: they are what later alignments are
   * compared with.
   */
  public void delete(String digest) {
    try {
      Files.delete(file(digest, COHORT));
      try (FileChannel entry = FileChannel.open(folder, StandardOpenOption.READ)) {
        entry.force(true);
      }
    } catch (IOException e) {
      throw Problem.refused("cohort " + shortened(digest) + " cannot be deleted")
          .detail(e.toString())
          .because(e);
    }
  }

  /** The digest that begins so. */
  public String find(String beginning) {
    List<String> found =
        names(COHORT).stream().filter(digest -> digest.startsWith(beginning)).toList();
    if (found.size() != 1) {
      throw Problem.notFound(
              found.isEmpty()
                  ? "no cohort " + beginning + " at this node"
                  : found.size() + " cohorts begin with " + beginning)
          .next("silo cohort list");
    }
    return found.get(0);
  }

  /**
   * Position in the cohort to row of the own data set.
   *
   * @throws Problem if its file is not what was written
   */
  public int[] rows(Cohort cohort) {
    try (DataInputStream in = open(cohort.digest())) {
      header(cohort.digest(), in);
      int[] rows = new int[cohort.size()];
      byte[] buffer = new byte[BUFFER];
      for (int at = 0; at < rows.length; ) {
        int count = Math.min(rows.length - at, BUFFER / Integer.BYTES);
        in.readFully(buffer, 0, count * Integer.BYTES);
        ByteBuffer.wrap(buffer).asIntBuffer().get(rows, at, count);
        at += count;
      }
      requireEnd(in);
      return rows;
    } catch (IOException e) {
      throw damaged(cohort.digest(), e);
    }
  }

  private DataInputStream open(String digest) throws IOException {
    Path file = file(digest, COHORT);
    if (!digest.matches(Cohort.DIGEST) || !Files.isRegularFile(file)) {
      throw Problem.notFound("this node has no cohort " + shortened(digest))
          .next("silo cohort list");
    }
    return SealedFile.read(secret, file);
  }

  private static Cohort header(String digest, DataInputStream in) throws IOException {
    int length = in.readInt();
    if (length < 0 || length > MAX_JSON) {
      throw new IOException("a description of " + length + " bytes");
    }
    JsonNode json = Json.parse("cohort", new String(in.readNBytes(length), StandardCharsets.UTF_8));
    Cohort cohort = Json.convert("cohort", json, Cohort.class);
    if (!cohort.digest().equals(digest) || !cohort.isWhole()) {
      throw new IOException("another cohort");
    }
    return cohort;
  }

  private Problem damaged(String digest, IOException cause) {
    return Problem.refused("the file of cohort " + shortened(digest) + " was changed or is damaged")
        .detail(file(digest, COHORT) + ": " + cause.getMessage())
        .next("align anew: leave alignment.cohort out of the job")
        .because(cause);
  }

  private static String shortened(String digest) {
    return digest.substring(0, Math.min(16, digest.length()));
  }

  // ---- key sets -------------------------------------------------------------------------------

  /**
   * Names the key set that a file has under a match section; tells nobody else anything.
   *
   * @param sha256 of the file, hex
   * @param match digest of the match section
   */
  public String keySetId(String sha256, byte[] match) {
    Mac mac = mac("espalier key set 1");
    mac.update(HexFormat.of().parseHex(sha256));
    return HexFormat.of().formatHex(mac.doFinal(match), 0, 16);
  }

  /** What keys are hashed under, behind it. */
  public byte[] keySalt() {
    return mac("espalier key tags 1").doFinal();
  }

  public boolean hasKeySet(String id) {
    return Files.isRegularFile(file(id, KEYS));
  }

  /** Keeps a key set, durably. */
  public void keepKeySet(String id, KeySet keys) {
    store(
        id + KEYS,
        out -> {
          Numbers numbers = new Numbers(out);
          numbers.putLong(keys.rules().length);
          for (long[] rule : keys.rules()) {
            numbers.putLong(rule.length);
            for (long tag : rule) {
              numbers.putLong(tag);
            }
          }
          numbers.flush();
        });
  }

  /**
   * @throws Problem if it is not there or not what was written
   */
  public KeySet keySet(String id) {
    Path file = file(id, KEYS);
    if (!Files.isRegularFile(file)) {
      throw Problem.refused(
              "the keys of an earlier alignment are missing, so they cannot be compared")
          .detail(file.toString())
          .next(
              "restore the file, or set min_set_difference: 0 in policy.yaml and restart the node");
    }
    try (DataInputStream in = SealedFile.read(secret, file)) {
      int rules = count(in.readLong(), MAX_RULES);
      long[][] tags = new long[rules][];
      byte[] buffer = new byte[BUFFER];
      for (int rule = 0; rule < rules; rule++) {
        // Authentic by now: only this node wrote it.
        tags[rule] = new long[count(in.readLong(), Integer.MAX_VALUE - 8)];
        for (int at = 0; at < tags[rule].length; ) {
          int part = Math.min(tags[rule].length - at, BUFFER / Long.BYTES);
          in.readFully(buffer, 0, part * Long.BYTES);
          ByteBuffer.wrap(buffer).asLongBuffer().get(tags[rule], at, part);
          at += part;
        }
      }
      requireEnd(in);
      return new KeySet(tags);
    } catch (IOException e) {
      throw Problem.refused(
              "the file of the keys of an earlier alignment was changed or is damaged")
          .detail(file + ": " + e.getMessage())
          .because(e);
    }
  }

  // ---- lists of alignments of unequal tables --------------------------------------------------

  /**
   * Where the lists of {@link org.espalier.psi.oprf.UnbalancedAlignment} are kept: {@code
   * ID.served} begins with the SHA-256 of the file whose keys it is about, so that of another file
   * there is none; {@code ID.received} is the partner's list.
   *
   * @param dataset the server's, as jobs name it
   * @param match digest of the match section
   * @param sha256 of the own file, hex
   */
  public ListStore lists(Party partner, String dataset, byte[] match, String sha256) {
    Mac mac = mac("espalier list 1");
    for (String name : List.of(partner.name(), dataset)) {
      byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
      mac.update(ByteBuffer.allocate(Integer.BYTES).putInt(bytes.length).array());
      mac.update(bytes);
    }
    String id = HexFormat.of().formatHex(mac.doFinal(match), 0, 16);
    return new Lists(id, HexFormat.of().parseHex(sha256));
  }

  /**
   * Where passes of a job are kept until it has ended.
   *
   * @param subject digest of the job, its cohort and this node's file, 32 bytes: passes of others
   *     are not taken
   */
  public PassStore passes(String job, byte[] subject) {
    Mac mac = mac("espalier passes 1");
    mac.update(job.getBytes(StandardCharsets.UTF_8));
    return new KeptPasses(folder.resolve(PASSES), secret, job, subject, mac.doFinal(subject));
  }

  /**
   * Where a begun alignment of a job is kept until all parties have its cohort.
   *
   * @param subject digest of the job and this node's file, 32 bytes: what was kept of others is not
   *     taken
   * @param told takes a sentence about what an attempt need not do again
   */
  public KeptParts begun(String job, byte[] subject, Consumer<String> told) {
    Path begun = folder.resolve(BEGUN);
    try {
      // What a kill left half written.
      JobFiles.delete(begun, name -> name.startsWith(job + ".") && name.endsWith(".new"));
    } catch (IOException e) {
      LOG.warn("what was half kept of the alignment of {} cannot be deleted", job, e);
    }
    return new KeptAlignment(begun, secret, job, subject, told);
  }

  /** Deletes the begun alignment of a job: all parties have the cohort. */
  public void forgetBegun(String job) {
    try {
      JobFiles.deleteOf(folder.resolve(BEGUN), job);
    } catch (IOException e) {
      LOG.warn("what is kept of the alignment of {} cannot be deleted", job, e);
    }
  }

  /** Deletes the begun alignments and passes of all jobs but these. */
  public void forgetOthers(Set<String> jobs) {
    try {
      JobFiles.deleteOfOthers(folder.resolve(BEGUN), jobs);
      JobFiles.deleteOfOthers(folder.resolve(PASSES), jobs);
    } catch (IOException e) {
      LOG.warn("what is kept of jobs that have ended cannot be deleted", e);
    }
  }

  /** Deletes the begun alignment and the passes of a job that has ended. */
  public void forget(String job) {
    forgetBegun(job);
    try {
      JobFiles.deleteOf(folder.resolve(PASSES), job);
    } catch (IOException e) {
      LOG.warn("passes of {} cannot be deleted", job, e);
    }
  }

  private final class Lists implements ListStore {
    private final String id;
    private final byte[] own;

    Lists(String id, byte[] own) {
      this.id = id;
      this.own = own;
    }

    private Path file(Kind kind) {
      return Cohorts.this.file(id, kind == Kind.SERVED ? SERVED : RECEIVED);
    }

    @Override
    public Optional<DataInputStream> open(Kind kind) throws IOException {
      Path file = file(kind);
      if (!Files.isRegularFile(file)) {
        return Optional.empty();
      }
      DataInputStream in = SealedFile.read(secret, file);
      try {
        if (kind == Kind.RECEIVED || Arrays.equals(in.readNBytes(own.length), own)) {
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
    public void keep(Kind kind, Content content) throws IOException {
      SealedFile.write(
          secret,
          file(kind),
          out -> {
            if (kind == Kind.SERVED) {
              out.write(own);
            }
            content.write(out);
          });
    }
  }

  // ---- files ----------------------------------------------------------------------------------

  private Path file(String name, String ending) {
    return folder.resolve(name + ending);
  }

  private List<String> names(String ending) {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(ending))
          .map(name -> name.substring(0, name.length() - ending.length()))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw Problem.refused("the folder of cohorts cannot be read").detail(e.toString()).because(e);
    }
  }

  private void store(String name, SealedFile.Content content) {
    try {
      SealedFile.write(secret, folder.resolve(name), content);
    } catch (IOException e) {
      throw Problem.of(Problem.Kind.JOB_FAILED, "the alignment cannot be kept")
          .detail(folder.resolve(name) + ": " + e.getMessage())
          .because(e);
    }
  }

  private Mac mac(String purpose) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(secret, "HmacSHA256"));
      mac.update(purpose.getBytes(StandardCharsets.US_ASCII));
      return mac;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java 17 platform has HMAC-SHA-256", e);
    }
  }

  private static int count(long said, int most) throws IOException {
    if (said < 0 || said > most) {
      throw new IOException("a count of " + said);
    }
    return (int) said;
  }

  private static void requireEnd(DataInputStream in) throws IOException {
    if (in.read() >= 0) {
      throw new IOException("more than was expected");
    }
  }

  /** Writes many numbers without a call of the stream for each. */
  private static final class Numbers {
    private final OutputStream out;
    private final byte[] bytes = new byte[BUFFER];
    private final ByteBuffer buffer = ByteBuffer.wrap(bytes);

    Numbers(OutputStream out) {
      this.out = out;
    }

    void putInt(int number) throws IOException {
      if (buffer.remaining() < Integer.BYTES) {
        flush();
      }
      buffer.putInt(number);
    }

    void putLong(long number) throws IOException {
      if (buffer.remaining() < Long.BYTES) {
        flush();
      }
      buffer.putLong(number);
    }

    void flush() throws IOException {
      out.write(bytes, 0, buffer.position());
      buffer.clear();
    }
  }
}
