package org.espalier.protocols.disclosure;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.espalier.wire.Party;

/**
 * What each party learns, in plain words: the one table from which plan, review, report and
 * documentation are printed, and the limits that follow from it.
 */
public final class Disclosure {
  /** Most bits after the point that the noise of an opened logit may leave. */
  public static final int MAX_NOISE_BITS = 12;

  /**
   * Bits after the point that the noise of an opened pre-activation leaves: every feature party
   * adds uniform noise of ±2^-bits to each.
   */
  public static final int ACTIVATION_NOISE_BITS = 6;

  private static final int MIN_NOISE_BITS = 6;
  private static final int ROWS_PER_COLUMN = 10;

  private Disclosure() {}

  /**
   * What is known of a job when it is planned, approved or over.
   *
   * @param columns prepared columns of each feature party; -1 where not known yet
   * @param maxPasses most passes that the job allows
   * @param rows training rows; -1 if not known yet
   * @param acceptSpan all parties accept more passes than a quarter of the columns
   * @param earlierPasses passes on the same people in earlier attempts and jobs; -1 if not known
   * @param boundTold a bound on the residuals is told in each pass, because nothing else bounds
   *     them
   * @param classes of the outcome, where each has a linear predictor of its own; else 0
   */
  public record Facts(
      Party label,
      Map<Party, Integer> columns,
      int maxPasses,
      int rows,
      boolean acceptSpan,
      int earlierPasses,
      boolean boundTold,
      int classes) {
    /** Of a model with one linear predictor, or of a network. */
    public Facts(
        Party label,
        Map<Party, Integer> columns,
        int maxPasses,
        int rows,
        boolean acceptSpan,
        int earlierPasses,
        boolean boundTold) {
      this(label, columns, maxPasses, rows, acceptSpan, earlierPasses, boundTold, 0);
    }

    public Facts {
      columns = new TreeMap<>(columns);
      if (columns.isEmpty() || columns.containsKey(label)) {
        throw new IllegalArgumentException(
            "facts need the feature parties, without the label party");
      }
    }

    /** Numbers of each person that a pass opens at level {@code gradients}. */
    int opened() {
      return Math.max(1, classes - 1);
    }

    /** All feature parties' columns, or -1 if one is not known. */
    int totalColumns() {
      int total = 0;
      for (int c : columns.values()) {
        if (c < 0) {
          return -1;
        }
        total += c;
      }
      return total;
    }
  }

  /**
   * One thing that is learned.
   *
   * @param learner null: every party
   */
  public record Statement(Party learner, String text) {}

  /**
   * Passes that may run: the label party learns at most a quarter as many joint directions as the
   * feature parties have columns, over all attempts and jobs on the same people, unless all parties
   * have accepted more.
   *
   * @param totalColumns prepared columns of all feature parties
   * @param earlierPasses on these people in earlier attempts and jobs, 0 or more
   * @return 0 if not even one pass is allowed
   */
  public static int passLimit(
      int totalColumns, int maxPasses, boolean acceptSpan, int earlierPasses) {
    return passLimit(totalColumns, maxPasses, acceptSpan, earlierPasses, 1);
  }

  /**
   * The same of passes that open several numbers of each person, which count as so many.
   *
   * @param earlierPasses counted so
   * @param opened numbers that a pass opens
   */
  public static int passLimit(
      int totalColumns, int maxPasses, boolean acceptSpan, int earlierPasses, int opened) {
    return acceptSpan
        ? maxPasses
        : Math.max(0, Math.min(maxPasses, (totalColumns / 4 - earlierPasses) / opened));
  }

  /**
   * Checks the job against the limits.
   *
   * @throws NoPassLeft if no pass at all is allowed; says what would allow it
   */
  public static void require(Level level, Facts facts) {
    require(level, facts, 1);
  }

  /**
   * Checks a job against the limits that takes several passes at least.
   *
   * @throws NoPassLeft if so many are not allowed; says what would allow them
   */
  public static void require(Level level, Facts facts, int fewestPasses) {
    if (level == Level.SEALED) {
      return;
    }
    int total = facts.totalColumns();
    int earlier = Math.max(0, facts.earlierPasses());
    int opened = level == Level.GRADIENTS ? facts.opened() : 1;
    if (total >= 0
        && passLimit(total, facts.maxPasses(), facts.acceptSpan(), earlier, opened)
            < fewestPasses) {
      throw NoPassLeft.here(level, total, fewestPasses, earlier, opened);
    }
  }

