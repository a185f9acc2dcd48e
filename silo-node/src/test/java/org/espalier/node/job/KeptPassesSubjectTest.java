package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.espalier.node.config.Json;
import org.espalier.node.data.ColumnType;
import org.espalier.node.data.Dataset;
import org.espalier.node.data.DatasetScan;
import org.espalier.node.data.TableSchema;
import org.junit.jupiter.api.Test;

/** Of what the passes are that another attempt goes on from. */
class KeptPassesSubjectTest {
  private static byte[] subject(
      int attempt, int people, String sha256, ColumnType type, String... missing) {
    TableSchema schema =
        new TableSchema(List.of(new TableSchema.Column("age", type)), List.of(missing));
    Dataset dataset =
        new Dataset(
            "loans",
            Path.of("loans.csv"),
            schema,
            new DatasetScan(sha256, 100, 10, -1, List.of(0L)),
            Instant.EPOCH.plusSeconds(attempt));
    ObjectNode facts = Json.object().put("job", "J-1").put("attempt", attempt);
    return RegressionTraining.passSubject(facts, Json.object().put("size", people), dataset);
  }

  @Test
  void anotherAttemptIsOfTheSameAndAnotherReadingOfTheFileIsNot() {
    byte[] first = subject(1, 9, "aa", ColumnType.NUMBER, "", "NA");
    assertThat(subject(2, 9, "aa", ColumnType.NUMBER, "", "NA")).isEqualTo(first);
    assertThat(subject(2, 9, "aa", ColumnType.NUMBER, "")).isNotEqualTo(first);
    assertThat(subject(2, 9, "aa", ColumnType.NUMBER, "", "99")).isNotEqualTo(first);
    assertThat(subject(2, 9, "aa", ColumnType.CATEGORY, "", "NA")).isNotEqualTo(first);
    assertThat(subject(2, 9, "bb", ColumnType.NUMBER, "", "NA")).isNotEqualTo(first);
    assertThat(subject(2, 8, "aa", ColumnType.NUMBER, "", "NA")).isNotEqualTo(first);
  }
}
