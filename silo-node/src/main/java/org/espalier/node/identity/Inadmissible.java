package org.espalier.node.identity;

import java.security.cert.CertificateException;
import java.util.Optional;
import org.espalier.wire.Party;

/** A well-formed certificate of somebody who may not come in. */
final class Inadmissible extends CertificateException {
  private static final long serialVersionUID = 1L;

  private final transient Party partner;
  private final String rule;

  /**
   * @param partner who it is for certain, by the pinned key; null for everybody else
   * @param rule a code, for logs
   */
  Inadmissible(Party partner, String rule, String message) {
    super(message);
    this.partner = partner;
    this.rule = rule;
  }

  Optional<Party> partner() {
    return Optional.ofNullable(partner);
  }

  String rule() {
    return rule;
  }
}
