package org.espalier.node.serve;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.job.ServedTable;
import org.espalier.wire.fuzz.Fuzz;
import org.junit.jupiter.api.Test;

class QuestionTest {
  /** With {@code -Despalier.fuzz=N} N times as many. */
  @Test
  void changedQuestionsAreReadOrRefused() {
    Question question =
        new Question("0a".repeat(16), 3, Arrays.asList(new byte[ServedTable.TAG], null));
    ObjectNode body = Json.object();
    body.putArray("questions").add(question.toJson());
    double refused =
        Fuzz.of("questions", Problem.class)
            .text()
            .allocating(1 << 20, 64)
            .refused(
                1000,
                List.of(Json.write(body).getBytes(UTF_8)),
                changed -> {
                  JsonNode said = Json.parse("questions", new String(changed, UTF_8));
                  for (Question read : Question.read(said, 2)) {
                    assertThat(read.tags()).hasSize(2);
                    assertThat(read.person()).isBetween(0, Question.MOST_PEOPLE - 1);
                    assertThat(read.binding()).isNotEmpty();
                  }
                });
    assertThat(refused).isBetween(0.1, 0.98);
  }
}
