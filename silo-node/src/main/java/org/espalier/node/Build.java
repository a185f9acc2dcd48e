package org.espalier.node;

/** What the program's jar says it is. */
public final class Build {
  private Build() {}

  /** The version, or {@code development} where the program runs from a folder of classes. */
  public static String version() {
    String version = Build.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }
}
