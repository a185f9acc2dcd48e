package org.espalier.node.identity;

import java.security.cert.CertificateException;
import java.time.Clock;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** For the listening side: confirmed partners; others only as far as enrolment needs them. */
final class AdmittedByBook extends PeerTrust {
  private static final Logger LOG = LoggerFactory.getLogger(AdmittedByBook.class);

  /** A stranger who knocks all day must not fill the log. */
  private static final long QUIET_NANOS = 1_000_000_000L;

  private final PartnerBook book;
  private final BiConsumer<Optional<Party>, String> denied;
  private final AtomicLong lastLogged = new AtomicLong(System.nanoTime() - QUIET_NANOS);
  private final AtomicLong unlogged = new AtomicLong();

  /**
   * @param denied hears of everyone who is not let in, as {@link NodeIdentity#serverContext} says
   */
  AdmittedByBook(PartnerBook book, Clock clock, BiConsumer<Optional<Party>, String> denied) {
    super(clock);
    this.book = book;
    this.denied = denied;
  }

  @Override
  void require(PeerCredential peer) throws CertificateException {
    book.requireAdmissible(peer);
  }

  @Override
  void refused(CertificateException reason) {
    if (reason instanceof Inadmissible known) {
      denied.accept(known.partner(), known.rule());
    } else {
      denied.accept(Optional.empty(), "tls.certificate");
    }
    long last = lastLogged.get();
    long now = System.nanoTime();
    if (now - last >= QUIET_NANOS && lastLogged.compareAndSet(last, now)) {
      LOG.warn(
          "refused a TLS connection: {} ({} more not logged)",
          reason.getMessage(),
          unlogged.getAndSet(0));
    } else {
      unlogged.incrementAndGet();
    }
  }
}
