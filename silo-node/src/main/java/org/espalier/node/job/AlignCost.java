package org.espalier.node.job;

import java.util.ArrayList;
import java.util.List;
import org.espalier.protocols.cost.Script;
import org.espalier.protocols.cost.Script.Lane;
import org.espalier.protocols.cost.Work;
import org.espalier.psi.ecdh.EcdhCost;

/**
 * The steps of an alignment whose first rule finds everybody, label party first: every party masks
 * its own list, then passes on what comes while it masks it.
 */
final class AlignCost {
  private final long[] lengths;
  private final int parties;
  private final Script script;

  private AlignCost(long[] lengths) {
    this.lengths = lengths;
    this.parties = lengths.length;
    this.script = new Script(parties);
  }

  /**
   * @param lengths how many keys each party has
   * @param rules of the match key
   * @param cohort how many people the first rule finds
   */
  static Script of(long[] lengths, int rules, long cohort) {
    AlignCost cost = new AlignCost(lengths);
    cost.toAll(EcdhCost.HELLO);
    for (int rule = 0; rule < rules; rule++) {
      cost.toAll(EcdhCost.ANNOUNCE);
      if (rule == 0) {
        cost.lists();
        cost.verdict(cohort);
      }
    }
    cost.fromComparer(EcdhCost.COHORT);
    cost.toAll(EcdhCost.CONFIRM);
    return cost.script;
  }

  private void toAll(long payload) {
    for (int p = 0; p < parties; p++) {
      for (int q = 0; q < parties; q++) {
        if (q != p) {
          script.sends(script.party(p), script.party(q), payload);
        }
      }
    }
    for (int p = 0; p < parties; p++) {
      for (int q = 0; q < parties; q++) {
        if (q != p) {
          script.receives(script.party(p), script.party(q), payload);
        }
      }
    }
  }

  private void fromComparer(long payload) {
    for (int p = 1; p < parties; p++) {
      script.message(script.party(0), script.party(p), payload);
    }
  }

  private void lists() {
    for (int p = 0; p < parties; p++) {
      Lane main = script.party(p);
      List<Lane> receiving = new ArrayList<>();
      for (int from = 0; from < parties; from++) {
        List<Integer> owners = from == p ? List.of() : EcdhCost.lists(parties, from, p);
        if (!owners.isEmpty()) {
          Lane lane = main.fork();
          for (int owner : owners) {
            passOn(lane, owner, from, p);
          }
          receiving.add(lane);
        }
      }
      main.compute(Work.POINT, (double) lengths[p]);
      Lane to = script.party(EcdhCost.first(parties, p));
      for (long count : messages(lengths[p])) {
        script.sends(main, to, EcdhCost.elements(count));
      }
      receiving.forEach(main::join);
    }
  }

  private void passOn(Lane lane, int owner, int from, int at) {
    int to = EcdhCost.next(parties, owner, from, at);
    boolean whole = owner == 0 && at == EcdhCost.shuffler(parties);
    List<Long> messages = messages(lengths[owner]);
    for (long count : messages) {
      script.receives(lane, script.party(from), EcdhCost.elements(count));
      lane.compute(Work.POINT, owner == at ? 0 : (double) count);
      if (to >= 0 && !whole) {
        script.sends(lane, script.party(to), EcdhCost.elements(count));
      }
    }
    if (to >= 0 && whole) {
      for (long count : messages) {
        script.sends(lane, script.party(to), EcdhCost.elements(count));
      }
    }
  }

  /** Elements of each message of a list. */
  private static List<Long> messages(long length) {
    List<Long> messages = new ArrayList<>();
    for (long at = 0; at < length; at += EcdhCost.CHUNK) {
      messages.add(Math.min(EcdhCost.CHUNK, length - at));
    }
    return messages;
  }

  private void verdict(long cohort) {
    fromComparer(EcdhCost.VERDICT);
    int shuffler = EcdhCost.shuffler(parties);
    for (long payload : EcdhCost.positions(cohort)) {
      fromComparer(payload);
      script.message(script.party(0), script.party(shuffler), payload);
      script.message(script.party(shuffler), script.party(0), payload);
    }
  }
}
