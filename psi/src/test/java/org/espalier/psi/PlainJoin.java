package org.espalier.psi;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.keys.MatchKey;
import org.espalier.psi.keys.MatchKey.Rule;

/** What an alignment must find. */
public final class PlainJoin {
  private PlainJoin() {}

  /** A join in the clear: for each rule, the rows of all parties that belong together. */
  public static List<Set<List<Integer>>> of(MatchKey key, List<KeySource> sources) {
    List<Set<Integer>> out = new ArrayList<>();
    sources.forEach(s -> out.add(new HashSet<>()));
    List<Set<List<Integer>>> result = new ArrayList<>();
    for (Rule rule : key.rules()) {
      List<Map<ByteBuffer, Integer>> first = new ArrayList<>();
      for (int party = 0; party < sources.size(); party++) {
        Map<ByteBuffer, Integer> rows = new HashMap<>();
        Set<Integer> repeats = new HashSet<>();
        sources
            .get(party)
            .scan(
                rule.columns(),
                (row, values) -> {
                  byte[] bytes = rule.encode(values);
                  if (bytes != null && rows.putIfAbsent(ByteBuffer.wrap(bytes), row) != null) {
                    repeats.add(row);
                  }
                });
        rows.values().removeAll(out.get(party));
        out.get(party).addAll(repeats);
        first.add(rows);
      }
      Set<List<Integer>> people = new HashSet<>();
      for (ByteBuffer person : first.get(0).keySet()) {
        if (first.stream().allMatch(m -> m.containsKey(person))) {
          people.add(first.stream().map(m -> m.get(person)).toList());
        }
      }
      for (List<Integer> rows : people) {
        for (int party = 0; party < rows.size(); party++) {
          out.get(party).add(rows.get(party));
        }
      }
      result.add(people);
    }
    return result;
  }
}
