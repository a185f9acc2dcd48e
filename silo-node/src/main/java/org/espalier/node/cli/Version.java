package org.espalier.node.cli;

import picocli.CommandLine.IVersionProvider;

/** What the jar says it is. */
final class Version implements IVersionProvider {
  static String text() {
    String version = Version.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }

  @Override
  public String[] getVersion() {
    return new String[] {
      "silo " + text() + ", Java " + System.getProperty("java.version"),
    };
  }
}
