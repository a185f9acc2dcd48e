package org.espalier.node.identity;

import java.util.List;
import java.util.Optional;
import org.espalier.wire.Party;

/**
 * Where partners are kept. Each call is atomic and durable when it returns; {@link PartnerBook}
 * holds the rules and makes sure that only one change is under way at a time.
 */
public interface PartnerStore {
  Optional<Partner> find(Party party);

  /** All partners in order of name. */
  List<Partner> list();

  /** Adds or replaces the partner of that name. */
  void save(Partner partner);

  /** Forgets the partner of that name, if there is one. */
  void delete(Party party);
}
