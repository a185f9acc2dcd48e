package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.Map;
import org.espalier.node.config.Json;
import org.espalier.node.job.Job;
import picocli.CommandLine.Option;

/** Options from which a job that scores people with a trained model is built. */
final class ScoringJob {
  @Option(names = "--model", paramLabel = "JOB", description = "The job that trained the model.")
  String model;

  @Option(
      names = "--with",
      paramLabel = "PARTY=NAME",
      description = "A partner's data set; repeat for more partners.")
  Map<String, String> with = new LinkedHashMap<>();

  @Option(names = "--name", paramLabel = "NAME", description = "The job's name.")
  String name;

  @Option(
      names = "--purpose",
      paramLabel = "PURPOSE",
      description = "The purpose (default: that of the training).")
  String purpose;

  boolean isUsed() {
    return model != null || !with.isEmpty();
  }

  /**
   * Asks the node about the training.
   *
   * @param kind of the job
   * @param dataset the own data set; null for that of the training
   */
  ObjectNode build(SiloCommand command, String kind, String dataset, String defaultName) {
    if (!model.matches(Job.ID)) {
      throw SiloCommand.usage("a model is named by its job, such as J-1a2b3c4d")
          .next("silo model list");
    }
    JsonNode trained = training(command);
    String self = command.self().name();
    ObjectNode spec = Json.object().put("kind", kind);
    spec.put("name", name != null ? name : defaultName + model);
    spec.put("purpose", purpose != null ? purpose : trained.path("purpose").asText());
    spec.put("model", model);
    spec.put("label_party", trained.path("label").path("party").asText());
    ObjectNode parties = spec.putObject("parties");
    for (Map.Entry<String, JsonNode> party : trained.path("parties").properties()) {
      String other = party.getKey().equals(self) ? dataset : with.get(party.getKey());
      parties
          .putObject(party.getKey())
          .put("dataset", other != null ? other : party.getValue().path("dataset").asText());
    }
    for (String party : with.keySet()) {
      if (!parties.has(party) || party.equals(self)) {
        throw SiloCommand.usage("--with names " + party + ", which is no partner in " + model)
            .next("silo job show " + model);
      }
    }
    spec.set("match", trained.path("match"));
    return spec;
  }

  JsonNode training(SiloCommand command) {
    return command.ask("job.show", SiloCommand.args().put("job", model)).path("spec");
  }
}
