package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.espalier.audit.event.EventType;
import org.espalier.node.config.Json;
import org.espalier.node.control.ControlServer;
import org.espalier.node.identity.Fingerprint;
import org.espalier.node.identity.Invite;
import org.espalier.node.identity.Partner;
import org.espalier.node.identity.PartnerBook;
import org.espalier.node.identity.SpokenWords;
import org.espalier.node.link.LinkStatus;
import org.espalier.node.link.Links;
import org.espalier.wire.Party;

/** What the command line may ask about partners. */
final class PartnerCommands {
  private static final Duration ENROLMENT = Duration.ofSeconds(20);

  private final PartnerBook book;
  private final Links links;
  private final AuditJournal journal;

  PartnerCommands(PartnerBook book, Links links, AuditJournal journal) {
    this.book = book;
    this.links = links;
    this.journal = journal;
  }

  void addTo(Map<String, ControlServer.Command> commands) {
    commands.put("partner.invite", (args, events) -> invite(new Args(args)));
    commands.put("partner.accept", (args, events) -> accept(new Args(args)));
    commands.put("partner.confirm", (args, events) -> confirm(new Args(args)));
    commands.put("partner.revoke", (args, events) -> revoke(new Args(args)));
    commands.put("partner.forget", (args, events) -> forget(new Args(args)));
    commands.put("partner.list", (args, events) -> Json.object().set("partners", list()));
  }

  ArrayNode list() {
    ArrayNode partners = Json.object().putArray("partners");
    book.list().forEach(partner -> partners.add(Views.partner(partner, status(partner))));
    return partners;
  }

  private Optional<LinkStatus> status(Partner partner) {
    return links.statuses().stream()
        .filter(status -> status.partner().equals(partner.party()))
        .findFirst();
  }

  private JsonNode invite(Args args) {
    Party guest = args.party("name");
    return journal.command(
        "partner.invite",
        Map.of("partner", guest.name()),
        () -> {
          Invite invite = links.invites().create(guest);
          journal.partner(EventType.PARTNER_INVITED, guest);
          return Json.object()
              .put("name", guest.name())
              .put("line", invite.line())
              .put("expires", invite.expires().toString());
        });
  }

  private JsonNode accept(Args args) {
    Invite invite;
    try {
      invite = Invite.parse(args.text("line"));
    } catch (IllegalArgumentException e) {
      throw Args.usage(e.getMessage()).because(e);
    }
    return journal.command(
        "partner.accept",
        Map.of("partner", invite.host().name()),
        () -> state(links.invites().accept(invite, ENROLMENT)));
  }

  private JsonNode confirm(Args args) {
    Party party = args.party("name");
    Optional<Fingerprint> seen;
    Optional<SpokenWords> heard;
    try {
      seen = args.optional("fingerprint").map(Fingerprint::parse);
      heard = args.optional("words").map(SpokenWords::parse);
    } catch (IllegalArgumentException e) {
      throw Args.usage(e.getMessage()).because(e);
    }
    if (seen.isEmpty() && heard.isEmpty()) {
      throw Args.usage("words or fingerprint of " + party + " must be given");
    }
    return journal.command(
        "partner.confirm", named(party), () -> state(book.confirm(party, seen, heard)));
  }

  private JsonNode revoke(Args args) {
    Party party = args.party("name");
    return journal.command("partner.revoke", named(party), () -> state(book.revoke(party)));
  }

  private JsonNode forget(Args args) {
    Party party = args.party("name");
    return journal.command(
        "partner.forget",
        named(party),
        () -> {
          book.forget(party);
          return Json.object().put("name", party.name()).put("forgotten", true);
        });
  }

  private static Map<String, String> named(Party party) {
    return Map.of("partner", party.name());
  }

  private static ObjectNode state(Partner partner) {
    return Views.partner(partner, Optional.empty());
  }
}
