package org.espalier.he;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.espalier.he.nativelib.Native;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Two different requests answered under one mask are a two-time pad: the difference of what the key
 * holder opens is X·(v − v'). A holder that gets a party to answer again after a crash would read X
 * row by row.
 */
class RequestBindingTest {
  private static final int ROWS = 64;
  private static final int COLUMNS = 500;
  private static final int WIDTH = 64;

  private final Parameters p =
      new Parameters(
          4096,
          new long[] {Native.primeBelow(4096, 54, 0), Native.primeBelow(4096, 54, 1)},
          Native.primeBelow(4096, 38, 0));
  private final HeContext context = HeContext.of(p);
  private final KeyPair key = context.generateKey();
  private final SeedRegistry seeds = new SeedRegistry();
  private final int[] x = new Random(41).ints(ROWS * COLUMNS, -1000, 1000).toArray();
  private final TileStore tiles = TileStore.of(context, x, ROWS, COLUMNS, WIDTH);
  private final byte[] maskKey = new byte[32];

  @AfterEach
  void close() {
    tiles.close();
    key.close();
    context.close();
  }

  private byte[] request(int row) {
    long[] v = new long[ROWS];
    if (row >= 0) {
      v[row] = 1;
    }
    return key.encryptBlock(v, 0, ROWS, WIDTH);
  }

  /** Columns of the row in which the difference of two opened replies is X itself. */
  private int columnsRead(long[] opened, long[] other, int row) {
    int right = 0;
    for (int j = 0; j < COLUMNS; j++) {
      long difference = p.centre(Math.floorMod(opened[j] - other[j], p.plain()));
      if (Math.abs(difference - x[row * COLUMNS + j]) <= 1) {
        right++;
      }
    }
    return right;
  }

  /** A reply whose mask depends on the mask key alone. */
  private long[] openedUnbound(byte[] request) {
    long accumulator = Native.accumulator(tiles.handle());
    try (EncryptedBlock block = context.readBlock(request, seeds);
        PublicKey pk = context.readPublicKey(key.publicKey(), new SeedRegistry())) {
      Native.add(accumulator, new long[] {0}, new long[] {block.handle()});
      byte[] payload = Native.finish(accumulator, pk.handle(), maskKey, 2, new long[COLUMNS]);
      return Native.open(key.handle(), payload, 0, COLUMNS, WIDTH, 2);
    } finally {
      Native.release(accumulator);
    }
  }

  private record Answer(long[] opened, long[] shares) {}

  private Answer answer(TileStore store, byte[] request, byte[] mask) {
    try (BackwardAccumulator pass = store.backward();
        PublicKey pk = context.readPublicKey(key.publicKey(), new SeedRegistry())) {
      pass.add(0, context.readBlock(request, new SeedRegistry()));
      MaskedReply reply = pass.finish(pk, mask, 2);
      return new Answer(key.open(reply.wire(), COLUMNS, WIDTH, 2), reply.shares());
    }
  }

  @Test
  void oneMaskForTwoRequestsGivesARowAway() {
    assertThat(columnsRead(openedUnbound(request(17)), openedUnbound(request(-1)), 17))
        .isEqualTo(COLUMNS);
  }

  @Test
  void masksBoundToTheRequestGiveNothingAway() {
    Answer first = answer(tiles, request(17), maskKey);
    Answer second = answer(tiles, request(-1), maskKey);
    assertThat(columnsRead(first.opened(), second.opened(), 17)).isLessThan(5);
    // The result itself is there for those who hold both sides.
    for (int j = 0; j < COLUMNS; j++) {
      long g = p.centre(p.addPlain(first.opened()[j], first.shares()[j]));
      assertThat(Math.abs(g - x[17 * COLUMNS + j])).isLessThanOrEqualTo(1);
    }
  }

  @Test
  void theSameRequestIsAnsweredUnderTheSameMask() {
    byte[] request = request(3);
    Answer first = answer(tiles, request, maskKey);
    Answer second = answer(tiles, request, maskKey);
    assertThat(second.shares()).isEqualTo(first.shares());
  }

  @Test
  void masksDependOnEveryByteOnTheKeyAndOnTheStore() {
    byte[] request = request(3);
    long[] shares = answer(tiles, request, maskKey).shares();
    byte[] flipped = request.clone();
    flipped[flipped.length - 500] ^= 1;
    assertThat(agreeing(shares, answer(tiles, flipped, maskKey).shares())).isLessThan(3);
    byte[] otherKey = maskKey.clone();
    otherKey[31] = 1;
    assertThat(agreeing(shares, answer(tiles, request, otherKey).shares())).isLessThan(3);
    try (TileStore again = TileStore.of(context, x, ROWS, COLUMNS, WIDTH)) {
      assertThat(agreeing(shares, answer(again, request, maskKey).shares())).isLessThan(3);
    }
    try (KeyPair other = context.generateKey()) {
      assertThat(other.publicKey()).isNotEqualTo(key.publicKey());
    }
    assertThat(maskKey).as("the caller's key is left alone").isEqualTo(new byte[32]);
  }

  private static long agreeing(long[] a, long[] b) {
    long count = 0;
    for (int j = 0; j < a.length; j++) {
      count += a[j] == b[j] ? 1 : 0;
    }
    return count;
  }

  @Test
  void aDamagedBlockStillHidesEverything() {
    byte[] request = request(17);
    byte[] other = request.clone();
    Arrays.fill(other, other.length - 2000, other.length - 1000, (byte) 0x11);
    Answer first = answer(tiles, request, maskKey);
    Answer second = answer(tiles, other, maskKey);
    assertThat(columnsRead(first.opened(), second.opened(), 17)).isLessThan(5);
  }
}
