package org.espalier.node.cli;

import org.espalier.node.Build;
import picocli.CommandLine.IVersionProvider;

/** What the jar says it is. */
final class Version implements IVersionProvider {
  @Override
  public String[] getVersion() {
    return new String[] {
      "silo " + Build.version() + ", Java " + System.getProperty("java.version"),
    };
  }
}
