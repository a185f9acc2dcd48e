package org.espalier.he;

import org.espalier.he.nativelib.Native;

/** What {@code silo doctor} reports about the native library. */
public final class HeInfo {
  private HeInfo() {}

  /** Version of Microsoft SEAL in the library; loading it is itself the check that it works. */
  public static String sealVersion() {
    return Native.sealVersion();
  }
}