  /**
   * Columns that all feature parties together may have: a gradient is one equation in the residuals
   * for each column, and in the first pass the residuals are the labels. Least squares with the
   * bounds 0 and 1 finds all labels of 200 rows from 110 equations and a few of them from 60.
   */
  public static int mostColumns(int rows) {
    return mostColumns(rows, 1);
  }

  /**
   * The same where each column gives several equations, one for each class but the last.
   *
   * @param equations that a pass gives for each column
   */
  public static int mostColumns(int rows, int equations) {
    return rows / ROWS_PER_COLUMN / equations;
  }

  /**
   * Checks a cohort against {@link #mostColumns}.
   *
   * @throws IllegalArgumentException if the feature parties have too many columns for these rows
   */
  public static void requireRows(int rows, int totalColumns) {
    requireRows(rows, totalColumns, 1);
  }

  /**
   * The same.
   *
   * @param equations that a pass gives for each column
   */
  public static void requireRows(int rows, int totalColumns, int equations) {
    if (totalColumns > mostColumns(rows, equations)) {
      throw new IllegalArgumentException(
          ("the feature parties have %,d prepared columns for %,d training rows; at least %d rows a"
                  + " column are needed, because gradients of fewer would tell single people's"
                  + " outcomes. Use fewer columns or categories, or more people")
              .formatted(totalColumns, rows, ROWS_PER_COLUMN * equations));
    }
  }

  /**
   * Checks the outcome's classes. The people of a class are marked by 1 in what the first pass's
   * gradient sums up: where they are few, it tells who they are even if there are many others,
   * because few equations determine a vector with few entries that are not 0.
   *
   * @param people of each class
   * @throws IllegalArgumentException if one has fewer people than the feature parties have columns
   */
  public static void requireClasses(int[] people, int totalColumns) {
    for (int k = 0; k < people.length; k++) {
      if (people[k] < totalColumns) {
        throw new IllegalArgumentException(
            ("class %d of %d has fewer training people than the feature parties have prepared columns,"
                    + " %,d: the gradients would tell who they are. %s, or use fewer columns or"
                    + " categories")
                .formatted(
                    k + 1,
                    people.length,
                    totalColumns,
                    people.length == 2 ? "Train at level sealed" : "Merge it with another class"));
      }
    }
  }

  /**
   * Bits after the point that the noise on an opened logit leaves: every feature party adds uniform
   * noise of ±2^-bits, times the length of its direction, to each logit.
   *
   * <p>The noise moves a weight by about its size times √(columns/rows), so it can be larger where
   * there are more rows. This rule keeps the distance from the noise-free weights below 1e-3
   * relative on the public data sets of {@code docs/protocols/gradients.md}; a fixed 2^-6 did so
   * only above 100,000 rows.
   *
   * @return 6 to {@link #MAX_NOISE_BITS}
   */
  public static int noiseBits(int rows, int featureParties) {
    double bits = 15.5 - log2(rows) / 2 + log2(featureParties) / 2;
    return (int) Math.max(MIN_NOISE_BITS, Math.min(MAX_NOISE_BITS, Math.ceil(bits)));
  }

  private static double log2(double x) {
    return Math.log(x) / Math.log(2);
  }

  /** Everything that is learned at a level, label party first. */
  public static List<Statement> statements(Level level, Facts facts) {
    return statements(level, facts, false);
  }

  /**
   * The same.
   *
   * @param sharedWeights nobody gets weights; at level {@code sealed} only
   */
  public static List<Statement> statements(Level level, Facts facts, boolean sharedWeights) {
    return switch (level) {
      case SEALED -> sealed(facts, sharedWeights);
      case GRADIENTS -> gradients(facts);
      case ACTIVATIONS -> activations(facts);
      case SPLIT -> split(facts);
    };
  }

