package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeoutException;
import org.espalier.node.Problem;
import org.espalier.node.identity.NodeIdentity;
import org.espalier.node.identity.Partner;
import org.espalier.node.identity.PartnerBook;
import org.espalier.node.job.Peers;
import org.espalier.node.link.Links;
import org.espalier.node.link.Refusal;
import org.espalier.wire.Duplex;
import org.espalier.wire.Party;

/** The job engine's view of identity, partners and links. */
final class LinkPeers implements Peers {
  private final NodeIdentity identity;
  private final PartnerBook book;
  private final Links links;

  LinkPeers(NodeIdentity identity, PartnerBook book, Links links) {
    this.identity = identity;
    this.book = book;
    this.links = links;
  }

  @Override
  public Party self() {
    return identity.party();
  }

  @Override
  public byte[] sign(byte[] statement) {
    return identity.sign(statement);
  }

  @Override
  public boolean verify(Party signer, byte[] statement, byte[] signature) {
    if (signer.equals(self())) {
      return identity.key().verify(statement, signature);
    }
    return book.find(signer)
        .filter(partner -> partner.state() == Partner.State.CONFIRMED)
        .map(partner -> partner.identity().verify(statement, signature))
        .orElse(false);
  }

  @Override
  public void requirePartner(Party party) {
    book.requireConfirmed(party);
  }

  @Override
  public JsonNode request(Party partner, String method, JsonNode body, Duration timeout) {
    try {
      return links.request(partner, method, body, timeout);
    } catch (Refusal e) {
      throw Refusals.problem(partner, e);
    } catch (IllegalArgumentException e) {
      throw Problem.refused("nothing was sent to %s: %s".formatted(partner, e.getMessage()))
          .because(e);
    } catch (TimeoutException e) {
      throw unreachable(
          partner, partner + " did not answer within " + timeout.toSeconds() + " s", e);
    } catch (IOException e) {
      throw unreachable(partner, "lost the link with " + partner, e);
    }
  }

  @Override
  public boolean isConnected(Party partner) {
    return links.isConnected(partner);
  }

  @Override
  public Duplex open(Party partner, String stream, Duration patience) {
    try {
      return links.open(partner, stream, patience);
    } catch (TimeoutException e) {
      String phase = stream.substring(stream.lastIndexOf('/') + 1);
      throw unreachable(
          partner,
          "%s did not begin phase %s within %d s".formatted(partner, phase, patience.toSeconds()),
          e);
    } catch (IOException e) {
      throw unreachable(partner, "lost the link with " + partner, e);
    }
  }

  private static Problem unreachable(Party partner, String what, Exception e) {
    return Problem.of(Problem.Kind.PARTNER, what)
        .at(partner)
        .detail(e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage())
        .next("silo doctor " + partner)
        .because(e);
  }
}
