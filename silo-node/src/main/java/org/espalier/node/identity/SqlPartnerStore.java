package org.espalier.node.identity;

import java.net.URI;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.espalier.node.store.Store;
import org.espalier.wire.Party;

/** Partners in the node's database. */
public final class SqlPartnerStore implements PartnerStore {
  private static final String SELECT =
      "SELECT name, state, url, identity, secret_hash, expires, exchange, since FROM partners"
          + " LEFT JOIN enrolments ON party = name";

  private final Store store;

  public SqlPartnerStore(Store store) {
    this.store = store;
  }

  @Override
  public Optional<Partner> find(Party party) {
    return store.one(SELECT + " WHERE name = ?", SqlPartnerStore::read, party.name());
  }

  @Override
  public List<Partner> list() {
    return store.all(SELECT + " ORDER BY name", SqlPartnerStore::read);
  }

  @Override
  public void save(Partner partner) {
    store.transaction(
        () -> {
          savePartner(partner);
          store.update("DELETE FROM enrolments WHERE party = ?", partner.party().name());
          if (partner.enrolment() != null) {
            store.update(
                "INSERT INTO enrolments (party, exchange) VALUES (?, ?)",
                partner.party().name(),
                partner.enrolment().encode());
          }
          return null;
        });
  }

  private void savePartner(Partner partner) {
    Partner.Invitation open = partner.invitation();
    store.update(
        "INSERT INTO partners (name, state, url, identity, secret_hash, expires, since)"
            + " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
            + " state = excluded.state, url = excluded.url, identity = excluded.identity,"
            + " secret_hash = excluded.secret_hash, expires = excluded.expires,"
            + " since = excluded.since",
        partner.party().name(),
        partner.state().name().toLowerCase(Locale.ROOT),
        partner.url() == null ? null : partner.url().toString(),
        partner.identity() == null ? null : partner.identity().spki(),
        open == null ? null : open.secretHash(),
        open == null ? null : open.expires().toString(),
        partner.since().toString());
  }

  @Override
  public void delete(Party party) {
    store.transaction(
        () -> {
          store.update("DELETE FROM enrolments WHERE party = ?", party.name());
          store.update("DELETE FROM partners WHERE name = ?", party.name());
          return null;
        });
  }

  private static Partner read(ResultSet row) throws SQLException {
    String url = row.getString("url");
    byte[] identity = row.getBytes("identity");
    byte[] secretHash = row.getBytes("secret_hash");
    byte[] exchange = row.getBytes("exchange");
    return new Partner(
        new Party(row.getString("name")),
        Partner.State.valueOf(row.getString("state").toUpperCase(Locale.ROOT)),
        url == null ? null : URI.create(url),
        identity == null ? null : new IdentityKey(identity),
        secretHash == null
            ? null
            : new Partner.Invitation(secretHash, Instant.parse(row.getString("expires"))),
        exchange == null ? null : Enrolment.decode(exchange),
        Instant.parse(row.getString("since")));
  }
}
