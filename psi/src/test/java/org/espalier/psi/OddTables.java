package org.espalier.psi;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.espalier.psi.keys.MatchKey;
import org.espalier.psi.keys.MatchKey.Part;
import org.espalier.psi.keys.MatchKey.Rule;

/** Tables with gaps, repeats and odd letters, and rules that match some of their rows. */
public final class OddTables {
  private OddTables() {}

  /** Four rules: four intersections in one run. */
  public static final MatchKey RULES =
      new MatchKey(
          List.of(
              new Rule(List.of(Part.of("id", "digits"))),
              new Rule(List.of(Part.of("name", "nfkc", "trim", "casefold"), Part.of("born"))),
              new Rule(List.of(Part.of("name", "nfkc", "trim", "casefold"))),
              new Rule(List.of(Part.of("born"), Part.of("place")))));

  private static final String[] NAMES = {
    "Åsa", "A\u030Asa", "Łukasz", "Ｊｏｓé", "𝒵oë", "李雷", "مريم", "Ωmega", "ﬁona", "o'Brien", "🙂"
  };

  /**
   * Rows about some of the people 0 to {@code people} - 1.
   *
   * @param share of them
   */
  public static Table table(Random random, int people, double share) {
    List<String[]> rows = new ArrayList<>();
    for (int person = 0; person < people; person++) {
      if (random.nextDouble() > share) {
        continue;
      }
      int copies = random.nextInt(8) == 0 ? 2 : 1;
      for (int copy = 0; copy < copies; copy++) {
        String id = random.nextInt(4) == 0 ? null : "ID-" + (1000 + person);
        String name = NAMES[person % NAMES.length] + person / NAMES.length;
        name = random.nextInt(8) == 0 ? "" : random.nextBoolean() ? " " + name : name;
        String born = random.nextInt(8) == 0 ? null : "19" + (10 + person % 7);
        String place = random.nextInt(8) == 0 ? null : "\u0000place " + person / 5;
        rows.add(new String[] {id, name, born, place});
      }
    }
    Collections.shuffle(rows, random);
    return new Table(List.of("id", "name", "born", "place"), rows.toArray(String[][]::new));
  }
}
