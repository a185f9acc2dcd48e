package org.espalier.node.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;

class InviteTest {
  private static final Invite INVITE =
      new Invite(
          URI.create("https://silo.a.example:9443"),
          new Party("a.example"),
          new Party("b.example"),
          Fingerprint.of(new byte[] {1}),
          new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
          Instant.ofEpochSecond(1_800_000_000));

  @Test
  void isReadBackAlsoAsMailProgramsBreakIt() {
    String line = INVITE.line();
    assertThat(Invite.parse(line)).isEqualTo(INVITE);
    StringBuilder broken = new StringBuilder(" \n");
    for (int i = 0; i < line.length(); i++) {
      broken.append(line.charAt(i)).append(i % 40 == 39 ? "\r\n " : "");
    }
    assertThat(Invite.parse(broken.toString())).isEqualTo(INVITE);
    assertThat(INVITE.toString()).doesNotContain("AQIDBAUG").contains("b.example");
  }

  @Test
  void damagedLinesAreRefusedAndNeverQuoted() {
    String line = INVITE.line();
    Random random = new Random(9);
    int refused = 0;
    for (int round = 0; round < 5000; round++) {
      StringBuilder bad = new StringBuilder(line);
      switch (random.nextInt(4)) {
        case 0 -> bad.setLength(random.nextInt(line.length()));
        case 1 -> bad.insert(random.nextInt(line.length()), (char) random.nextInt(0x2fff));
        case 2 -> bad.deleteCharAt(random.nextInt(line.length()));
        default -> bad.setCharAt(random.nextInt(line.length()), (char) (32 + random.nextInt(95)));
      }
      try {
        Invite.parse(bad.toString()); // a changed secret or pin cannot be seen here
      } catch (IllegalArgumentException e) {
        refused++;
        assertThat(e.getMessage())
            .matches(
                "an invitation begins with espalier-invite:v2:"
                    + "|the invitation is damaged or not complete"
                    + "|this invitation was made by an older program.*");
      }
    }
    assertThat(refused).isGreaterThan(2500);
    assertThatThrownBy(() -> Invite.parse(line.replace(":v2:", ":v1:")))
        .hasMessageContaining("made by an older program")
        .hasMessageContaining("ask for a new one");
    assertThatThrownBy(() -> Invite.parse(" ".repeat(5000)))
        .hasMessage("too long for an invitation");
  }

  @Test
  void enrolmentRequestsAreReadStrictly() {
    for (EnrolmentRequest request :
        new EnrolmentRequest[] {
          new EnrolmentRequest.Commitment(
              new byte[16], new byte[32], Optional.of(URI.create("https://b.example:1"))),
          new EnrolmentRequest.Opening(new byte[32])
        }) {
      byte[] good = request.encode();
      assertThat(EnrolmentRequest.decode(good)).isEqualTo(request);
      for (int length = 0; length <= good.length + 1; length++) {
        byte[] other = Arrays.copyOf(good, length);
        if (length != good.length) {
          malformed(other);
        }
      }
      good[0] = 3;
      malformed(good);
    }
    for (String url :
        new String[] {
          "http://b.example", "https://u@b.example", "https://b.example/x", "https://b.example?q",
          "https://b.example:0", "https://b.example:70000", "file:///etc/passwd", "https:b"
        }) {
      assertThatThrownBy(() -> Partner.requireUrl(URI.create(url)))
          .as(url)
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThat(Partner.requireUrl(URI.create("https://b.example:5/")))
        .isEqualTo(URI.create("https://b.example:5"));
  }

  private static void malformed(byte[] request) {
    assertThatThrownBy(() -> EnrolmentRequest.decode(request))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("malformed enrolment request");
  }

  @Test
  void fingerprintsAreReadAsPeopleTypeThem() {
    Fingerprint print = Fingerprint.of(new byte[] {7});
    String text = print.toString();
    assertThat(text).hasSize(79);
    assertThat(Fingerprint.parse(text)).isEqualTo(print);
    assertThat(Fingerprint.parse(text.toUpperCase(java.util.Locale.ROOT).replace('-', ':')))
        .isEqualTo(print);
    assertThat(Fingerprint.parse(text.replace("-", ""))).isEqualTo(print);
    for (String bad : new String[] {"", "12", text + "0", text.replace('0', 'g') + "x"}) {
      assertThatThrownBy(() -> Fingerprint.parse(bad)).isInstanceOf(IllegalArgumentException.class);
    }
  }
}
