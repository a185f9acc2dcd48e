package org.espalier.audit.log;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.espalier.audit.log.AuditUnavailableException.Problem.DAMAGED;
import static org.espalier.audit.log.AuditUnavailableException.Problem.DISK_FULL;
import static org.espalier.audit.log.AuditUnavailableException.Problem.IO;
import static org.espalier.audit.log.AuditUnavailableException.Problem.LOCKED;
import static org.espalier.audit.log.AuditUnavailableException.Problem.READ_ONLY;
import static org.espalier.audit.log.AuditUnavailableException.Problem.REPLACED;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.espalier.audit.checkpoint.Checkpoint;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.merkle.Frontier;
import org.espalier.audit.merkle.Hashing;

/** The files of a log as their one writer has them; used by one thread at a time. */
final class LogFiles {
  /** Entries in the journal at which moving them out must succeed before more are taken. */
  private static final int MAX_JOURNAL_ENTRIES = 4096;

  /**
   * Logs open in this process. A second channel to a lock file must not even be opened here: on
   * POSIX systems closing it would give up the lock of the first.
   */
  private static final Set<Path> OPEN = ConcurrentHashMap.newKeySet();

  private static final int RESERVE_CHUNK = 1 << 20;

  private final Path directory;
  private final TilePaths paths;
  private final NoteSigner signer;
  private final Disk disk;
  private final int reserveBytes;
  private final Path realDirectory;
  private final Path lockFile;
  private final Path journalFile;
  private final FileChannel lockChannel;
  private final Object directoryIdentity;
  private final Object lockIdentity;

  private FileChannel journal;
  private Object journalIdentity;
  private long journalBytes;
  private boolean journalDirty;
  private boolean uncertain;

  /** All committed entries, and those of them before the journal's first. */
  private Frontier tree = Frontier.EMPTY;

  private Frontier treeBefore = Frontier.EMPTY;
  private final List<byte[]> entries = new ArrayList<>();

  /** For each tile level above 0 the hashes of its last, not yet full tile. */
  private final List<List<byte[]>> edges = new ArrayList<>();

  private volatile boolean reserve;

  private LogFiles(LogSettings settings, NoteSigner signer, Disk disk) throws IOException {
    this.directory = settings.directory();
    this.paths = new TilePaths(directory);
    this.signer = signer;
    this.disk = disk;
    this.reserveBytes = settings.reserveBytes();
    this.lockFile = directory.resolve("lock");
    this.journalFile = directory.resolve("journal");
    disk.createDirectories(directory);
    this.realDirectory = directory.toRealPath();
    if (!OPEN.add(realDirectory)) {
      throw locked(directory);
    }
    try {
      this.lockChannel = disk.open(lockFile);
    } catch (IOException | RuntimeException e) {
      OPEN.remove(realDirectory);
      throw e;
    }
    this.directoryIdentity = Disk.identity(directory);
    this.lockIdentity = Disk.identity(lockFile);
  }

  static LogFiles open(LogSettings settings, NoteSigner signer, Disk disk) {
    LogFiles files = null;
    try {
      files = new LogFiles(settings, signer, disk);
      files.takeLock();
      files.recover();
      files.restoreReserve();
      return files;
    } catch (IOException | RuntimeException e) {
      if (files != null) {
        files.close();
      }
      throw unavailable("the audit log in " + settings.directory() + " cannot be opened", e);
    }
  }

  Path directory() {
    return directory;
  }

  /** The tree of the committed entries. */
  Frontier tree() {
    return tree;
  }

  /** Whether there is disk space for what is not known yet. */
  boolean hasReserve() {
    return reserve;
  }

  /** Makes entries, which lead to the given tree, durable. */
  void commit(List<byte[]> added, Frontier after) {
    try {
      checkInPlace();
      if (entries.size() > MAX_JOURNAL_ENTRIES) {
        roll();
      }
      byte[] group = group(added, after);
      try {
        writeGroup(group);
      } catch (IOException e) {
        if (!isDiskFull(e) || !reserve) {
          throw e;
        }
        releaseReserve();
        writeGroup(group);
      }
    } catch (IOException e) {
      throw unavailable("the audit log " + directory + " cannot be written", e);
    }
    entries.addAll(added);
    tree = after;
  }

