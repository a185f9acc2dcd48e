package org.espalier.node.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.InputStream;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Random;
import java.util.Set;
import org.espalier.wire.Digests;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;

class EnrolmentTest {
  private static final Party BANK = new Party("bank.example");
  private static final Party INSURER = new Party("insurer.example");
  private static final Enrolment.Side HOST = side(BANK, 1);
  private static final Enrolment.Side GUEST = side(INSURER, 2);

  /** What stands between the two: towards each of them the other's name with a key of its own. */
  private static final Enrolment.Side FALSE_HOST = side(BANK, 3);

  private static final Enrolment.Side FALSE_GUEST = side(INSURER, 4);

  private static Enrolment.Side side(Party party, int key) {
    return new Enrolment.Side(party, Fingerprint.of(new byte[] {(byte) key}));
  }

  private static byte[] nonce(Random random) {
    byte[] nonce = new byte[32];
    random.nextBytes(nonce);
    return nonce;
  }

  private static boolean sameWords(Enrolment one, Enrolment other, int words) {
    return Arrays.equals(one.words().bits(), 0, words, other.words().bits(), 0, words);
  }

  @Test
  void bothSidesHaveTheSameWordsAndEverythingCountsForThem() {
    Random random = new Random(1);
    byte[] guestNonce = nonce(random);
    Enrolment begun =
        Enrolment.answering(HOST, GUEST, Enrolment.commitment(HOST, GUEST, guestNonce));
    assertThatThrownBy(begun::words).hasMessage("not opened yet");
    Enrolment atHost = begun.opened(guestNonce).orElseThrow();
    Enrolment atGuest = Enrolment.answered(HOST, GUEST, guestNonce, begun.hostNonce());
    assertThat(atGuest).isEqualTo(atHost);
    assertThat(atGuest.words()).isEqualTo(atHost.words());
    assertThat(Enrolment.decode(atHost.encode())).isEqualTo(atHost);
    assertThat(Enrolment.decode(begun.encode())).isEqualTo(begun);
    Set<SpokenWords> words = new HashSet<>(Set.of(atHost.words()));
    byte[] hostNonce = begun.hostNonce();
    for (Enrolment.Side host : new Enrolment.Side[] {FALSE_HOST, side(INSURER, 1), GUEST}) {
      assertThat(words.add(Enrolment.answered(host, GUEST, guestNonce, hostNonce).words()))
          .isTrue();
    }
    for (Enrolment.Side guest : new Enrolment.Side[] {FALSE_GUEST, side(BANK, 2), HOST}) {
      assertThat(words.add(Enrolment.answered(HOST, guest, guestNonce, hostNonce).words()))
          .isTrue();
    }
    assertThat(words.add(Enrolment.answered(HOST, GUEST, hostNonce, guestNonce).words())).isTrue();
    assertThat(words.add(Enrolment.answered(HOST, GUEST, nonce(random), hostNonce).words()))
        .isTrue();
    // Computed by another program as well.
    assertThat(Enrolment.answered(HOST, GUEST, new byte[32], new byte[32]).words())
        .hasToString("indulge informant solo orlando minnow suspicious");
  }

  @Test
  void onlyWhatWasCommittedToOpens() {
    Random random = new Random(2);
    byte[] guestNonce = nonce(random);
    byte[] commitment = Enrolment.commitment(HOST, GUEST, guestNonce);
    Enrolment begun = Enrolment.answering(HOST, GUEST, commitment);
    assertThat(begun.opened(guestNonce)).isPresent();
    for (int bit = 0; bit < 256; bit++) {
      byte[] other = guestNonce.clone();
      other[bit / 8] ^= (byte) (1 << bit % 8);
      assertThat(begun.opened(other)).isEmpty();
    }
    assertThat(begun.opened(new byte[31])).isEmpty();
    // A commitment that was heard elsewhere is of no use between other keys, names or roles.
    for (Enrolment.Side guest : new Enrolment.Side[] {FALSE_GUEST, side(BANK, 2)}) {
      assertThat(Enrolment.answering(HOST, guest, commitment).opened(guestNonce)).isEmpty();
    }
    assertThat(Enrolment.answering(FALSE_HOST, GUEST, commitment).opened(guestNonce)).isEmpty();
    assertThat(Enrolment.answering(GUEST, HOST, commitment).opened(guestNonce)).isEmpty();
  }