  /** What the label party learns when people are scored with weights that nobody has. */
  public static String sharedScores(String people) {
    return "of each "
        + people
        + " the joint score, rounded by noise to about a thousandth of its log-odds, and nothing of"
        + " anybody's part in it; a label party that deviated when training ended reads one"
        + " combination of each person's values instead of the score, the same in all predictions"
        + " with this model; one that deviates in scoring, or has the same people scored with other"
        + " values of its own, can learn the weights of its own columns, and by them the feature"
        + " parties' summed part of a score";
  }

  /** What the label party learns of weights and scores at every level. */
  private static String atTheEnd(boolean alone, boolean several) {
    return "at the end its own weights, and of each hold-out person the feature parties'"
        + (alone ? "" : " summed")
        + (several ? " part of the score of each class" : " part of the final score")
        + ", exactly: from it come the metrics, and people with equal"
        + " values can be grouped by it";
  }

  /** What standard errors tell beyond the training at level {@code gradients}. */
  public static List<Statement> inference(Facts facts) {
    List<Statement> all = new ArrayList<>();
    boolean alone = facts.columns().size() == 1;
    String partners = alone ? "the partner's columns" : "each feature party's columns";
    all.add(
        new Statement(
            facts.label(),
            "for the standard errors sums over all people of products of two columns, weighted by how"
                + " certain each prediction is, with "
                + partners
                + " in a basis that only "
                + (alone ? "the partner" : "that party")
                + " knows: how strongly its own columns"
                + (alone ? "" : ", and those of different parties,")
                + " go together with combinations of "
                + (alone ? partners : "others")
                + ", and how differently the combinations vary among people whose predictions are"
                + " certain and uncertain; which column takes part in a combination it does not learn,"
                + " and of single people nothing. If it deviates it reads, in that basis, as many"
                + " weighted sums of people's rows as it has columns itself and one more, which can be"
                + " single rows, or the sums of products over people of its choice"));
    facts
        .columns()
        .forEach(
            (party, count) ->
                all.add(
                    new Statement(
                        party,
                        "the standard error of each of its weights: "
                            + (count < 0 ? "one number a prepared column" : count + " numbers")
                            + " that depend on all people's predictions and on how well others' columns"
                            + " explain its own, and as many variance inflation factors, from which"
                            + " follows how much each of its columns varies among people whose"
                            + " predictions are uncertain; the number of columns of the label party"
                            + (facts.boundTold()
                                ? "; and below which power of two the largest curvature of a person's"
                                    + " loss lies"
                                : ""))));
    return all;
  }

  /** What is different with a penalty on absolute weights at level {@code gradients}. */
  public static List<Statement> sparse(Facts facts) {
    boolean alone = facts.columns().size() == 1;
    return List.of(
        new Statement(
            facts.label(),
            "with model.l1 a pass's direction is the step that the "
                + (alone ? "partner's" : "feature parties'")
                + " weights take, and instead of inner products of pairs of directions it learns four"
                + " numbers a pass"
                + (alone ? "" : ", summed over the feature parties")
                + ": the step's squared length in two measures, the slope of the loss along it, and"
                + " whether it turns back; not which weights are 0. Where a step changes few weights, or few"
                + " are left in the end, what is opened are these columns themselves, but for scale and"
                + " noise. If it deviates it can have single columns of its choice of a person: the"
                + " largest values"),
        new Statement(
            null,
            "every feature party learns in each pass whether its last step was kept, and by which"
                + " curvature of the loss and how far beyond its present weights the next one is"
                + " computed"));
  }

  /**
   * What is different where training at level {@code gradients} begins at an earlier model.
   *
   * @param model the job that trained it
   */
  public static List<Statement> warmStart(Facts facts, String model) {
    boolean alone = facts.columns().size() == 1;
    return List.of(
        new Statement(
            facts.label(),
            "in the first pass, of each training person the %s part of the score by the model of %s, of the"
                    .formatted(alone ? "partner's" : "feature parties' summed", model)
                + " columns that both jobs have, but for a constant and with the noise of other passes: it"
                + " counts as one of them"
                + (facts.acceptSpan()
                    ? ". Of a party with few columns in common, or weights on few, that is these"
                        + " columns themselves"
                    : "")),
        new Statement(
            null,
            "no feature party gets a gradient in the first pass, or learns anything of another's earlier"
                + " weights; all know that and at which model training began"));
  }

