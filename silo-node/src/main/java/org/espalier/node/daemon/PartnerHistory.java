package org.espalier.node.daemon;

import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.espalier.audit.event.EventType;
import org.espalier.node.Problem;
import org.espalier.node.identity.Partner;
import org.espalier.node.identity.PartnerBook;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notes in the audit log how far partners are, whoever changed it: the operator by a command, or a
 * guest that enrolled. A change that cannot be noted stands all the same, because cutting off a
 * revoked partner must not depend on the disk.
 */
final class PartnerHistory {
  private static final Logger LOG = LoggerFactory.getLogger(PartnerHistory.class);

  private final PartnerBook book;
  private final AuditJournal journal;
  private final Map<Party, Partner.State> noted = new TreeMap<>();

  private PartnerHistory(PartnerBook book, AuditJournal journal) {
    this.book = book;
    this.journal = journal;
  }

  /** Follows the book from now on. */
  static void follow(PartnerBook book, AuditJournal journal) {
    PartnerHistory history = new PartnerHistory(book, journal);
    book.list().forEach(partner -> history.noted.put(partner.party(), partner.state()));
    book.onChange(history::changed);
  }

  private synchronized void changed(Party party) {
    Optional<Partner.State> now = book.find(party).map(Partner::state);
    if (now.isEmpty()) {
      noted.remove(party);
      return;
    }
    if (now.get() == noted.put(party, now.get()) || now.get() == Partner.State.INVITED) {
      return; // a new address, or an invitation, which is noted where it is made
    }
    EventType type =
        switch (now.get()) {
          case PENDING, INVITED -> EventType.PARTNER_ACCEPTED;
          case CONFIRMED -> EventType.PARTNER_CONFIRMED;
          case REVOKED -> EventType.PARTNER_REVOKED;
        };
    try {
      journal.partner(type, party);
    } catch (Problem e) {
      LOG.error("{} is {} now, which could not be logged", party, now.get(), e);
    }
  }
}
