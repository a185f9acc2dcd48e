package org.espalier.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.data.ColumnType;
import org.espalier.node.data.TableSchema;
import org.espalier.node.job.JobSpec;
import org.espalier.node.job.PredictSpec;
import org.espalier.node.job.TrainSpec;
import org.espalier.node.policy.Policy;
import org.espalier.psi.keys.Normaliser;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;

/** Everything in configs is read by the code that users' files meet. */
class ExamplesTest {
  private static final Path EXAMPLES = Examples.folder();

  @Test
  void theNode() {
    SiloConfig config = Json.yaml(EXAMPLES.resolve("silo.yaml"), SiloConfig.class);
    assertThat(config.port()).isEqualTo(9443);
  }

  @Test
  void thePolicy() {
    Policy policy = Json.yaml(EXAMPLES.resolve("policy.yaml"), Policy.class);
    Party insurer = new Party("insurer.example");
    Party telecom = new Party("telecom.example");
    assertThat(policy.newAlignments(telecom)).isEqualTo(4);
    assertThat(policy.newAlignments(insurer)).isEqualTo(2);
    assertThat(policy.setDifference(List.of(telecom))).isEqualTo(50);
    assertThat(policy.setDifference(List.of(insurer, telecom))).isEqualTo(200);
    assertThat(Policy.NONE.newAlignments(telecom)).isNull();
    assertThat(Policy.NONE.setDifference(List.of(telecom))).isZero();
  }

  @Test
  void theTrainingJobFitsTheSchemas() {
    TrainSpec job = (TrainSpec) JobSpec.yaml(EXAMPLES.resolve("job.yaml"));
    TableSchema loans = Json.yaml(EXAMPLES.resolve("loans.schema.yaml"), TableSchema.class);
    TableSchema claims = Json.yaml(EXAMPLES.resolve("claims.schema.yaml"), TableSchema.class);
    assertThat(loans.names(ColumnType.LABEL)).containsExactly(job.label().column());
    assertThat(claims.features())
        .containsAll(job.parties().get(new Party("insurer.example")).columns());
    for (List<JobSpec.KeyPart> rule : job.match()) {
      for (JobSpec.KeyPart part : rule) {
        part.normalise().forEach(Normaliser::parse);
        assertThat(loans.names(ColumnType.ID))
            .contains(part.column().at(new Party("bank.example")));
        assertThat(claims.names(ColumnType.ID))
            .contains(part.column().at(new Party("insurer.example")));
      }
    }
  }

  @Test
  void thePrediction() {
    JobSpec job = JobSpec.yaml(EXAMPLES.resolve("predict.yaml"));
    assertThat(job).isInstanceOf(PredictSpec.class);
    assertThat(job.labelParty()).isEqualTo(new Party("bank.example"));
  }

  @Test
  void everySchemaAndJobOfTheRepository() throws IOException {
    Path monitoring = Examples.configs().resolve("monitoring"); // Prometheus reads these
    try (var files = Files.walk(Examples.configs())) {
      List<Path> yaml =
          files.filter(f -> f.toString().endsWith(".yaml") && !f.startsWith(monitoring)).toList();
      assertThat(yaml).hasSizeGreaterThan(4);
      for (Path file : yaml) {
        String name = file.getFileName().toString();
        if (name.endsWith(".schema.yaml")) {
          Json.yaml(file, TableSchema.class);
        } else if (!name.equals("silo.yaml") && !name.equals("policy.yaml")) {
          JobSpec.yaml(file);
        }
      }
    }
  }
}
