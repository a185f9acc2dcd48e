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

  @Test
  void everyStateSurvivesARestart() throws Exception {
    List<Party> changes = new ArrayList<>();
    book.onChange(changes::add);
    invite(Duration.ofHours(1));
    Partner invited = book.find(B).orElseThrow();
    assertReadBack(invited);
    assertThatThrownBy(() -> book.requireConfirmed(B)).hasMessageContaining("not accepted");
    Partner pending = book.enrol(peer(B), URI.create("https://b.example:9"), SECRET);
    assertReadBack(pending);
    assertThatThrownBy(() -> book.requireConfirmed(B))
        .isInstanceOfSatisfying(
            Problem.class,
            problem -> assertThat(problem.next()).contains("silo partner confirm b.example"));
    assertReadBack(book.confirm(B, pending.pin()));
    assertThat(book.requireConfirmed(B).url()).isEqualTo(URI.create("https://b.example:9"));
    assertReadBack(book.setUrl(B, Optional.empty()));
    assertThatThrownBy(() -> book.forget(B)).hasMessageContaining("confirmed partner");
    assertReadBack(book.revoke(B));
    assertThatThrownBy(() -> book.requireConfirmed(B))
        .hasMessage("a.example has revoked b.example");
    assertThatThrownBy(() -> book.confirm(B, Optional.empty()))
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
    assertThatThrownBy(() -> book.enrol(first, null, SECRET)).hasMessageContaining("not valid");
    invite(Duration.ofSeconds(-1));
    assertThatThrownBy(() -> book.enrol(first, null, SECRET)).hasMessageContaining("not valid");
    invite(Duration.ofHours(1));
    byte[] wrong = SECRET.clone();
    wrong[15] ^= 1;
    assertThatThrownBy(() -> book.enrol(first, null, wrong)).hasMessageContaining("not valid");
    Partner pending = book.enrol(first, null, SECRET);
    assertThat(book.enrol(first, null, wrong)).isEqualTo(pending);
    assertThatThrownBy(() -> book.enrol(peer(B), null, SECRET))
        .hasMessageContaining("enrolled with another key");
    assertThatThrownBy(() -> invite(Duration.ofHours(1))).hasMessageContaining("pending already");
    assertThat(book.confirmed(first)).isEmpty();
    book.confirm(B, Optional.empty());
    assertThat(book.confirmed(first)).contains(B);
    assertThat(book.confirmed(peer(B))).isEmpty();
    book.revoke(B);
    assertThat(book.confirmed(first)).isEmpty();
    assertThatThrownBy(() -> book.enrol(first, null, SECRET)).hasMessageContaining("has revoked");
  }

  @Test
  void theHandshakeGateSaysWhyNot() throws Exception {
    PeerCredential first = peer(B);
    assertThatThrownBy(() -> book.requireAdmissible(first))
        .isInstanceOf(CertificateException.class)
        .hasMessageEndingWith("is no partner");
    invite(Duration.ofHours(1));
    book.requireAdmissible(first);
    book.enrol(first, null, SECRET);
    book.requireAdmissible(first);
    assertThatThrownBy(() -> book.requireAdmissible(peer(B)))
        .hasMessageContaining("but the pinned one is");
    book.confirm(B, Optional.empty());
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
