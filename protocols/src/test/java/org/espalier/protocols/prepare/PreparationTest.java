package org.espalier.protocols.prepare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PreparationTest {
  private static final double NONE = Double.NaN;

  private static Table table(Column... columns) {
    return new Table(List.of(columns));
  }

  private static NumberColumn numbers(String name, double... values) {
    return new NumberColumn(name, values);
  }

  /** Levels in the order of first appearance; null is missing. */
  private static CategoryColumn categories(String name, String... values) {
    List<String> levels = Arrays.stream(values).filter(v -> v != null).distinct().toList();
    return new CategoryColumn(
        name, Arrays.stream(values).mapToInt(levels::indexOf).toArray(), levels);
  }

  private static int[] all(Table table) {
    return IntStream.range(0, table.rows()).toArray();
  }

  private static double[] column(Matrix m, int j) {
    return IntStream.range(0, m.rows()).mapToDouble(i -> m.get(i, j)).toArray();
  }

  @Test
  void numbersAreImputedThenStandardisedWithThePopulationDeviation() {
    Table table = table(numbers("age", 20, 40, NONE, 60));
    Preparation p = Preparation.fit(table, all(table), new PreparationSpec(true, true, 1));
    // Mean 40; deviations 20, 0, 0, 20 over four rows.
    double deviation = Math.sqrt(200);
    assertThat(p.features()).containsExactly("age");
    assertThat(p.apply(table, all(table)).values())
        .containsExactly(new double[] {-20 / deviation, 0, 0, 20 / deviation}, within(1e-15));
  }

  @Test
  void withoutStandardisingNumbersAndIndicatorsStayAsTheyAre() {
    Table table = table(numbers("age", 1, 5, NONE), categories("home", "own", "rent", "own"));
    Preparation p = Preparation.fit(table, all(table), new PreparationSpec(false, true, 1));
    assertThat(p.features()).containsExactly("age", "home=rent");
    assertThat(p.apply(table, all(table)).values()).containsExactly(1, 0, 5, 1, 3, 0);
  }

  @Test
  void onlyTrainingRowsTeach() {
    Table table = table(numbers("x", 0, 2, 1000), categories("c", "a", "b", "z"));
    Preparation p = Preparation.fit(table, new int[] {0, 1}, new PreparationSpec(true, true, 1));
    assertThat(p.features()).containsExactly("x", "c=b");
    Matrix m = p.apply(table, new int[] {2, 0});
    // An unseen category has the indicators of the reference.
    assertThat(m.values()).containsExactly(999, -1, -1, -1);
  }

  @Test
  void theMostFrequentLevelIsTheReferenceWhereNoneIsRare() {
    Table table = table(categories("c", "b", "a", "a", "c", "b", "a", "c"));
    Preparation p = Preparation.fit(table, all(table), new PreparationSpec(false, true, 2));
    assertThat(p.features()).containsExactly("c=b", "c=c");
    Encoding.Categorical encoding = (Encoding.Categorical) p.encodings().get(0);
    assertThat(encoding.reference()).isEqualTo("c=a");
    assertThat(encoding.merged()).isZero();
  }

  @Test
  void enoughRareLevelsTogetherAreTheReference() {
    Table table = table(categories("c", "a", "a", "a", "x", "y", "z", "b", "b", "b"));
    Preparation p = Preparation.fit(table, all(table), new PreparationSpec(false, true, 3));
    assertThat(p.features()).containsExactly("c=a", "c=b");
    Encoding.Categorical encoding = (Encoding.Categorical) p.encodings().get(0);
    assertThat(encoding.reference()).isNull();
    assertThat(encoding.merged()).isEqualTo(3);
    assertThat(p.apply(table, new int[] {0, 3, 4, 6}).values())
        .containsExactly(1, 0, 0, 0, 0, 0, 0, 1);
  }

  @Test
  void tooFewRareRowsAreJoinedByTheMostFrequentLevelSoThatNobodyStandsOut() {
    Table table = table(categories("c", "a", "a", "a", "rare", "b", "b", "b", "b"));
    Preparation p = Preparation.fit(table, all(table), new PreparationSpec(false, true, 3));
    assertThat(p.features()).containsExactly("c=a");
    assertThat(p.apply(table, new int[] {0, 3, 4}).values()).containsExactly(1, 0, 0);
  }

  @Test
  void noGroupOfPeopleIsSmallerThanTheMinimum() {
    Random random = new Random(5);
    for (int trial = 0; trial < 200; trial++) {
      int levels = 1 + random.nextInt(12);
      int min = 1 + random.nextInt(15);
      String[] values =
          IntStream.range(0, 60)
              .mapToObj(
                  i -> {
                    int level = (int) (levels * Math.pow(random.nextDouble(), 3));
                    return level == 1 ? null : "level " + level;
                  })
              .toArray(String[]::new);
      Table table = table(categories("c", values));
      Preparation p = Preparation.fit(table, all(table), new PreparationSpec(false, true, min));
      Matrix m = p.apply(table, all(table));
      double rest = 60;
      for (int j = 0; j < m.columns(); j++) {
        double count = Arrays.stream(column(m, j)).sum();
        assertThat(count).isGreaterThanOrEqualTo(min);
        rest -= count;
      }
      assertThat(rest).isGreaterThanOrEqualTo(Math.min(min, 60));
      assertThat(p.encodings().size() + p.dropped().size()).isEqualTo(1);
    }
  }

  @Test
  void missingCategoriesAreALevelOfTheirOwn() {
    Table table = table(categories("c", null, "a", null, "a", "a"));
    Preparation p = Preparation.fit(table, all(table), new PreparationSpec(false, true, 2));
    assertThat(p.features()).containsExactly("c=(missing)");
    assertThat(p.apply(table, all(table)).values()).containsExactly(1, 0, 1, 0, 0);
  }

  @Test
  void whatDoesNotVaryIsDroppedAndReported() {
    Table table =
        table(
            numbers("same", 0.1, 0.1, 0.1),
            numbers("none", NONE, NONE, NONE),
            numbers("once", 7, NONE, 7),
            numbers("noise", 1e9, 1e9 + 1e-6, 1e9),
            numbers("x", 1, 2, 3),
            categories("one", "a", "a", "a"),
            categories("rare", "a", "b", "c"));
    Preparation p = Preparation.fit(table, all(table), new PreparationSpec(true, true, 2));
    assertThat(p.features()).containsExactly("x");
    assertThat(p.dropped().stream().map(Preparation.Dropped::column))
        .containsExactly("same", "none", "once", "noise", "one", "rare");
    assertThat(p.dropped().get(0).reason()).isEqualTo("constant over the training rows");
    assertThat(p.dropped().get(1).reason()).isEqualTo("no value in the training rows");
    assertThat(p.apply(table, all(table)).columns()).isEqualTo(1);
  }

  @Test
  void extremeButFiniteNumbersAreScaled() {
    Table table =
        table(
            numbers("huge", 1.7e308, -1.7e308, 1.7e308, -1.7e308),
            numbers("tiny", 0, 4e-320, 0, 4e-320));
    Preparation p = Preparation.fit(table, all(table), new PreparationSpec(true, true, 2));
    assertThat(p.apply(table, new int[] {0, 1}).values())
        .containsExactly(new double[] {1, -1, -1, 1}, within(1e-3));
    Table far = table(numbers("huge", 0), numbers("tiny", 1e300));
    assertThatThrownBy(() -> p.apply(far, new int[] {0}))
        .isInstanceOf(DataException.class)
        .hasMessage("column 'tiny', row 1: too far from the training rows to be scaled");
  }

  @Test
  void withoutImputationAMissingValueIsRefusedByRow() {
    PreparationSpec strict = new PreparationSpec(true, false, 1);
    Table numbers = table(numbers("age", 1, 2, NONE));
    Table categories = table(categories("home", "own", "rent", null));
    for (Table table : List.of(numbers, categories)) {
      Preparation p = Preparation.fit(table, new int[] {0, 1}, strict);
      assertThat(p.apply(table, new int[] {0, 1}).rows()).isEqualTo(2);
      assertThatThrownBy(() -> Preparation.fit(table, all(table), strict))
          .isInstanceOf(DataException.class)
          .hasMessageContaining("row 3");
      assertThatThrownBy(() -> p.apply(table, all(table)))
          .isInstanceOf(DataException.class)
          .hasMessageContaining("row 3");
    }
  }

  @Test
  void aTableWithoutColumnsGivesRowsWithoutFeatures() {
    Preparation p = Preparation.fit(table(), new int[] {0, 1, 2}, PreparationSpec.DEFAULT);
    Matrix m = p.apply(table(), new int[] {5, 6});
    assertThat(m.rows()).isEqualTo(2);
    assertThat(m.columns()).isZero();
  }

  @Test
  void theOrderOfLevelsAndColumnsInAFileDoesNotMatter() {
    Table first = table(categories("c", "a", "b", "c", "a"), numbers("x", 1, 2, 3, 4));
    Table second = table(numbers("x", 1, 2, 3, 4), categories("c", "a", "b", "c", "a"));
    Table reordered =
        table(
            numbers("x", 1, 2, 3, 4),
            new CategoryColumn("c", new int[] {2, 1, 0, 2}, List.of("c", "b", "a", "unused")));
    Preparation p = Preparation.fit(first, all(first), new PreparationSpec(true, true, 1));
    double[] expected = p.apply(first, all(first)).values();
    assertThat(p.apply(second, all(second)).values()).isEqualTo(expected);
    assertThat(p.apply(reordered, all(reordered)).values()).isEqualTo(expected);
  }

  @Test
  void columnsOfTheWrongKindAreNamed() {
    Table table = table(numbers("x", 1, 2), categories("c", "a", "b"));
    Preparation p = Preparation.fit(table, all(table), new PreparationSpec(true, true, 1));
    assertThatThrownBy(() -> p.apply(table(numbers("x", 1)), new int[] {0}))
        .isInstanceOf(DataException.class)
        .hasMessage("there is no column 'c'");
    assertThatThrownBy(() -> p.apply(table(numbers("x", 1), numbers("c", 1)), new int[] {0}))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("'c' has numbers");
    assertThatThrownBy(
            () -> p.apply(table(categories("x", "1"), categories("c", "a")), new int[] {0}))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("'x' has categories");
    assertThatThrownBy(() -> p.apply(table, new int[] {2}))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> Preparation.fit(table, new int[0], PreparationSpec.DEFAULT))
        .isInstanceOf(DataException.class);
  }

  @Test
  void featureNamesThatCollideAreRefused() {
    Table table = table(categories("a", "x", "b=c", "x"), categories("a=b", "x", "c", "x"));
    assertThatThrownBy(() -> Preparation.fit(table, all(table), new PreparationSpec(true, true, 1)))
        .isInstanceOf(DataException.class)
        .hasMessage("prepared feature 'a=b=c' occurs twice");
  }

  @Test
  void publicDataSetsComeOutStandardisedAndFinite() throws Exception {
    checkPublic(PublicData.read("german_credit.csv", "bad"), 48);
  }

  @Test
  void adultWithMissingValuesComesOutStandardisedAndFinite() throws Exception {
    checkPublic(PublicData.read("adult_train.csv", "income_over_50k"), 100);
  }

  private static void checkPublic(PublicData data, int about) {
    Preparation p = Preparation.fit(data.table(), data.allRows(), PreparationSpec.DEFAULT);
    Matrix m = p.apply(data.table(), data.allRows());
    assertThat(m.columns()).isBetween(about - 15, about + 15).isEqualTo(p.features().size());
    for (int j = 0; j < m.columns(); j++) {
      double[] column = column(m, j);
      double mean = Arrays.stream(column).average().orElseThrow();
      double variance = Arrays.stream(column).map(v -> (v - mean) * (v - mean)).sum() / m.rows();
      assertThat(mean).isCloseTo(0, within(1e-9));
      assertThat(variance).isCloseTo(1, within(1e-9));
    }
  }

  /** The weight of a column that singles out one person would tell that person's outcome. */
  @Test
  void numbersThatSingleOutFewPeopleAreDropped() {
    double[] rare = new double[100];
    double[] enough = new double[100];
    for (int i = 0; i < 10; i++) {
      enough[i] = i + 1;
      if (i < 9) {
        rare[i] = i + 1;
      }
    }
    Preparation preparation =
        Preparation.fit(
            new Table(List.of(new NumberColumn("rare", rare), new NumberColumn("enough", enough))),
            java.util.stream.IntStream.range(0, 100).toArray(),
            PreparationSpec.DEFAULT);
    assertThat(preparation.features()).containsExactly("enough");
    assertThat(preparation.dropped())
        .containsExactly(
            new Preparation.Dropped(
                "rare", "fewer than 10 training rows depart from its usual value"));
  }

  @Test
  void carriedWeightsScorePeopleAsBeforeButForAConstant() {
    Random random = new Random(5);
    int rows = 400;
    double[] age = random.doubles(rows).map(u -> 20 + 60 * u).toArray();
    double[] gone = random.doubles(rows).toArray();
    String[] home = new String[rows];
    String[] plan = new String[rows];
    for (int i = 0; i < rows; i++) {
      // In the first half "own" is the most frequent home, in the second "rent".
      home[i] = List.of("own", "rent", "free").get(random.nextInt(10) < 6 ? i * 2 / rows : 2);
      home[i] = random.nextInt(5) == 0 ? (i * 2 < rows ? "rent" : "own") : home[i];
      plan[i] = i * 2 < rows || i % 4 != 0 ? (i % 3 == 0 ? "basic" : "full") : "new";
    }
    Table table =
        table(
            numbers("age", age),
            categories("home", home),
            numbers("gone", gone),
            categories("plan", plan));
    int[] first = IntStream.range(0, rows / 2).toArray();
    int[] second = IntStream.range(rows / 2, rows).toArray();
    Preparation old = Preparation.fit(table, first, new PreparationSpec(true, true, 10));
    Table without =
        table(
            categories("plan", plan),
            numbers("fresh", random.doubles(rows).toArray()),
            categories("home", home),
            numbers("age", age));
    Preparation fresh = Preparation.fit(without, second, new PreparationSpec(false, true, 10));
    double[] weights = random.doubles(old.features().size()).map(u -> u - 0.5).toArray();
    weights[old.features().indexOf("gone")] = 0;
    double[] before = old.apply(table, second).times(weights);
    double[] carried = fresh.carry(old, weights);
    double[] after = fresh.apply(without, second).times(carried);
    assertThat(((Encoding.Categorical) old.encodings().get(1)).reference()).isEqualTo("home=own");
    assertThat(fresh.features()).contains("home=own", "plan=new");
    double constant = before[0] - after[0];
    for (int i = 0; i < second.length; i++) {
      assertThat(before[i] - after[i]).as("person %d", i).isCloseTo(constant, within(1e-12));
    }
    assertThat(carried[fresh.features().indexOf("fresh")]).isZero();
  }

  @Test
  void aColumnThatHasBecomeACategoryIsNotCarried() {
    Table then = table(numbers("a", 1, 2, 3), numbers("b", 3, 1, 2));
    Table now = table(categories("a", "x", "y", "x"), numbers("b", 3, 1, 2));
    PreparationSpec how = new PreparationSpec(false, true, 1);
    Preparation old = Preparation.fit(then, all(then), how);
    Preparation fresh = Preparation.fit(now, all(now), how);
    assertThat(fresh.carry(old, new double[] {5, 7})).containsExactly(0, 7);
    assertThat(fresh.carried(old, new double[] {5, 7})).isEqualTo(1);
    assertThat(fresh.carried(old, new double[] {5, 0})).isZero();
  }

  /** One yes or no of the earlier model stays one, though several levels take weights from it. */
  @Test
  void aCategoryIsCarriedAsManyTimesAsItHadWeights() {
    Table table =
        table(
            categories("c", "a", "a", "a", "b", "b", "c", "c"), numbers("x", 1, 2, 3, 4, 5, 6, 7));
    Preparation one = Preparation.fit(table, all(table), new PreparationSpec(false, true, 3));
    Preparation two = Preparation.fit(table, all(table), new PreparationSpec(false, true, 2));
    assertThat(one.features()).containsExactly("c=a", "x");
    assertThat(two.features()).containsExactly("c=b", "c=c", "x");
    assertThat(two.carry(one, new double[] {3, 0})).containsExactly(-3, -3, 0);
    assertThat(two.carried(one, new double[] {3, 0})).isEqualTo(1);
    assertThat(two.carried(one, new double[] {3, 5})).isEqualTo(2);
    // The other way round weights are of the reference, which is no column.
    assertThat(one.carry(two, new double[] {4, 2, 0})).containsExactly(0, 0);
    assertThat(one.carried(two, new double[] {4, 2, 0})).isZero();
    assertThat(two.carried(two, new double[] {4, 2, 1})).isEqualTo(3);
    assertThat(two.carried(two, new double[] {4, 0, 1})).isEqualTo(2);
    assertThat(two.weighted(new double[] {4, 0, 1}, (encoding, feature) -> true)).isEqualTo(2);
    assertThat(two.weighted(new double[] {4, 0, 1}, (encoding, feature) -> feature.equals("c=b")))
        .isEqualTo(1);
  }
}
