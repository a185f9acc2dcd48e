package org.espalier.node.daemon;

import java.nio.file.Path;
import org.espalier.node.config.SiloHome;

/** A node as a process of its own, which a test can kill. */
final class NodeProcessMain {
  private NodeProcessMain() {}

  public static void main(String[] args) {
    SiloNode.run(new SiloHome(Path.of(args[0])));
  }
}