  /** Moves full bundles out of the journal. */
  void roll() {
    if (entries.size() < TilePaths.WIDTH) {
      return;
    }
    try {
      List<byte[]> rest = new ArrayList<>(entries);
      Frontier before = treeBefore;
      List<List<byte[]>> newEdges = new ArrayList<>();
      edges.forEach(edge -> newEdges.add(new ArrayList<>(edge)));
      List<Path> outdated = new ArrayList<>();
      while (rest.size() >= TilePaths.WIDTH) {
        List<byte[]> bundle = rest.subList(0, TilePaths.WIDTH);
        before = writeBundle(before, bundle, newEdges, outdated);
        bundle.clear();
      }
      replaceJournal(before, rest);
      treeBefore = before;
      entries.clear();
      entries.addAll(rest);
      edges.clear();
      edges.addAll(newEdges);
      for (Path path : outdated) {
        disk.deleteTree(path);
      }
    } catch (IOException e) {
      throw unavailable("full bundles of the audit log " + directory + " cannot be written", e);
    }
  }

  /** Writes the partial tiles of the committed tree and a signed checkpoint of it. */
  Checkpoint publish() {
    try {
      checkInPlace();
      long size = tree.size();
      if (!entries.isEmpty()) {
        List<byte[]> hashes = new ArrayList<>();
        entries.forEach(entry -> hashes.add(Hashing.leaf(entry)));
        long bundle = size / TilePaths.WIDTH;
        disk.replace(
            TilePaths.partial(paths.entries(bundle), entries.size()), Bundles.ofEntries(entries));
        disk.replace(
            TilePaths.partial(paths.hashes(0, bundle), hashes.size()), Bundles.ofHashes(hashes));
      }
      for (int level = 1; level <= edges.size(); level++) {
        List<byte[]> edge = edges.get(level - 1);
        Path partial =
            TilePaths.partial(
                paths.hashes(level, size >>> (8 * (level + 1))), Math.max(1, edge.size()));
        if (!edge.isEmpty() && !Files.exists(partial, LinkOption.NOFOLLOW_LINKS)) {
          disk.replace(partial, Bundles.ofHashes(edge));
        }
      }
      Checkpoint checkpoint = Checkpoint.sign(signer, size, tree.root());
      disk.replace(directory.resolve("checkpoint"), checkpoint.note().getBytes(UTF_8));
      return checkpoint;
    } catch (IOException e) {
      throw unavailable("the checkpoint of the audit log " + directory + " cannot be written", e);
    }
  }

