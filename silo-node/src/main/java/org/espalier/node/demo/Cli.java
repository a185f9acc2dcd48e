package org.espalier.node.demo;

import java.io.IOException;
import java.io.PrintStream;
import org.espalier.node.config.SiloHome;

/** The command line {@code silo}. */
public interface Cli {
  /**
   * Carries out a command in this process.
   *
   * @param out takes data
   * @param err takes what is said to a person
   * @param args as typed after {@code silo}
   * @return the exit code
   */
  int run(PrintStream out, PrintStream err, String... args);

  /** Starts {@code silo node start} for this folder as a process of its own. */
  Process spawn(SiloHome home) throws IOException;
}
