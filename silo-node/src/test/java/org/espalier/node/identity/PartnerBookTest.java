package org.espalier.node.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.espalier.node.Problem;
import org.espalier.node.store.Store;
import org.espalier.wire.Party;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PartnerBookTest {
  private static final Party SELF = new Party("a.example");
  private static final Party B = new Party("b.example");
  private static final Clock CLOCK = Clock.systemUTC();
  private static final byte[] SECRET = new byte[16];
  private static final byte[] NONCE = new byte[32];
  private static final Enrolment.Side HOST =
      new Enrolment.Side(SELF, Fingerprint.of(new byte[] {1}));

  @TempDir Path folder;
  private Store store;
  private PartnerBook book;

  @BeforeEach
  void open() {
    store = Store.open(folder.resolve("silo.db"));
    book = new PartnerBook(SELF, new SqlPartnerStore(store), CLOCK);
  }

  @AfterEach
  void close() {
    store.close();
  }

  private static PeerCredential peer(Party party) throws Exception {
    IdentityKey key = new IdentityKey(Certificates.identityKey().getPublic().getEncoded());
    return new PeerCredential(party, key, CLOCK.instant().plusSeconds(60));
  }

  private void invite(Duration life) {
    book.invite(B, new Partner.Invitation(Fingerprint.sha256(SECRET), CLOCK.instant().plus(life)));
  }

  private static Enrolment begun(PeerCredential guest) {
    Enrolment.Side side = new Enrolment.Side(guest.party(), guest.identity().fingerprint());
    return Enrolment.answering(HOST, side, Enrolment.commitment(HOST, side, NONCE));
  }

  private Partner enrol(PeerCredential guest, byte[] secret) {
    book.begin(guest, null, secret, begun(guest));
    return book.open(guest, NONCE);
  }

  @Test
  void everyStateSurvivesARestart() throws Exception {
    List<Party> changes = new ArrayList<>();
    book.onChange(changes::add);
    invite(Duration.ofHours(1));
    Partner invited = book.find(B).orElseThrow();
    assertReadBack(invited);
    assertThatThrownBy(() -> book.requireConfirmed(B)).hasMessageContaining("not accepted");
    PeerCredential guest = peer(B);
    book.begin(guest, URI.create("https://b.example:9"), SECRET, begun(guest));
    assertReadBack(book.find(B).orElseThrow());
    Partner pending = book.open(guest, NONCE);
    assertReadBack(pending);
    assertThatThrownBy(() -> book.requireConfirmed(B))
        .isInstanceOfSatisfying(
            Problem.class,
            problem -> assertThat(problem.next()).contains("silo partner confirm b.example"));
    assertReadBack(book.confirm(B, pending.pin(), pending.words()));
    assertThat(book.requireConfirmed(B).url()).isEqualTo(URI.create("https://b.example:9"));
    assertReadBack(book.setUrl(B, Optional.empty()));
    assertThatThrownBy(() -> book.forget(B)).hasMessageContaining("confirmed partner");
    assertReadBack(book.revoke(B));
    assertThatThrownBy(() -> book.requireConfirmed(B))
        .hasMessage("a.example has revoked b.example");
    assertThatThrownBy(() -> book.confirm(B, Optional.empty(), Optional.empty()))
        .hasMessageContaining("nothing to confirm");
    book.forget(B);
    assertThat(book.list()).isEmpty();
    assertThat(changes).hasSize(5).containsOnly(B);
  }

  private void assertReadBack(Partner partner) {
    try (Store again = Store.open(folder.resolve("silo.db"))) {
      assertThat(new SqlPartnerStore(again).list()).containsExactly(partner);
    }
  }

  @Test
  void enrolmentNeedsTheOpenInvitationAndNeverReplacesAKey() throws Exception {
    PeerCredential first = peer(B);
    assertThatThrownBy(() -> enrol(first, SECRET)).hasMessageContaining("not valid");
    invite(Duration.ofSeconds(-1));
    assertThatThrownBy(() -> enrol(first, SECRET)).hasMessageContaining("not valid");
    invite(Duration.ofHours(1));
    byte[] wrong = SECRET.clone();
    wrong[15] ^= 1;
    assertThatThrownBy(() -> enrol(first, wrong)).hasMessageContaining("not valid");
    Partner pending = enrol(first, SECRET);
    assertThat(pending.state()).isEqualTo(Partner.State.PENDING);
    PeerCredential other = peer(B);
    assertThatThrownBy(() -> enrol(other, SECRET))
        .hasMessageContaining("enrolled with another key");
    assertThatThrownBy(() -> book.open(other, NONCE))
        .hasMessageContaining("enrolled with another key");
    assertThatThrownBy(() -> book.accept(other, null, pending.enrolment()))
        .hasMessageContaining("enrolled with another key");
    assertThat(book.find(B)).contains(pending);
    assertThatThrownBy(() -> invite(Duration.ofHours(1))).hasMessageContaining("pending already");
    assertThat(book.confirmed(first)).isEmpty();
    book.confirm(B, Optional.empty(), Optional.empty());
    assertThat(book.confirmed(first)).contains(B);
    assertThat(book.confirmed(peer(B))).isEmpty();
    book.revoke(B);
    assertThat(book.confirmed(first)).isEmpty();
    assertThatThrownBy(() -> enrol(first, SECRET)).hasMessageContaining("has revoked");
    assertThatThrownBy(() -> book.open(first, NONCE)).hasMessageContaining("has revoked");
  }

  @Test
  void messagesThatComeTwiceOutOfOrderOrFromOthersEnrolNobody() throws Exception {
    PeerCredential first = peer(B);
    PeerCredential other = peer(B);
    invite(Duration.ofHours(1));
    assertThatThrownBy(() -> book.open(first, NONCE)).hasMessageContaining("not valid");
    Enrolment begun = begun(first);
    book.begin(first, null, SECRET, begun);
    // A second commitment would be a second guess at the words, even if it is the same again.
    assertThatThrownBy(() -> book.begin(first, null, SECRET, begun(first)))
        .hasMessageContaining("not valid");
    assertThatThrownBy(() -> book.begin(other, null, SECRET, begun(other)))
        .hasMessageContaining("not valid");
    // The true opening is of no use to another key, and does not end the enrolment.
    assertThatThrownBy(() -> book.open(other, NONCE)).hasMessageContaining("not valid");
    Partner pending = book.open(first, NONCE);
    assertThat(pending.enrolment().hostNonce()).isEqualTo(begun.hostNonce());
    assertThat(book.open(first, NONCE)).as("the answer was lost").isEqualTo(pending);
    assertThatThrownBy(() -> book.open(first, new byte[] {1})).isInstanceOf(Problem.class);
    assertThatThrownBy(() -> enrol(first, SECRET)).hasMessageContaining("pending already");
    assertThat(book.find(B)).contains(pending);
    // Nor is what was heard in one enrolment good for the next.
    book.forget(B);
    assertThatThrownBy(() -> book.open(first, NONCE)).hasMessageContaining("not valid");
  }

  @Test
  void aWrongOpeningEndsTheInvitation() throws Exception {
    PeerCredential guest = peer(B);
    invite(Duration.ofHours(1));
    book.begin(guest, null, SECRET, begun(guest));
    byte[] another = NONCE.clone();
    another[31] ^= 1;
    assertThatThrownBy(() -> book.open(guest, another))
        .hasMessageContaining("the opening does not fit the commitment");
    assertThatThrownBy(() -> book.open(guest, NONCE)).hasMessageContaining("not valid");
    assertThatThrownBy(() -> enrol(guest, SECRET)).hasMessageContaining("not valid");
    assertThatThrownBy(() -> book.requireAdmissible(guest)).hasMessageEndingWith("is no partner");
    invite(Duration.ofHours(1));
    assertThat(enrol(guest, SECRET).words()).isPresent();
  }

  @Test
  void wordsThatDifferAreAnAlarm() throws Exception {
    invite(Duration.ofHours(1));
    SpokenWords own = enrol(peer(B), SECRET).words().orElseThrow();
    for (int i = 0; i < SpokenWords.COUNT; i++) {
      byte[] bits = own.bits();
      bits[i] ^= 1;
      assertThatThrownBy(
              () -> book.confirm(B, Optional.empty(), Optional.of(new SpokenWords(bits))))
          .hasMessage("the words differ: someone may be between you and b.example");
    }
    assertThat(book.find(B).orElseThrow().state()).isEqualTo(Partner.State.PENDING);
    book.confirm(B, Optional.empty(), Optional.of(own));
    assertThatThrownBy(
            () -> book.confirm(B, Optional.empty(), Optional.of(new SpokenWords(new byte[6]))))
        .hasMessageContaining("the words differ");
    assertThat(book.confirm(B, Optional.empty(), Optional.of(own)).state())
        .isEqualTo(Partner.State.CONFIRMED);
  }

  @Test
  void whoEnrolledByAnOlderProgramIsConfirmedByItsFingerprint() throws Exception {
    PeerCredential guest = peer(B);
    new SqlPartnerStore(store)
        .save(
            new Partner(
                B, Partner.State.PENDING, null, guest.identity(), null, null, CLOCK.instant()));
    assertThatThrownBy(
            () -> book.confirm(B, Optional.empty(), Optional.of(new SpokenWords(new byte[6]))))
        .hasMessageContaining("without words");
    assertThatThrownBy(() -> book.open(guest, NONCE)).hasMessageContaining("not valid");
    book.confirm(B, Optional.of(guest.identity().fingerprint()), Optional.empty());
    assertThat(book.confirmed(guest)).contains(B);
  }

  @Test
  void theHandshakeGateSaysWhyNot() throws Exception {
    PeerCredential first = peer(B);
    assertThatThrownBy(() -> book.requireAdmissible(first))
        .isInstanceOf(CertificateException.class)
        .hasMessageEndingWith("is no partner");
    invite(Duration.ofHours(1));
    book.requireAdmissible(first);
    enrol(first, SECRET);
    book.requireAdmissible(first);
    assertThatThrownBy(() -> book.requireAdmissible(peer(B)))
        .hasMessageContaining("but the pinned one is");
    book.confirm(B, Optional.empty(), Optional.empty());
    book.requireAdmissible(first);
    book.revoke(B);
    assertThatThrownBy(() -> book.requireAdmissible(first)).hasMessage("b.example is revoked");
  }

  @Test
  void certificatesAreCheckedInEveryRespect() throws Exception {
    KeyPair identity = Certificates.identityKey();
    Instant now = CLOCK.instant();
    X509Certificate own = Certificates.identityCertificate(B, identity, now);
    KeyPair tls = ec("secp256r1");
    X509Certificate[] good = {
      Certificates.leaf(
          B, identity.getPrivate(), tls.getPublic(), now.minusSeconds(5), now.plusSeconds(99)),
      own
    };
    PeerCredential peer = PeerCredential.of(good, now);
    assertThat(peer.party()).isEqualTo(B);
    assertThat(peer.identity().spki()).isEqualTo(identity.getPublic().getEncoded());
    refused("expired at", now.plusSeconds(200), good);
    refused("is valid from", now.minusSeconds(200), good);
    refused("certificate chain of 1, not 2", now, good[0]);
    refused("certificate chain of 3, not 2", now, good[0], own, own);
    KeyPair other = Certificates.identityKey();
    refused(
        "not signed by its identity key",
        now,
        good[0],
        Certificates.identityCertificate(B, other, now));
    refused("no Ed25519 identity key", now, good[0], good[0]);
    refused(
        "lives longer than 46 days",
        now,
        Certificates.leaf(
            B,
            identity.getPrivate(),
            tls.getPublic(),
            now.minusSeconds(5),
            now.plus(Duration.ofDays(50))),
        own);
    refused(
        "not P-256",
        now,
        Certificates.leaf(
            B,
            identity.getPrivate(),
            ec("secp384r1").getPublic(),
            now.minusSeconds(5),
            now.plusSeconds(99)),
        own);
    refused("exactly one name", now, own, own);
  }

  private static KeyPair ec(String curve) throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec(curve));
    return generator.generateKeyPair();
  }

  private static void refused(String why, Instant now, X509Certificate... chain) {
    assertThatThrownBy(() -> PeerCredential.of(chain, now))
        .isInstanceOf(CertificateException.class)
        .hasMessageContaining(why);
  }
}