  /** What is different where the label party sets people aside at level {@code gradients}. */
  public static List<Statement> earlyStop(Facts facts) {
    return List.of(
        new Statement(
            facts.label(),
            "after each pass the mean loss of the tenth of the training people that it sets aside, from"
                + " numbers that passes open of everybody in any case"),
        new Statement(
            null,
            "nobody but the label party learns who is set aside: these people's part in the gradients is"
                + " an encrypted 0, so that sums over a category or over everybody are of nine people"
                + " in ten on average. Every feature party learns after which pass the weights"
                + " were kept"));
  }

  /**
   * What is different where cross-validation chooses a penalty at level {@code gradients}.
   *
   * @param values how many penalties
   * @param folds k
   */
  public static List<Statement> path(Facts facts, int values, int folds) {
    List<Statement> all = new ArrayList<>();
    all.add(
        new Statement(
            null,
            "%d fits are run: %d %s of model.l2, on everybody and without each of %d folds. The passes of"
                    .formatted(
                        values * (folds + 1), values, values == 1 ? "value" : "values", folds)
                + " all of them together are the at most %d, and what they open adds up"
                    .formatted(facts.maxPasses())));
    all.add(
        new Statement(
            facts.label(),
            "the loss of each fold's people in the fits without them, by the numbers that passes open of"
                + " everybody in any case; nobody else learns it"));
    for (Party party : facts.columns().keySet()) {
      all.add(
          new Statement(
              party,
              "in passes of a fit without a fold its gradient of the others, so that the difference from"
                  + " that of another fit is about the fold's people alone (at least ten for each column of"
                  + " all feature parties, at least the agreed number in each category, in every fold);"
                  + " its weights for each value, which value was chosen, and how many passes each fit"
                  + " took"));
    }
    return all;
  }

  private static List<Statement> sealed(Facts facts, boolean sharedWeights) {
    List<Statement> all = new ArrayList<>();
    Party compute = facts.columns().keySet().stream().sorted().findFirst().orElseThrow();
    boolean alone = facts.columns().size() == 1;
    String both = facts.label().name() + " and " + compute.name();
    all.add(
        new Statement(
            facts.label(),
            "of the features: nothing while training; "
                + (sharedWeights
                    ? "no weights, not even its own; " + sharedScores("hold-out person")
                    : atTheEnd(alone, false))));
    facts
        .columns()
        .forEach(
            (party, count) ->
                all.add(
                    new Statement(
                        party,
                        sharedWeights
                            ? "of the outcome and of others' features: nothing; no weights, not even"
                                + " its own"
                            : "of the outcome and of others' features: nothing while training; at the"
                                + " end its own weights, rounded by the label party's noise, and in a"
                                + " linear regression the outcome's standard deviation")));
    all.add(
        new Statement(
            null,
            both
                + " learn a few sums over all people, each under noise worth ten people from either of"
                + " them: in the early passes and at the end of each stage how many people's scores come"
                + " near the end of the range, and at the end of each stage the mean loss (zero-concentrated"
                + " differential privacy of ρ = 0.005 for each sum of an honest run); "
                + (sharedWeights
                    ? "all of them once more for each attempt, which begins anew"
                    : "under fresh noise two of them once more for each attempt that goes on where one"
                        + " was cut off, or all since the pass that a party says is the last it has kept,"
                        + " or, where it says none or label privacy is asked for, all")
                + ". All learn what follows from them: whether training goes on, more slowly or with a wider"
                + " range"));
    all.add(
        new Statement(
            null,
            "the number of prepared columns of each party, the largest absolute sum of one of its"
                + " rows and columns, in which the outcome counts as the most that it can, and the number"
                + " of passes; in a Poisson regression the power of two that is nearest to the mean"
                + " outcome, and above 10,000 people in a Poisson or gamma regression whether somebody's"
                + " exposure or outcome, times its weight, is more than about twenty times the mean"
                + " (14 to 28 times in a Poisson regression)"));
    all.add(
        new Statement(
            null,
            "this level protects against a party that deviates: it can make the result wrong, and "
                + both
                + " can each turn an opened sum into a number about one person of its choice, a dozen or"
                + " so bits"
                + (sharedWeights
                    ? ""
                    : "; a feature party's final weights can be made to tell single people's"
                        + " outcomes, a number of them for each of its columns")
                + ". Beyond that it reads nothing. "
                + both
                + " together could read everything: they must not collude"));
    return all;
  }

