package org.espalier.protocols.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

class ClassEvaluationTest {
  private static final List<Double> CLASSES = List.of(1.0, 2.0, 5.0);

  /** So many people of each true class, who are predicted to be of each class. */
  private static ClassEvaluation of(int[][] people, Detail detail) {
    int rows = 0;
    for (int[] column : people) {
      for (int count : column) {
        rows += count;
      }
    }
    double[] probabilities = new double[3 * rows];
    int[] truth = new int[rows];
    int at = 0;
    for (int predicted = 0; predicted < 3; predicted++) {
      for (int actual = 0; actual < 3; actual++) {
        for (int i = 0; i < people[predicted][actual]; i++, at++) {
          truth[at] = actual;
          for (int c = 0; c < 3; c++) {
            probabilities[3 * at + c] = c == predicted ? 0.5 : 0.25;
          }
        }
      }
    }
    return ClassEvaluation.of(CLASSES, probabilities, truth, detail);
  }

  /** By hand: F1 of 2·30/72, 2·20/54 and 2·10/30. */
  @Test
  void figuresAreThoseOfTheMatrix() {
    ClassEvaluation e = of(new int[][] {{30, 6, 4}, {2, 20, 1}, {0, 5, 10}}, Detail.EXACT);
    assertThat(e.rows()).isEqualTo(78);
    assertThat(e.accuracy()).isCloseTo(60 / 78.0, within(1e-15));
    assertThat(e.logLoss())
        .isCloseTo(-(60 * Math.log(0.5) + 18 * Math.log(0.25)) / 78, within(1e-12));
    assertThat(e.macroF1()).isCloseTo((60.0 / 72 + 40.0 / 54 + 20.0 / 30) / 3, within(1e-12));
    JsonNode columns = e.toJson().path("class_confusion");
    assertThat(columns.path(1).path("predicted").asDouble()).isEqualTo(2);
    assertThat(columns.path(1).path("people").toString()).isEqualTo("[2,20,1]");
    assertThat(columns.path(1).path("precision").asDouble()).isCloseTo(20 / 23.0, within(1e-12));
  }

  /** A class predicted of few people is not told, nor is what it could be told from. */
  @Test
  void fewPeopleAreHiddenAmongMore() {
    ClassEvaluation few = of(new int[][] {{60, 6, 4}, {2, 20, 1}, {1, 0, 5}}, Detail.AGGREGATE);
    assertThat(few.predictions())
        .extracting(ClassEvaluation.Prediction::shown)
        .containsExactly(true, false, false);
    assertThat(few.macroF1()).isNull();
    assertThat(
            StreamSupport.stream(few.toJson().path("class_confusion").spliterator(), false)
                .filter(column -> column.has("people")))
        .hasSize(1);
    // Nobody at all is a figure of nobody.
    ClassEvaluation none = of(new int[][] {{60, 6, 4}, {2, 20, 1}, {0, 0, 0}}, Detail.AGGREGATE);
    assertThat(none.predictions())
        .extracting(ClassEvaluation.Prediction::shown)
        .containsExactly(true, false, false);
    ClassEvaluation enough = of(new int[][] {{60, 6, 4}, {2, 20, 1}, {9, 6, 5}}, Detail.AGGREGATE);
    assertThat(enough.predictions()).allMatch(ClassEvaluation.Prediction::shown);
    assertThat(enough.macroF1()).isNotNull();
  }

  @Test
  void whatFitsNothingIsRefused() {
    double[] p = {0.5, 0.5, 0};
    assertThatThrownBy(() -> ClassEvaluation.of(CLASSES, p, new int[] {3}, Detail.EXACT))
        .hasMessageContaining("no such class");
    assertThatThrownBy(() -> ClassEvaluation.of(CLASSES, p, new int[2], Detail.EXACT))
        .hasMessageContaining("3 probabilities of 2 rows");
    assertThatThrownBy(
            () -> ClassEvaluation.of(CLASSES, new double[] {2, 0, 0}, new int[1], Detail.EXACT))
        .hasMessageContaining("outside [0, 1]");
  }
}
