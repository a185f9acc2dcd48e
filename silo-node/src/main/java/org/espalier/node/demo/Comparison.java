package org.espalier.node.demo;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.espalier.protocols.evaluate.Evaluation;
import org.espalier.protocols.glm.CentralisedLogistic;
import org.espalier.protocols.glm.Family;
import org.espalier.protocols.model.ModelSlice;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Party;

/**
 * The model that the parties trained without showing each other their data, against the one that
 * somebody with all the data finds, and the one that the label party finds with its own.
 *
 * <p>All three minimise the same objective on the same people and prepared columns, and are judged
 * on the same other people: on the training people if none were held out.
 *
 * @param heldOut whether the figures are of people who were not trained on
 * @param rows how many they are
 * @param positives how many of them have label 1
 * @param maxWeightDifference largest absolute difference of a federated from a centralised weight,
 *     intercept included
 * @param relativeWeightDifference the same, divided by the largest absolute centralised weight
 * @param differentWeight where that is, as {@code party: feature}
 */
public record Comparison(
    boolean heldOut,
    int rows,
    int positives,
    Figures federated,
    Figures centralised,
    Figures labelPartyAlone,
    double maxWeightDifference,
    double relativeWeightDifference,
    String differentWeight) {

  /**
   * How well a model ranks and calibrates.
   *
   * @param auc area under the ROC curve, 0 to 1; null if all people are of one class
   * @param ks Kolmogorov-Smirnov distance of the scores of both classes, 0 to 1; null likewise
   * @param logLoss mean, in nats
   */
  public record Figures(Double auc, Double ks, double logLoss) {
    static Figures of(double[] logits, double[] labels) {
      double[] probabilities = Arrays.stream(logits).map(Family.LOGISTIC::mean).toArray();
      Evaluation evaluation = Evaluation.of(probabilities, labels);
      return new Figures(evaluation.auc(), evaluation.ks(), evaluation.logLoss());
    }
  }

  private record People(List<Matrix> columns, Matrix labelPartyColumns, double[] labels) {}

  /** Computes the two other models and compares. */
  static Comparison of(Scenario scenario, Cohort cohort, SortedMap<Party, ModelSlice> slices) {
    SortedMap<Party, PlainTable> data = new TreeMap<>();
    scenario.sources().forEach((party, source) -> data.put(party, PlainTable.read(source)));
    Party label = scenario.spec().labelParty();
    double l2 = scenario.spec().model().l2().single();
    boolean heldOut = cohort.holdout().get(label).length > 0;
    People trained = people(label, data, slices, cohort.training());
    People judged = heldOut ? people(label, data, slices, cohort.holdout()) : trained;

    Matrix all = Matrix.beside(trained.columns());
    CentralisedLogistic centralised = CentralisedLogistic.fit(all, trained.labels(), l2);
    CentralisedLogistic alone =
        CentralisedLogistic.fit(trained.labelPartyColumns(), trained.labels(), l2);

    List<String> names = new ArrayList<>();
    List<Double> weights = new ArrayList<>();
    slices.forEach(
        (party, slice) -> {
          for (int i = 0; i < slice.weights().length; i++) {
            names.add(party + ": " + slice.preparation().features().get(i));
            weights.add(slice.weights()[i]);
          }
        });
    double[] federated = weights.stream().mapToDouble(Double::doubleValue).toArray();
    double intercept = slices.get(label).intercept();
    int worst = -1;
    double difference = Math.abs(intercept - centralised.intercept());
    double largest = Math.abs(centralised.intercept());
    for (int i = 0; i < federated.length; i++) {
      double here = Math.abs(federated[i] - centralised.weights()[i]);
      if (here > difference) {
        difference = here;
        worst = i;
      }
      largest = Math.max(largest, Math.abs(centralised.weights()[i]));
    }
    Matrix judgedColumns = Matrix.beside(judged.columns());
    return new Comparison(
        heldOut,
        judged.labels().length,
        (int) Arrays.stream(judged.labels()).sum(),
        figures(judgedColumns, federated, intercept, judged.labels()),
        figures(judgedColumns, centralised, judged.labels()),
        figures(judged.labelPartyColumns(), alone, judged.labels()),
        difference,
        difference / largest,
        worst < 0 ? label + ": intercept" : names.get(worst));
  }

  /**
   * The same with the nodes' own word on the federated model: the figures that the label party
   * computed from the joint scores of the people held out.
   *
   * @param metrics of the label party's report; absent if nobody was held out, without figures if
   *     these were too few
   */
  Comparison evaluatedJointly(JsonNode metrics) {
    if (!heldOut || !metrics.has("log_loss")) {
      return this;
    }
    return new Comparison(
        true,
        rows,
        positives,
        new Figures(
            figure(metrics.path("auc")),
            figure(metrics.path("ks")),
            metrics.path("log_loss").doubleValue()),
        centralised,
        labelPartyAlone,
        maxWeightDifference,
        relativeWeightDifference,
        differentWeight);
  }

  private static Double figure(JsonNode number) {
    return number.isNumber() ? number.doubleValue() : null;
  }

  private static People people(
      Party label,
      SortedMap<Party, PlainTable> data,
      SortedMap<Party, ModelSlice> slices,
      SortedMap<Party, int[]> rows) {
    SortedMap<Party, Matrix> columns = new TreeMap<>();
    data.forEach(
        (party, table) ->
            columns.put(
                party, slices.get(party).preparation().apply(table.table(), rows.get(party))));
    double[] labels =
        Arrays.stream(rows.get(label)).mapToDouble(row -> data.get(label).labels()[row]).toArray();
    return new People(List.copyOf(columns.values()), columns.get(label), labels);
  }

  private static Figures figures(Matrix x, CentralisedLogistic model, double[] labels) {
    return figures(x, model.weights(), model.intercept(), labels);
  }

  private static Figures figures(Matrix x, double[] weights, double intercept, double[] labels) {
    double[] logits = x.times(weights);
    return Figures.of(
        IntStream.range(0, logits.length).mapToDouble(i -> logits[i] + intercept).toArray(),
        labels);
  }
}
