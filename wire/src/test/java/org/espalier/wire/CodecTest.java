package org.espalier.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CodecTest {
  @Test
  void packedValuesOfEveryWidthComeBack() {
    Random random = new Random(42);
    for (int bits = 1; bits <= 64; bits++) {
      for (int count : new int[] {0, 1, 2, 7, 8, 63, 64, 65, 200}) {
        long mask = bits == 64 ? -1L : (1L << bits) - 1;
        long[] values = random.longs(count).map(v -> v & mask).toArray();
        byte[] payload = new Encoder().putPacked(values, bits).putByte(0x5a).toByteArray();
        assertThat(payload).hasSize(4 + Decoder.packedBytes(count, bits) + 1);
        Decoder in = new Decoder(payload);
        assertThat(in.getPacked("v", bits, 200)).as("%d x %d bits", count, bits).isEqualTo(values);
        assertThat(in.getByte("tail")).isEqualTo(0x5a);
        in.expectEnd();
      }
    }
  }

  @Test
  void paddingBitsMustBeZero() {
    byte[] payload = new Encoder().putPacked(new long[] {5, 3, 1}, 3).toByteArray();
    payload[payload.length - 1] |= (byte) 0x80;
    assertThatThrownBy(() -> new Decoder(payload).getPacked("v", 3, 10))
        .hasMessage("v has padding bits set");
  }

  @Test
  void everyFieldComesBack() {
    Decoder in =
        new Decoder(
            new Encoder()
                .putByte(200)
                .putInt(-5)
                .putLong(Long.MIN_VALUE)
                .putDouble(-0.25)
                .putDoubles(new double[] {1, 2})
                .putLongs(new long[] {3})
                .putString("größe")
                .toByteArray());
    assertThat(in.getByte("a")).isEqualTo(200);
    assertThat(in.getInt("b")).isEqualTo(-5);
    assertThat(in.getLong("c")).isEqualTo(Long.MIN_VALUE);
    assertThat(in.getDouble("d")).isEqualTo(-0.25);
    assertThat(in.getDoubles("e", 2)).containsExactly(1, 2);
    assertThat(in.getLongs("f", 1)).containsExactly(3);
    assertThat(in.getString("g", 10)).isEqualTo("größe");
    in.expectEnd();
  }

  @Test
  void everyTruncationIsRefusedAndNothingHugeIsAllocated() {
    byte[] whole =
        new Encoder()
            .putString("x")
            .putDoubles(new double[] {1, 2, 3})
            .putPacked(new long[] {1, 2, 3}, 33)
            .toByteArray();
    for (int cut = 0; cut < whole.length; cut++) {
      Decoder in = new Decoder(Arrays.copyOf(whole, cut));
      assertThatThrownBy(
              () -> {
                in.getString("s", 100);
                in.getDoubles("d", 100);
                in.getPacked("p", 33, 100);
              })
          .isInstanceOf(MalformedMessageException.class);
    }
    byte[] lie = new Encoder().putInt(Integer.MAX_VALUE).toByteArray();
    assertThatThrownBy(() -> new Decoder(lie).getLongs("l", Integer.MAX_VALUE))
        .isInstanceOf(MalformedMessageException.class);
    byte[] negative = new Encoder().putInt(-1).toByteArray();
    assertThatThrownBy(() -> new Decoder(negative).getBytes("b", 10))
        .hasMessage("b count is -1, must be in 0..10");
  }

  @Test
  void badNumbersAndTextAreRefused() {
    byte[] nan = new Encoder().putDouble(Double.NaN).toByteArray();
    assertThatThrownBy(() -> new Decoder(nan).getDouble("x"))
        .hasMessage("x is not a finite number");
    byte[] text = new Encoder().putBytes(new byte[] {(byte) 0xc3, 0x28}).toByteArray();
    assertThatThrownBy(() -> new Decoder(text).getString("s", 10)).hasMessage("s is not UTF-8");
    assertThatThrownBy(() -> new Decoder(new byte[2]).expectEnd())
        .hasMessage("2 bytes after the last field");
  }

  @Test
  void sessionsDifferInEveryField() {
    byte[] digest = new byte[32];
    Session base = new Session("J-1", digest, 1);
    assertThat(base.bind("a")).isEqualTo(new Session("J-1", digest, 1).bind("a"));
    assertThat(base.bind("a")).isNotEqualTo(base.bind("b"));
    assertThat(base.bind("a")).isNotEqualTo(new Session("J-2", digest, 1).bind("a"));
    assertThat(base.bind("a")).isNotEqualTo(new Session("J-1", digest, 2).bind("a"));
    digest[0] = 1;
    assertThat(base.bind("a")).isNotEqualTo(new Session("J-1", digest, 1).bind("a"));
  }
}