  private static List<Statement> activations(Facts facts) {
    List<Statement> all = new ArrayList<>();
    boolean alone = facts.columns().size() == 1;
    all.add(
        new Statement(
            facts.label(),
            "of each person at most %d numbers, in each epoch as many as the first layer has units: the %s"
                    .formatted(facts.maxPasses(), alone ? "partner's" : "feature parties' summed")
                + " columns combined by the unit's present weights, which it does not know, with noise of"
                + " ±2^-%d. People with equal values in a partner's category and yes/no columns get"
                    .formatted(ACTIVATION_NOISE_BITS)
                + " nearly equal numbers: they can be grouped from the first epoch on, and where about as many"
                + " numbers are opened as the partners have columns, yes/no columns can be read exactly in"
                + " spite of the noise, and who knows the features of a few people can read everybody's"));
    all.add(span(facts, "numbers a person", "numbers", "opened"));
    all.add(
        new Statement(
            facts.label(),
            "the number of prepared columns of each feature party, the largest absolute sums and lengths of"
                + " its rows and columns, and a bound on what a batch of them can do to a vector"));
    all.add(
        new Statement(
            facts.label(),
            "at the end its own weights, and of each hold-out person the feature parties'"
                + (alone ? "" : " summed")
                + " part of the first layer: from it come the metrics, and people with equal values"
                + " can be grouped by it"));
    facts
        .columns()
        .forEach(
            (party, count) ->
                all.add(
                    new Statement(
                        party,
                        "of the outcome and of others' features: nothing while training but the number of"
                            + " epochs and which of them was kept; at the end its own weights in the"
                            + " first layer, rounded by the label party's noise to 13 bits after the"
                            + " point, by which it can order people by the outcome about as well as"
                            + " its columns allow")));
    all.add(
        new Statement(
            null,
            "this level protects against parties that keep to the protocol. A label party that"
                + " deviates can read combinations of its choice of one partner's columns, as many as"
                + " numbers are opened; a feature party that deviates can make its final weights tell"
                + " single people's outcomes, a number of them for each weight"));
    return all;
  }

  private static List<Statement> split(Facts facts) {
    List<Statement> all = new ArrayList<>();
    boolean alone = facts.columns().size() == 1;
    all.add(
        new Statement(
            facts.label(),
            "of each person in every epoch, at most %d numbers in all, what the %s own layers make of the"
                    .formatted(facts.maxPasses(), alone ? "partner's" : "feature parties' (summed)")
                + " person's columns, in clear but for the noise of training.activation_noise. Who knows some"
                + " people's values learns from these numbers to tell everybody's (feature inversion); the"
                + " more epochs, the better"));
    all.add(span(facts, "numbers a person", "numbers", "opened"));
    all.add(
        new Statement(
            facts.label(),
            "how many units the last hidden layers of the feature parties have, or how many prepared columns;"
                + " at the end its own weights, and of each hold-out person the feature parties'"
                + (alone ? "" : " summed")
                + " numbers, without noise"));
    facts
        .columns()
        .forEach(
            (party, count) ->
                all.add(
                    new Statement(
                        party,
                        "how many inputs the layers at the cut of all parties have together, which without"
                            + " hidden layers are their prepared columns;"
                            + " in every epoch of each person the gradient of the loss by these numbers, in clear but"
                            + " for the noise of training.gradient_noise: its length and direction tell"
                            + " the person's outcome, without noise everybody's in the first epoch (label"
                            + " inference: Fu et al., USENIX Security 2022; Li et al., ICLR 2022); who was"
                            + " set aside for early stopping; the number of epochs and which was kept;"
                            + " at the end its own layers, which with a few known outcomes order people"
                            + " by theirs")));
    all.add(
        new Statement(
            null,
            "this level hides neither features nor outcomes: noise makes single numbers uncertain, those of"
                + " all epochs of a person add up, and no bound such as differential privacy is claimed."
                + " A label party that deviates can train the feature parties' layers to tell it what it"
                + " wants of their columns (Pasquini et al., CCS 2021)"));
    return all;
  }

