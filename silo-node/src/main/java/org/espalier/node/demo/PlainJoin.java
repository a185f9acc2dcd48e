package org.espalier.node.demo;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.espalier.node.job.JobSpec;
import org.espalier.node.job.TrainSpec;
import org.espalier.psi.keys.MatchKey;
import org.espalier.wire.Party;

/**
 * Who is who, found by comparing the keys in the open: what the nodes find out without showing them
 * to each other.
 */
final class PlainJoin {
  private PlainJoin() {}

  /**
   * Joins the data of all parties by the job's rules.
   *
   * @return for each row of the label party that everybody knows, every party's row
   */
  static Map<Integer, SortedMap<Party, Integer>> of(
      TrainSpec spec, SortedMap<Party, Scenario.Source> sources) {
    SortedMap<Party, List<Map<ByteBuffer, List<Integer>>>> keys = new TreeMap<>();
    sources.forEach((party, source) -> keys.put(party, keys(spec, party, source)));
    Party label = spec.labelParty();
    Map<Integer, SortedMap<Party, Integer>> people = new LinkedHashMap<>();
    SortedMap<Party, Set<Integer>> taken = new TreeMap<>();
    sources.keySet().forEach(party -> taken.put(party, new HashSet<>()));
    for (int rule = 0; rule < spec.match().size(); rule++) {
      List<SortedMap<Party, Integer>> found = new ArrayList<>();
      for (ByteBuffer key : keys.get(label).get(rule).keySet()) {
        SortedMap<Party, Integer> person = new TreeMap<>();
        for (Party party : sources.keySet()) {
          keys.get(party).get(rule).getOrDefault(key, List.of()).stream()
              .filter(row -> !taken.get(party).contains(row))
              .findFirst()
              .ifPresent(row -> person.put(party, row));
        }
        if (person.size() == sources.size()) {
          found.add(person);
        }
      }
      for (SortedMap<Party, Integer> person : found) {
        person.forEach((party, row) -> taken.get(party).add(row));
        people.put(person.get(label), person);
      }
    }
    return people;
  }

  /** For each rule the rows of each key. */
  private static List<Map<ByteBuffer, List<Integer>>> keys(
      TrainSpec spec, Party party, Scenario.Source source) {
    List<MatchKey.Rule> rules = new ArrayList<>();
    for (List<JobSpec.KeyPart> parts : spec.match()) {
      rules.add(
          new MatchKey.Rule(
              parts.stream()
                  .map(
                      part ->
                          MatchKey.Part.of(
                              part.column().at(party), part.normalise().toArray(String[]::new)))
                  .toList()));
    }
    List<Map<ByteBuffer, List<Integer>>> keys = new ArrayList<>();
    rules.forEach(rule -> keys.add(new LinkedHashMap<>()));
    source
        .csv()
        .read(
            (row, values) -> {
              for (int i = 0; i < rules.size(); i++) {
                String[] parts =
                    rules.get(i).columns().stream()
                        .map(column -> values[source.schema().indexOf(column)])
                        .toArray(String[]::new);
                byte[] key = rules.get(i).encode(parts);
                if (key != null) {
                  keys.get(i)
                      .computeIfAbsent(ByteBuffer.wrap(key), k -> new ArrayList<>())
                      .add(row);
                }
              }
            });
    return keys;
  }
}