  /** Takes up disk space again that was given up; {@link #hasReserve} tells if it could be had. */
  void restoreReserve() {
    Path file = directory.resolve("reserve");
    try {
      if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
          && Files.size(file) >= reserveBytes) {
        reserve = true;
        return;
      }
      try (FileChannel channel = disk.open(file)) {
        byte[] chunk = new byte[Math.min(RESERVE_CHUNK, reserveBytes)];
        Arrays.fill(chunk, (byte) 'r');
        for (long at = 0; at < reserveBytes; at += chunk.length) {
          int length = (int) Math.min(chunk.length, reserveBytes - at);
          disk.write(channel, file, ByteBuffer.wrap(chunk, 0, length), at);
        }
        disk.force(channel, file);
      }
      reserve = true;
    } catch (IOException e) {
      // Without the reserve no new act is begun; what runs can still be concluded if space allows.
      reserve = false;
      emptyReserve(file);
    }
  }

  void close() {
    closeQuietly(journal);
    closeQuietly(lockChannel);
    OPEN.remove(realDirectory);
  }

  static AuditUnavailableException unavailable(String what, Throwable cause) {
    if (cause instanceof AuditUnavailableException already) {
      return already;
    }
    AuditUnavailableException.Problem problem = IO;
    if (cause instanceof IOException io && isDiskFull(io)) {
      problem = DISK_FULL;
    } else if (cause instanceof AccessDeniedException
        || cause instanceof ReadOnlyFileSystemException
        || contains(cause, "read-only file system")) {
      problem = READ_ONLY;
    }
    String why =
        switch (problem) {
          case DISK_FULL -> "the disk is full";
          case READ_ONLY -> "the file system or directory is read-only";
          default -> String.valueOf(cause.getMessage());
        };
    return new AuditUnavailableException(problem, what + ": " + why, cause);
  }

  private void takeLock() throws IOException {
    FileLock lock;
    try {
      lock = lockChannel.tryLock();
    } catch (OverlappingFileLockException e) {
      lock = null;
    }
    if (lock == null) {
      throw locked(directory);
    }
  }

  private static AuditUnavailableException locked(Path directory) {
    return new AuditUnavailableException(
        LOCKED, "another writer has the audit log in " + directory);
  }

  private void recover() throws IOException {
    if (!Files.exists(journalFile, LinkOption.NOFOLLOW_LINKS)) {
      if (Files.exists(directory.resolve("tile"), LinkOption.NOFOLLOW_LINKS)
          || Files.exists(directory.resolve("checkpoint"), LinkOption.NOFOLLOW_LINKS)) {
        throw damaged("its journal is missing");
      }
      replaceJournal(Frontier.EMPTY, List.of());
      return;
    }
    LogReader reader = LogReader.open(directory);
    Journal found = reader.journal();
    if (!found.origin().equals(signer.name())) {
      throw damaged("it is the log of " + found.origin() + ", not of " + signer.name());
    }
    Frontier before = restoreTiles(reader, found);
    Frontier all = before;
    for (byte[] entry : found.entries()) {
      all = all.append(Hashing.leaf(entry));
    }
    String text = Journal.commitText(signer.name(), all.size(), all.root());
    if (!found.lastCommit().equals(signer.note(text))) {
      throw damaged(
          found.lastCommit().startsWith(text)
              ? "its last commit is not signed by the key of this log"
              : "its entries do not lead to the root of its last commit");
    }
    if (!found.tailIsTorn(all, signer)) {
      throw damaged(
          "from byte "
              + found.committed()
              + " the journal was altered: this is not what an interrupted write leaves behind");
    }
    if (reader.first() > 0) {
      requireWhole();
    }
    treeBefore = before;
    tree = all;
    entries.addAll(found.entries());
    openJournal();
    journalBytes = found.committed();
    if (found.tail().length > 0) {
      cutJournal();
    }
    roll();
    finishRemoval();
  }

  /**
   * Removes what the newest {@code log.pruned} declares and a crash or an error left. For any
   * thread, as {@link #keep}.
   */
  void finishRemoval() throws IOException {
    if (!Files.exists(directory.resolve(Kept.FILE), LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    LogReader reader = LogReader.open(directory);
    long first = reader.kept().first();
    if (first > reader.first() && reader.declared().first() == first) {
      removeBefore(first);
    }
  }

  /**
   * Makes entries durable that stay when the bundles before an index are removed. For any thread,
   * one at a time: the writer has nothing to do with the files concerned.
   */
  void keep(Kept kept) {
    try {
      byte[] bytes = kept.toBytes();
      if (bytes.length > LogReader.MAX_FILE) {
        throw new IOException("they have more than " + LogReader.MAX_FILE + " bytes together");
      }
      disk.replace(directory.resolve(Kept.FILE), bytes);
    } catch (IOException e) {
      throw unavailable("entries of the audit log " + directory + " cannot be kept apart", e);
    }
  }

  /**
   * Removes the bundles of entries before an index, the lowest first, so that no gap comes. For any
   * thread, as {@link #keep}.
   */
  void removeBefore(long first) {
    try {
      for (long i = 0; i < first / TilePaths.WIDTH; i++) {
        Path bundle = paths.entries(i);
        if (Files.exists(bundle, LinkOption.NOFOLLOW_LINKS)) {
          disk.delete(bundle);
        }
      }
    } catch (IOException e) {
      throw unavailable("pruned entries of the audit log " + directory + " cannot be removed", e);
    }
  }

  /** After the tiles were restored, which tell what is in the tree. */
  private void requireWhole() {
    try {
      LogReader.open(directory).requireWhole();
    } catch (IOException e) {
      throw damaged(e.getMessage());
    }
  }

  /**
   * Checks that every bundle is there, writes missing or wrong tiles anew, loads the right edge.
   */
  private Frontier restoreTiles(LogReader reader, Journal found) throws IOException {
    long bundles = found.first() / TilePaths.WIDTH;
    boolean complete = true;
    long pruned = reader.first() / TilePaths.WIDTH;
    for (long i = 0; i < pruned; i++) {
      if (!Files.isRegularFile(paths.hashes(0, i), LinkOption.NOFOLLOW_LINKS)) {
        throw damaged("the hashes of pruned entries from " + i * TilePaths.WIDTH + " are missing");
      }
    }
    for (long i = pruned; i < bundles; i++) {
      if (!Files.isRegularFile(paths.entries(i), LinkOption.NOFOLLOW_LINKS)) {
        throw damaged(
            "the bundle of entries "
                + i * TilePaths.WIDTH
                + " to "
                + (i * TilePaths.WIDTH + 255)
                + " is missing");
      }
    }
    for (int level = 0; bundles >>> (8 * level) > 0; level++) {
      for (long i = 0; i < bundles >>> (8 * level); i++) {
        complete &= Files.isRegularFile(paths.hashes(level, i), LinkOption.NOFOLLOW_LINKS);
      }
    }
    Frontier before = Frontier.of(found.first(), reader);
    LogReader source = reader;
    if (!complete || !leadsToLastCommit(before, found)) {
      source = reader.withoutTiles();
      before = Frontier.of(found.first(), source);
      if (leadsToLastCommit(before, found)) {
        rewriteTiles(source, bundles);
        source = reader;
      }
    }
    for (int level = 1; bundles >>> (8 * (level - 1)) > 0; level++) {
      List<byte[]> edge = new ArrayList<>();
      long count = bundles >>> (8 * (level - 1));
      for (long i = count / TilePaths.WIDTH * TilePaths.WIDTH; i < count; i++) {
        edge.add(source.node(8 * level, i));
      }
      edges.add(edge);
    }
    return before;
  }

  private static boolean leadsToLastCommit(Frontier before, Journal found) {
    Frontier all = before;
    for (byte[] entry : found.entries()) {
      all = all.append(Hashing.leaf(entry));
    }
    return Arrays.equals(all.root(), found.root());
  }

  private void rewriteTiles(LogReader source, long bundles) throws IOException {
    for (int level = 0; bundles >>> (8 * level) > 0; level++) {
      for (long tile = 0; tile < bundles >>> (8 * level); tile++) {
        List<byte[]> hashes = new ArrayList<>();
        for (long i = tile * TilePaths.WIDTH; i < (tile + 1) * TilePaths.WIDTH; i++) {
          hashes.add(source.node(8 * level, i));
        }
        disk.replace(paths.hashes(level, tile), Bundles.ofHashes(hashes));
      }
    }
  }

  /** Writes a bundle and every tile that it completes; returns the tree that includes it. */
  private Frontier writeBundle(
      Frontier before, List<byte[]> bundle, List<List<byte[]>> levels, List<Path> outdated)
      throws IOException {
    long index = before.size() / TilePaths.WIDTH;
    disk.replace(paths.entries(index), Bundles.ofEntries(bundle));
    outdated.add(TilePaths.partials(paths.entries(index)));
    List<byte[]> hashes = new ArrayList<>();
    Frontier after = before;
    for (byte[] entry : bundle) {
      byte[] hash = Hashing.leaf(entry);
      hashes.add(hash);
      after = after.append(hash);
    }
    int level = 0;
    while (true) {
      Path tile = paths.hashes(level, index);
      disk.replace(tile, Bundles.ofHashes(hashes));
      outdated.add(TilePaths.partials(tile));
      byte[] root = Bundles.rootOf(hashes);
      if (levels.size() == level) {
        levels.add(new ArrayList<>());
      }
      List<byte[]> above = levels.get(level);
      above.add(root);
      if (above.size() < TilePaths.WIDTH) {
        return after;
      }
      hashes = List.copyOf(above);
      above.clear();
      index /= TilePaths.WIDTH;
      level++;
    }
  }

  private void replaceJournal(Frontier before, List<byte[]> rest) throws IOException {
    byte[] fresh = Journal.fresh(signer, before, rest);
    try {
      disk.replace(journalFile, fresh);
    } catch (IOException e) {
      // Renamed, but perhaps not for good: appending to either file could lose what is appended.
      uncertain = journalIdentity != null && !journalIdentity.equals(Disk.identity(journalFile));
      throw e;
    }
    closeQuietly(journal);
    openJournal();
    journalBytes = fresh.length;
    journalDirty = false;
  }

  private void openJournal() throws IOException {
    journal = disk.open(journalFile);
    journalIdentity = Disk.identity(journalFile);
  }

  private byte[] group(List<byte[]> added, Frontier after) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    added.forEach(entry -> out.writeBytes(Journal.entryFrame(entry)));
    out.writeBytes(Journal.commitFrame(signer, after));
    return out.toByteArray();
  }

  private void writeGroup(byte[] group) throws IOException {
    if (journalDirty) {
      cutJournal();
    }
    journalDirty = true;
    try {
      disk.write(journal, journalFile, ByteBuffer.wrap(group), journalBytes);
      disk.force(journal, journalFile);
    } catch (IOException e) {
      try {
        cutJournal();
      } catch (IOException again) {
        e.addSuppressed(again);
      }
      throw e;
    }
    journalBytes += group.length;
    journalDirty = false;
  }

  /** Removes what was written after the last commit. */
  private void cutJournal() throws IOException {
    disk.truncate(journal, journalFile, journalBytes);
    disk.force(journal, journalFile);
    journalDirty = false;
  }

  /** Notices when what is written would go to a file that nobody finds under the log's name. */
  private void checkInPlace() throws IOException {
    if (uncertain) {
      throw new IOException("the disk failed while the journal was replaced; restart to recover");
    }
    requireSame(directory, directoryIdentity);
    requireSame(lockFile, lockIdentity);
    if (journal == null || !journal.isOpen()) {
      openJournal();
    }
    requireSame(journalFile, journalIdentity);
    long length = journal.size();
    if (!journalDirty && length != journalBytes) {
      throw new AuditUnavailableException(
          REPLACED,
          journalFile + " was changed by another hand: " + length + " bytes, not " + journalBytes);
    }
  }

  private static void requireSame(Path path, Object identity) {
    if (identity == null || !Objects.equals(Disk.identity(path), identity)) {
      throw new AuditUnavailableException(
          REPLACED, path + " was removed, replaced or made a link while the log was in use");
    }
  }

  private void releaseReserve() {
    reserve = false;
    emptyReserve(directory.resolve("reserve"));
  }

  private void emptyReserve(Path file) {
    try (FileChannel channel = disk.open(file)) {
      disk.truncate(channel, file, 0);
      disk.force(channel, file);
    } catch (IOException e) {
      // The write that needs the space then fails and says so.
      reserve = false;
    }
  }

  private AuditUnavailableException damaged(String why) {
    return new AuditUnavailableException(
        DAMAGED, "the audit log in " + directory + " is damaged: " + why);
  }

  private static boolean isDiskFull(IOException e) {
    return contains(e, "no space left")
        || contains(e, "quota exceeded")
        || contains(e, "file too large")
        || contains(e, "not enough space");
  }

  private static boolean contains(Throwable e, String text) {
    return e.getMessage() != null && e.getMessage().toLowerCase(Locale.ROOT).contains(text);
  }

  private static void closeQuietly(FileChannel channel) {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      // Everything that matters was forced before.
    }
  }
}
