package org.espalier.psi.curve;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What works on this machine. */
final class Curves {
  static final List<Curve> ALL = choose(System.getProperty("espalier.curve", ""));

  private static final String LIBRARY = "libespalier_curve.so";

  private Curves() {}

  /**
   * @param prefix of the names of those that are wanted
   */
  static List<Curve> choose(String prefix) {
    List<Curve> all = new ArrayList<>();
    if (!"java".equals(prefix) && loaded()) {
      for (int way : new int[] {NativeCurve.IFMA, NativeCurve.PORTABLE}) {
        Curve curve = NativeCurve.available(way) ? new NativeCurve(way) : null;
        if (curve != null && curve.toString().startsWith(prefix)) {
          all.add(curve);
        }
      }
    }
    all.add(new JavaCurve());
    return List.copyOf(all);
  }

  /**
   * Unpacks and loads the native library. Where that cannot be (a system for which none was built,
   * no folder from which code may be run), alignments take longer and are otherwise the same.
   */
  private static boolean loaded() {
    String resource = "/META-INF/native/" + platform() + "/" + LIBRARY;
    try (InputStream library = Curves.class.getResourceAsStream(resource)) {
      if (library == null) {
        return without("this build has none for " + platform());
      }
      Path folder =
          Files.createTempDirectory(
              "espalier-native",
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      Path file = folder.resolve(LIBRARY);
      try {
        Files.copy(library, file);
        System.load(file.toString());
        return true;
      } finally {
        Files.deleteIfExists(file);
        Files.deleteIfExists(folder);
      }
    } catch (IOException | UnsatisfiedLinkError | UnsupportedOperationException e) {
      return without(e.getMessage());
    }
  }

  private static boolean without(String reason) {
    System.getLogger(Curves.class.getName())
        .log(
            System.Logger.Level.WARNING,
            "no native arithmetic on Curve25519 ({0}): alignments by ecdh take some ten times as"
                + " long",
            reason);
    return false;
  }

  private static String platform() {
    String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    String arch = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
    return (os.startsWith("linux") ? "linux" : os.replace(' ', '-'))
        + "-"
        + (arch.equals("amd64") ? "x86_64" : arch);
  }
}
