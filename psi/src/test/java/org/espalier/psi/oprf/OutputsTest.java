package org.espalier.psi.oprf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.espalier.wire.Decoder;
import org.espalier.wire.Encoder;
import org.espalier.wire.MalformedMessageException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OutputsTest {
  private static BigInteger number(long high, long rest, int low) {
    return new BigInteger(Long.toUnsignedString(high))
        .shiftLeft(low)
        .add(new BigInteger(Long.toUnsignedString(rest)));
  }

  private static Messages.Values decode(Messages.Values message, Outputs.Code code) {
    Encoder out = new Encoder();
    message.encode(out);
    assertThat(out.size()).isLessThanOrEqualTo(Messages.Values.LIMIT);
    Decoder in = new Decoder(out.toByteArray());
    Messages.Values back = Messages.Values.type(code).decoder().apply(in);
    in.expectEnd();
    return back;
  }

  @ParameterizedTest
  @CsvSource({"1, 0", "2, 3", "3, 28", "1000, 0", "1000, 17", "150000, 20", "1000, 64"})
  void valuesArriveSortedAndWhole(int count, int low) {
    Random random = new Random(count);
    long[] values = random.longs(2L * count).toArray();
    List<BigInteger> expected = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      expected.add(number(values[2 * i], low == 0 ? 0 : values[2 * i + 1] >>> (64 - low), low));
    }
    List<BigInteger> unsorted = List.copyOf(expected);
    expected.sort(null);
    Outputs outputs = new Outputs(values, low);
    Outputs.Code code = new Outputs.Code(count, low);
    List<BigInteger> arrived = new ArrayList<>();
    long bytes = 0;
    for (int first = 0; first < code.buckets(); first += Outputs.CHUNK) {
      Messages.Values message = outputs.chunk(code, first);
      Encoder out = new Encoder();
      message.encode(out);
      bytes += out.size();
      decode(message, code).visit((high, rest) -> arrived.add(number(high, rest, low)));
    }
    assertThat(arrived).isEqualTo(expected);
    for (int i = 0; i < count; i++) {
      assertThat(unsorted.get(outputs.place(i))).isEqualTo(expected.get(i));
      assertThat(number(outputs.high(i), outputs.rest(i), low)).isEqualTo(expected.get(i));
    }
    double bits = 64 + low - code.bucketBits() + 2;
    assertThat((double) bytes).isLessThan(count * bits / 8 + 64 * (1 + count / 60_000.0));
  }

  @Test
  void equalFirstWordsAreOrderedByTheOthers() {
    long[] values = {5, 3L << 40, 5, 1L << 40, 5, 2L << 40, -1, 0, 4, 9L << 40};
    Outputs outputs = new Outputs(values, 28);
    assertThat(new int[] {outputs.place(0), outputs.place(1), outputs.place(2), outputs.place(3)})
        .containsExactly(4, 1, 2, 0);
    assertThat(outputs.place(4)).isEqualTo(3);
  }

  @Test
  void theMatcherFindsWhatBothHave() {
    Random random = new Random(4);
    long[] common = random.longs(40).toArray();
    long[] own = LongStream.concat(Arrays.stream(common), random.longs(60)).toArray();
    long[] theirs = LongStream.concat(random.longs(200), Arrays.stream(common)).toArray();
    Outputs mine = new Outputs(own, 10);
    Outputs others = new Outputs(theirs, 10);
    Outputs.Matcher matcher = mine.new Matcher(others.size());
    for (int i = 0; i < others.size(); i++) {
      matcher.next(others.high(i), others.rest(i));
    }
    int[] matches = matcher.matches();
    assertThat(matches).hasSize(20);
    int found = 0;
    for (int i = 0; i < others.size(); i++) {
      boolean member = (matcher.members()[i / 64] >>> i & 1) != 0;
      assertThat(member).isEqualTo(others.place(i) >= 100);
      if (member) {
        assertThat(mine.place(matches[found++])).isEqualTo(others.place(i) - 100);
      }
    }
  }

  /** 40 bits beyond the pairs that could be equal by accident; one key fewer needs as many. */
  @Test
  void lengths() {
    assertThat(Outputs.lowBits(1, 1)).isZero();
    assertThat(Outputs.lowBits(1 << 12, 1 << 12)).isZero();
    assertThat(Outputs.lowBits(1 << 12, (1 << 12) + 1)).isEqualTo(1);
    assertThat(Outputs.lowBits(1 << 20, 1 << 20)).isEqualTo(16);
    assertThat(Outputs.lowBits(10, 1 << 20)).isEqualTo(16);
    assertThat(Outputs.lowBits(1 << 26, 1 << 26)).isEqualTo(28);
  }

  @Test
  void malformedMessagesAreRefused() {
    Outputs.Code code = new Outputs.Code(10, 5);
    Outputs outputs = new Outputs(new Random(6).longs(20).toArray(), 5);
    Messages.Values good = outputs.chunk(code, 0);
    long[] moreOnes = good.unary().clone();
    moreOnes[0] = -1;
    long[] padded = good.unary().clone();
    padded[0] |= 1L << 63;
    long[] fewer = {0};
    for (long[] unary : new long[][] {moreOnes, padded, fewer}) {
      Messages.Values bad =
          decode(new Messages.Values(code, 0, unary, good.high(), good.rest()), code);
      assertThatThrownBy(() -> bad.visit((high, rest) -> {}))
          .isInstanceOf(MalformedMessageException.class)
          .hasMessageContaining("counts do not add up");
    }
    Messages.Values tooMany =
        new Messages.Values(code, 0, good.unary(), new long[11], new long[11]);
    assertThatThrownBy(() -> decode(tooMany, code)).isInstanceOf(MalformedMessageException.class);
    Messages.Values different =
        new Messages.Values(code, 0, good.unary(), good.high(), new long[9]);
    assertThatThrownBy(() -> decode(different, code)).isInstanceOf(MalformedMessageException.class);
    Messages.Values elsewhere =
        new Messages.Values(code, 1, good.unary(), good.high(), good.rest());
    assertThatThrownBy(() -> decode(elsewhere, code))
        .isInstanceOf(MalformedMessageException.class)
        .hasMessageContaining("first bucket");
    byte[] announcesMore = new Encoder().putInt(0).putInt(10).toByteArray();
    assertThatThrownBy(() -> Messages.Values.type(code).decoder().apply(new Decoder(announcesMore)))
        .isInstanceOf(MalformedMessageException.class);
  }

  /** As many as there are, fewer and more, with and without bits after the first 64. */
  @ParameterizedTest
  @CsvSource({"1, 1, 0", "3, 1000, 28", "1000, 3, 17", "500, 150000, 26", "2000, 2000, 64"})
  void singleValuesAreFoundAmongEncodedOnes(int count, int theirCount, int low) {
    Random random = new Random(count);
    long[] theirs = random.longs(2L * theirCount).toArray();
    long[] own = random.longs(2L * count).toArray();
    // Every second one is theirs, too; others differ in the last bit or the one before the rest.
    for (int i = 0; i < count && i < theirCount; i++) {
      own[2 * i] = theirs[2 * i] ^ (i % 4 == 1 ? 1 : 0);
      own[2 * i + 1] = theirs[2 * i + 1] ^ (i % 4 == 3 ? 1L << (64 - low) : 0);
    }
    Outputs here = new Outputs(own, low);
    Outputs there = new Outputs(theirs, low);
    Outputs.Code code = new Outputs.Code(theirCount, low);
    Outputs.Matcher matcher = here.new Matcher(theirCount);
    CodedValues coded = new CodedValues(here, code);
    for (int first = 0; first < code.buckets(); first += Outputs.CHUNK) {
      Messages.Values message = there.chunk(code, first);
      message.visit(matcher::next);
      coded.next(ListServer.payload(message));
    }
    assertThat(coded.passed()).isEqualTo(theirCount);
    assertThat(coded.matches()).isEqualTo(matcher.matches()).isNotEmpty();
    assertThat(coded.places())
        .isEqualTo(java.util.BitSet.valueOf(matcher.members()).stream().toArray());
  }
}
