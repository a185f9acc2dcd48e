package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.keys.MatchKey;
import org.espalier.psi.keys.MatchReport;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KeyShapesTest {
  private static final Party PARTNER = new Party("insurer.example");

  private static KeyShapes of(List<String> values) {
    KeySource source =
        new KeySource() {
          @Override
          public int rows() {
            return values.size();
          }

          @Override
          public void scan(List<String> columns, RowVisitor visitor) {
            for (int row = 0; row < values.size(); row++) {
              visitor.row(row, new String[] {values.get(row)});
            }
          }
        };
    MatchKey key = MatchKey.of(MatchKey.Part.of("id", "trim"));
    return KeyShapes.of(MatchReport.of(source, key));
  }

  private static List<String> ids(String format, int count) {
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      ids.add(format.formatted(i));
    }
    return ids;
  }

  @Test
  void shapesOfFewRowsAreNotTold() {
    List<String> values = ids("%09d", 900);
    values.addAll(ids("%08d", 81));
    values.addAll(ids("A-%03d-rare", 19));
    values.addAll(Collections.nCopies(250, null));
    KeyShapes.Column column = of(values).rules().get(0).columns().get(0);
    assertThat(column.unusable()).isEqualTo(20);
    assertThat(column.shapes())
        .containsExactly(new KeyShapes.Share("9 digits", 90), new KeyShapes.Share("8 digits", 8));
  }

  @Test
  void differencesAreSaid() {
    List<String> gaps = ids("%010d", 70);
    gaps.addAll(Collections.nCopies(30, ""));
    assertThat(of(ids("%09d", 50)).findings(0, List.of("id"), PARTNER, of(gaps)))
        .containsExactly(
            "rule 1, id: yours has 100 % \"9 digits\", that of insurer.example has 100 % \"10"
                + " digits\"",
            "rule 1, id: 30 % of the rows of insurer.example have no usable value");
    assertThat(of(ids("%09d", 50)).findings(0, List.of("id"), PARTNER, of(ids("%09d", 99))))
        .isEmpty();
    // A partner that tells of another key explains nothing, and breaks nothing.
    assertThat(of(ids("%09d", 50)).findings(0, List.of("id"), PARTNER, new KeyShapes(List.of())))
        .isEmpty();
  }

  @Test
  void whatAPartnerTellsIsPrintableAndShort() {
    String shape = "\\u001b[31m" + "x".repeat(5000);
    KeyShapes read =
        KeyShapes.read(
            PARTNER,
            Json.parse(
                "s",
                "{\"rules\":[{\"columns\":[{\"unusable\":0,\"shapes\":[{\"shape\":\""
                    + shape
                    + "\",\"percent\":3}]}]}]}"));
    assertThat(read.rules().get(0).columns().get(0).shapes().get(0).shape())
        .startsWith("\\u{1b}[31mxxx")
        .hasSizeLessThan(200);
    assertThat(read.scalars()).isEqualTo(2);
    assertThat(KeyShapes.read(PARTNER, Json.tree(read))).isEqualTo(read);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "[]",
        "{\"rules\":[null]}",
        "{\"rules\":[{\"columns\":[{\"unusable\":101,\"shapes\":[]}]}]}",
        "{\"rules\":[{\"columns\":[{\"unusable\":0,\"shapes\":[{\"percent\":1}]}]}]}",
        "{\"rules\":[{\"columns\":[{\"unusable\":0,\"shapes\":[{\"shape\":\"a\",\"percent\":-1}]}]}]}",
        "{\"rules\":[{},{},{},{},{},{},{},{},{}]}",
        "{\"rules\":[],\"more\":1}"
      })
  void whatIsNoneIsRefused(String json) {
    assertThatThrownBy(() -> KeyShapes.read(PARTNER, Json.parse("s", json)))
        .isInstanceOf(Problem.class);
  }
}
