package org.espalier.node.job;

import java.util.ArrayList;
import java.util.List;
import org.espalier.protocols.cost.Script;
import org.espalier.protocols.cost.Script.Lane;
import org.espalier.protocols.cost.Work;
import org.espalier.psi.ecdh.EcdhCost;
import org.espalier.psi.oprf.ManyCost;
import org.espalier.psi.oprf.OprfCost;
import org.espalier.psi.oprf.UnbalancedCost;

/**
 * The steps of an alignment whose first rule finds everybody, label party first: every party masks
 * its own list, then passes on what comes while it masks it.
 */
final class AlignCost {
  /** Of three and more parties, what the first encodes once, as a part of a key of two. */
  private static final double ENCODED_ONCE = 0.5;

  /** What it does for each sender. */
  private static final double FOR_EACH_SENDER = 0.7;

  /** What two parties do for a key who prove what they send, as a part of what they do else. */
  private static final double CHECKED = 1.5;

  /** What a sender does, which encodes a store of its own. */
  private static final double WITH_OWN_STORE = 1.5;

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
    cost.rules(
        rules,
        () -> {
          cost.lists();
          cost.verdict(cohort);
        });
    return cost.script;
  }

  /**
   * The same by protocol {@code oprf}: the label party encodes its keys batch by batch, the others
   * evaluate their own.
   *
   * @param checked two parties prove what they send
   */
  static Script oprf(long[] lengths, int rules, long cohort, boolean checked) {
    AlignCost cost = new AlignCost(lengths);
    cost.toAll(EcdhCost.HELLO);
    for (int sender = 1; sender < lengths.length; sender++) {
      cost.baseTransfers(sender);
    }
    if (lengths.length == 2) {
      cost.rules(
          rules, () -> cost.exchange(new OprfCost((int) lengths[0], (int) lengths[1], checked)));
    } else {
      cost.shares();
      cost.rules(rules, () -> cost.exchange(new ManyCost(lengths), cohort));
    }
    return cost.script;
  }

  /**
   * The same by protocol {@code unbalanced}: the server makes and sends its list, unless the label
   * party has it, then both multiply the label party's keys.
   */
  static Script unbalanced(UnbalancedCost list, long cohort) {
    AlignCost cost = new AlignCost(new long[] {list.client(), list.server()});
    cost.toAll(EcdhCost.HELLO);
    cost.rules(1, () -> cost.exchange(list, cohort));
    return cost.script;
  }

  private void exchange(UnbalancedCost list, long cohort) {
    Lane client = script.party(0);
    Lane server = script.party(1);
    script.message(client, server, UnbalancedCost.HELD);
    if (!list.again()) {
      server.compute(Work.POINT, list.server());
    }
    script.message(server, client, UnbalancedCost.ANSWER);
    if (!list.again()) {
      list.list().forEach(payload -> script.message(server, client, payload));
    }
    for (long count : list.keys()) {
      client.compute(Work.POINT, (double) count);
      script.message(client, server, UnbalancedCost.elements(count));
      server.compute(Work.POINT, (double) count);
      script.message(server, client, UnbalancedCost.elements(count));
      client.compute(Work.POINT, (double) count);
    }
    script.message(client, server, EcdhCost.VERDICT);
    UnbalancedCost.members(cohort).forEach(payload -> script.message(client, server, payload));
  }

  /** The first rule finds everybody; then all confirm the cohort. */
  private void rules(int rules, Runnable first) {
    for (int rule = 0; rule < rules; rule++) {
      toAll(EcdhCost.ANNOUNCE);
      if (rule == 0) {
        first.run();
      }
    }
    fromComparer(EcdhCost.COHORT);
    toAll(EcdhCost.CONFIRM);
  }

  private void baseTransfers(int number) {
    Lane receiver = script.party(0);
    Lane sender = script.party(number);
    receiver.compute(Work.BASE_TRANSFERS, 1);
    sender.compute(Work.BASE_TRANSFERS, 1);
    script.sends(receiver, sender, OprfCost.POINT);
    script.sends(sender, receiver, OprfCost.CHOICES);
    script.receives(receiver, sender, OprfCost.CHOICES);
    script.receives(sender, receiver, OprfCost.POINT);
  }

  private void exchange(OprfCost oprf) {
    Lane receiver = script.party(0);
    Lane sender = script.party(1);
    if (oprf.checked()) {
      script.message(sender, receiver, OprfCost.COIN);
    }
    script.message(receiver, sender, OprfCost.SEED);
    int batches = oprf.batches();
    double factor = oprf.checked() ? CHECKED : 1;
    for (int batch = 0; batch < batches; batch++) {
      script.message(receiver, sender, oprf.correction(batch));
      script.message(sender, receiver, oprf.trees(batch));
      if (oprf.checked()) {
        script.message(receiver, sender, OprfCost.CHECK);
        script.message(sender, receiver, OprfCost.CHECK);
      }
      receiver.compute(Work.OPRF_KEY, factor * lengths[0] / batches);
      for (int table = 0; table < oprf.tables(batch); table++) {
        script.message(receiver, sender, oprf.table());
      }
      sender.compute(Work.OPRF_KEY, factor * lengths[1] / batches);
    }
    if (oprf.checked()) {
      script.message(receiver, sender, OprfCost.COIN);
      script.message(sender, receiver, OprfCost.COIN);
    }
    oprf.values().forEach(payload -> script.message(sender, receiver, payload));
    script.message(receiver, sender, EcdhCost.VERDICT);
    oprf.members().forEach(payload -> script.message(receiver, sender, payload));
  }

  private void shares() {
    for (int p = 1; p < parties; p++) {
      for (int q = p + 1; q < parties; q++) {
        script.message(script.party(p), script.party(q), ManyCost.SHARE);
      }
    }
  }

  private void exchange(ManyCost many, long cohort) {
    Lane receiver = script.party(0);
    fromComparer(OprfCost.SEED);
    fromComparer(many.correction(0));
    int batches = many.batches();
    for (int batch = 0; batch < batches; batch++) {
      receiver.compute(Work.OPRF_KEY, keys(0, ENCODED_ONCE) / batches);
      for (int s = 1; s < parties; s++) {
        Lane sender = script.party(s);
        script.message(sender, receiver, many.trees(batch));
        receiver.compute(Work.OPRF_KEY, keys(0, FOR_EACH_SENDER) / batches);
        for (int table = 0; table < many.tables(batch); table++) {
          script.message(receiver, sender, many.table(0));
        }
        if (batch + 1 < batches) {
          script.message(receiver, sender, many.correction(batch + 1));
        }
        sender.compute(Work.OPRF_KEY, keys(s, WITH_OWN_STORE) / batches);
      }
      for (int s = 1; s < parties; s++) {
        for (int table = 0; table < many.tables(batch); table++) {
          script.message(script.party(s), receiver, many.table(s));
        }
      }
    }
    fromComparer(EcdhCost.VERDICT);
    many.values(cohort).forEach(this::fromComparer);
  }

  private double keys(int party, double part) {
    return part * lengths[party];
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
