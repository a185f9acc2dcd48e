package org.espalier.psi.ecdh;

import java.nio.file.Path;
import org.espalier.psi.SmallHeap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two parties with 100,000 rows each, in one heap that objects per element would not fit in. */
class MemoryTest {
  private static final int ROWS = 100_000;
  private static final int COMMON = 40_000;

  @TempDir Path folder;

  @Test
  @Timeout(300)
  void aHundredThousandRowsInAHeapOf40Megabytes() throws Exception {
    SmallHeap.check(MemoryTest.class, 40, COMMON, folder);
  }

  /** The child process. */
  public static void main(String[] args) throws Exception {
    int shift = ROWS - COMMON;
    SmallHeap.child(
        new Run(new SmallHeap.Generated(ROWS, 0), new SmallHeap.Generated(ROWS, shift)),
        shift,
        args[0]);
  }
}
