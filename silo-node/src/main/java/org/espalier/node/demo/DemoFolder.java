package org.espalier.node.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.espalier.node.config.SiloHome;
import org.espalier.wire.Party;

/**
 * The folder and the processes of one demonstration. Both are gone afterwards, also if it fails or
 * is interrupted from the keyboard, unless they are to be kept.
 */
final class DemoFolder implements AutoCloseable {
  private final Path root;
  private final boolean keep;
  private final List<SiloProcess> processes = new ArrayList<>();
  private boolean closed;
  private final Thread hook = new Thread(this::clean, "demo-cleanup");

  private DemoFolder(Path root, boolean keep) {
    this.root = root;
    this.keep = keep;
    Runtime.getRuntime().addShutdownHook(hook);
  }

  static DemoFolder create(boolean keep) {
    try {
      return new DemoFolder(Files.createTempDirectory("silo-demo-"), keep);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Path root() {
    return root;
  }

  SiloHome home(Party party) {
    return new SiloHome(root.resolve(party.name()));
  }

  /** Starts a node that this folder will end. */
  synchronized SiloProcess start(Cli cli, Party party) {
    if (closed) {
      throw new IllegalStateException("the demonstration was interrupted");
    }
    try {
      SiloProcess process = new SiloProcess(party, home(party), cli.spawn(home(party)));
      processes.add(process);
      return process;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private synchronized void clean() {
    closed = true;
    if (keep) {
      return;
    }
    processes.forEach(SiloProcess::terminate);
    processes.forEach(SiloProcess::close);
    processes.clear();
    try (Stream<Path> all = Files.walk(root)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (NoSuchFileException e) {
      // Cleaned before.
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    clean();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The process is ending and the hook runs already: it finds nothing left to do.
    }
  }
}
