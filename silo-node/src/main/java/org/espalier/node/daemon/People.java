package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import org.espalier.audit.event.Actor;
import org.espalier.audit.event.EventType;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.log.LoggedEvent;
import org.espalier.audit.log.PersonStore;
import org.espalier.node.Problem;
import org.espalier.node.config.SiloHome;
import org.espalier.node.control.Caller;
import org.espalier.wire.Party;

/**
 * How people appear in the audit log: by pseudonyms whose keys can be destroyed. People of a
 * partner are others than those of the same name here.
 */
final class People {
  private final PersonStore store;
  private final Party self;
  private final String operator;

  /**
   * @param self the party of this node
   * @param operator the account of the node, whose socket is in its folder
   */
  People(PersonStore store, Party self, String operator) {
    this.store = store;
    this.self = self;
    this.operator = operator;
  }

  /** For the node, which holds its home. */
  static People open(SiloHome home, Party self) throws IOException {
    Object uid = Files.getAttribute(home.root(), "unix:uid");
    PersonStore.clean(home.people());
    return new People(PersonStore.open(home.people()), self, "uid-" + uid);
  }

  /**
   * Erases again what the logs say was erased: an old copy of the folder may have brought it back.
   */
  void eraseAgain(List<LogReader> logs) throws IOException {
    for (LogReader log : logs) {
      log.ofType(
          0,
          EventType.ERASURE_DONE,
          event -> {
            String pseudonym = event.json().at("/erasure/pseudonym").asText();
            boolean unused = store.erase(pseudonym);
          });
    }
  }

  /** Name of the party of this node. */
  String self() {
    return self.name();
  }

  PersonStore store() {
    return store;
  }

  /** Whoever gave the command that this thread works on; for all else the account of the node. */
  Actor operator() {
    return Caller.current()
        .map(this::user)
        .orElseGet(() -> Actor.of(Actor.Kind.HUMAN, pseudonym(operator), "unix-socket"));
  }

  /** A user of this machine, who need not be the person of that name in the policy. */
  Actor user(Caller caller) {
    return Actor.of(Actor.Kind.HUMAN, pseudonym("user-" + caller.user()), "unix-socket");
  }

  /** What stands in the log for somebody who signs for a party. */
  String pseudonym(String person, String party) {
    return pseudonym(party.equals(self.name()) ? person : person + "@" + party);
  }

  /** What stands in the log for somebody here. */
  String pseudonym(String person) {
    try {
      return store.pseudonym(person);
    } catch (IOException e) {
      throw Problem.refused("the pseudonym of a person cannot be kept, so nothing is done")
          .detail(e.getMessage())
          .next("silo doctor")
          .because(e);
    }
  }

  /** An event as it is shown to people: with names where they are known. */
  JsonNode shown(LoggedEvent event) {
    return store.shown(event).json();
  }
}