  /** The attack that the commitment is for: nonces are exchanged in the clear, the guest's last. */
  @Test
  void withoutACommitmentAManInTheMiddleFindsTheSameWords() {
    Random random = new Random(3);
    Enrolment atGuest = Enrolment.answered(FALSE_HOST, GUEST, nonce(random), nonce(random));
    byte[] hostNonce = nonce(random);
    int tries = 0;
    Enrolment atHost;
    do {
      atHost = Enrolment.answered(HOST, FALSE_GUEST, nonce(random), hostNonce);
      tries++;
    } while (!sameWords(atGuest, atHost, 2));
    assertThat(tries).as("of 2^16 pairs of words").isLessThan(1 << 20);
    // What it found does not open what it had committed to before it knew the host's nonce.
    Enrolment begun =
        new Enrolment(
            HOST,
            FALSE_GUEST,
            Enrolment.commitment(HOST, FALSE_GUEST, nonce(random)),
            hostNonce,
            null);
    assertThat(begun.opened(atHost.guestNonce())).isEmpty();
  }

  @Test
  void withTheCommitmentItHasOneGuessForAnInvitation() {
    Random random = new Random(4);
    int rounds = 10_000;
    int same = 0;
    for (int round = 0; round < rounds; round++) {
      // It commits at the host and opens, and knows all of the host's side; only then it answers
      // the guest, whose nonce it does not know: it comes after the answer.
      Enrolment atHost = Enrolment.answered(HOST, FALSE_GUEST, nonce(random), nonce(random));
      byte[] answer = atHost.hostNonce();
      Enrolment atGuest = Enrolment.answered(FALSE_HOST, GUEST, nonce(random), answer);
      same += sameWords(atGuest, atHost, 1) ? 1 : 0;
    }
    assertThat(same).as("first words that agree, by chance 39").isBetween(15, 70);
  }

  @Test
  void theListIsTheOneThatPartnersHave() throws Exception {
    try (InputStream in = SpokenWords.class.getResourceAsStream("pgp-words.txt")) {
      assertThat(HexFormat.of().formatHex(Digests.sha256().digest(in.readAllBytes())))
          .isEqualTo("a24d0bcb9d754b40963109851b38ae943464a66944ca76d5698fb002761c0138");
    }
    Set<String> words = new HashSet<>();
    for (int value = 0; value < 256; value++) {
      byte[] bits = new byte[SpokenWords.COUNT];
      Arrays.fill(bits, (byte) value);
      SpokenWords spoken = new SpokenWords(bits);
      String text = spoken.toString();
      assertThat(SpokenWords.parse(text)).isEqualTo(spoken);
      words.addAll(Arrays.asList(text.split(" ", -1)));
    }
    assertThat(words).as("all different").hasSize(512).allMatch(word -> word.matches("[a-z]+"));
    // The example that goes round with the list.
    assertThat(new SpokenWords(HexFormat.of().parseHex("e58294f2e9a2")))
        .hasToString("topmost istanbul pluto vagabond treadmill pacific");
  }

  @Test
  void wordsAreReadAsPeopleTypeThem() {
    SpokenWords words = new SpokenWords(new byte[] {0, 1, 2, 3, -1, -2});
    String text = words.toString();
    assertThat(text).isEqualTo("aardvark adviser accrue aggregate zulu yesteryear");
    assertThat(SpokenWords.parse("  Aardvark, adviser\taccrue-AGGREGATE  zulu\nyesteryear "))
        .isEqualTo(words);
    refused(text.replace("accrue ", ""), "there are six words, not 5");
    refused(text + " zulu", "there are six words, not 7");
    refused("", "there are six words, not 1");
    refused(text.replace("adviser accrue", "accrue adviser"), "two were exchanged");
    refused(text.replace("zulu", "zoo\u001b[2J"), "'zoo\\u{1b}[2j' cannot be word 5: it is not in");
    refused("aardvark ".repeat(100), "too long for six words");
  }

  private static void refused(String text, String why) {
    assertThatThrownBy(() -> SpokenWords.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(why);
  }
}
