package org.espalier.psi.oprf;

import java.nio.file.Path;
import org.espalier.psi.SmallHeap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two parties with 200,000 rows each in one heap: four bins each, nothing of an object per element.
 */
class MemoryTest {
  private static final int ROWS = 200_000;
  private static final int COMMON = 50_000;

  @TempDir Path folder;

  @Test
  @Timeout(300)
  void twoHundredThousandRowsInAHeapOf96Megabytes() throws Exception {
    SmallHeap.check(MemoryTest.class, 96, COMMON, folder);
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
