package org.espalier.node.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import org.espalier.node.Problem;
import org.espalier.node.config.SiloHome;
import org.espalier.node.job.ResultFiles;
import org.espalier.wire.Party;

/**
 * Whom the nodes trained on and whom they kept for evaluation.
 *
 * @param training each party's rows, in the order that all share
 * @param holdout likewise
 */
record Cohort(SortedMap<Party, int[]> training, SortedMap<Party, int[]> holdout) {
  private static final String TRAINING = "train";

  /** Reads what every node wrote down for its own operator. */
  static Cohort read(String job, Iterable<Party> parties, Function<Party, SiloHome> homes) {
    SortedMap<Party, int[]> training = new TreeMap<>();
    SortedMap<Party, int[]> holdout = new TreeMap<>();
    for (Party party : parties) {
      List<String[]> people = people(ResultFiles.cohort(homes.apply(party).results(), job));
      training.put(party, rows(people, true));
      holdout.put(party, rows(people, false));
    }
    return new Cohort(training, holdout);
  }

  /** Records of {@code position,row,part}; rows count from 1. */
  private static List<String[]> people(Path file) {
    try {
      return Files.readAllLines(file).stream().skip(1).map(line -> line.split(",", -1)).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static int[] rows(List<String[]> people, boolean training) {
    return people.stream()
        .filter(person -> person[2].equals(TRAINING) == training)
        .mapToInt(person -> Integer.parseInt(person[1]) - 1)
        .toArray();
  }

  int size() {
    return training.values().iterator().next().length + holdout.values().iterator().next().length;
  }

  /**
   * Checks that the nodes brought the right people together.
   *
   * @param people each known person's rows, by the row of the label party
   * @throws Problem if they took somebody for somebody else or missed anybody
   */
  void requireSame(Party label, Map<Integer, SortedMap<Party, Integer>> people) {
    requireSame(label, people, training);
    requireSame(label, people, holdout);
    if (size() != people.size()) {
      throw wrong();
    }
  }

  private static void requireSame(
      Party label, Map<Integer, SortedMap<Party, Integer>> people, SortedMap<Party, int[]> rows) {
    int[] labelRows = rows.get(label);
    boolean same = true;
    for (Map.Entry<Party, int[]> party : rows.entrySet()) {
      int[] expected =
          Arrays.stream(labelRows)
              .map(
                  row -> people.getOrDefault(row, new TreeMap<>()).getOrDefault(party.getKey(), -1))
              .toArray();
      same &= Arrays.equals(expected, party.getValue());
    }
    if (!same) {
      throw wrong();
    }
  }

  private static Problem wrong() {
    return Problem.of(
        Problem.Kind.INTERNAL, "the nodes' cohort is not the one that a join in the open gives");
  }
}