  /**
   * When the label party knows the space that others' columns span.
   *
   * @param units what is counted, of each person
   * @param counted the same in short
   * @param spent what became of earlier ones
   */
  private static Statement span(Facts facts, String units, String counted, String spent) {
    int total = facts.totalColumns();
    return new Statement(
        facts.label(),
        "after "
            + (total < 0
                ? "as many " + units + " as the partners have prepared columns"
                : total + " " + units)
            + ", the whole space that the partners' columns span; "
            + (facts.acceptSpan()
                ? "this job ACCEPTS that (accept: span)"
                : "training stops at a quarter of that"
                    + (total < 0 ? "" : ", " + total / 4 + " " + counted))
            + ". The "
            + counted
            + " of all attempts and jobs on the same people add up and are counted"
            + (facts.earlierPasses() < 0
                ? ""
                : ": " + facts.earlierPasses() + " were " + spent + " before this one"));
  }

  private static List<Statement> gradients(Facts facts) {
    List<Statement> all = new ArrayList<>();
    boolean alone = facts.columns().size() == 1;
    boolean several = facts.classes() > 0;
    String noise =
        facts.rows() > 0
            ? "±2^-" + noiseBits(facts.rows(), facts.columns().size())
            : "±2^-6 (many rows) to ±2^-12 (few rows)";
    all.add(
        new Statement(
            facts.label(),
            "in each of at most %d passes %s: the %s columns combined along that"
                    .formatted(
                        facts.maxPasses(),
                        several
                            ? "%d numbers a person, one for each class but the last"
                                .formatted(facts.opened())
                            : "one number a person",
                        alone ? "partner's" : "feature parties' summed")
                + " pass's gradient "
                + (several ? "directions" : "direction")
                + ", with noise of "
                + noise
                + " of the direction's length. People with equal values in a partner's category and"
                + " yes/no columns get nearly equal numbers: they can be grouped from the first pass"
                + " on, and a yes/no column that matters for the outcome can often be read exactly"
                + " within the allowed passes"));
    all.add(
        several
            ? span(facts, "numbers a person", "numbers", "opened")
            : span(facts, "passes", "passes", "used"));
    all.add(
        new Statement(
            facts.label(),
            "the number of prepared columns of each feature party, the largest absolute sum of one of"
                + " its columns, and for each pair of directions their inner products"
                + (alone ? "" : ", summed over the feature parties")));
    all.add(new Statement(facts.label(), atTheEnd(alone, several)));
    facts
        .columns()
        .forEach(
            (party, count) ->
                all.add(
                    new Statement(
                        party,
                        "in each pass its own gradient: "
                            + gradient(facts, count)
                            + ", each a sum over all people of its column times the difference between"
                            + " predicted and true outcome"
                            + (several ? ", of one class" : "")
                            + " (at least %s people for each column of all feature parties"
                                .formatted(several ? ROWS_PER_COLUMN * facts.opened() : "ten")
                            + (several ? ", and one of the rarest class" : "")
                            + ", at least the agreed number in each category); the"
                            + " number of passes, the combination of its gradients that makes up its"
                            + " weights before each pass, and at the end its own weights"
                            + (several
                                ? ", not which outcome a class is unless model.class_weights name them"
                                : ""))));
    if (facts.boundTold()) {
      all.add(
          new Statement(
              null,
              "every feature party learns in each pass below which power of two the largest"
                  + " difference of predicted and true outcome lies, weights of people included"));
    }
    all.add(
        new Statement(
            null,
            "this level protects against parties that keep to the protocol. A label party that"
                + " deviates can read combinations of its choice of one partner's columns, as many as "
                + (several ? "numbers are opened of a person" : "there are passes")
                + "; a feature party that deviates can choose which weighted sums of"
                + " outcomes it reads, as many as it has columns"
                + (several ? " for each class but the last" : "")
                + ", each enough for the outcomes of about eleven people"));
    return all;
  }

  /** How many numbers a pass's gradient is at a feature party. */
  private static String gradient(Facts facts, int columns) {
    if (facts.classes() == 0) {
      return columns < 0 ? "one number a prepared column" : columns + " numbers";
    }
    return columns < 0
        ? "%d numbers a prepared column, one for each class but the last".formatted(facts.opened())
        : columns * facts.opened() + " numbers, one a column for each class but the last";
  }
}
