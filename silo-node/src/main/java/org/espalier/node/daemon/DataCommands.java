package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.espalier.audit.event.EventType;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.node.control.Caller;
import org.espalier.node.control.ControlServer;
import org.espalier.node.data.Dataset;
import org.espalier.node.data.Datasets;
import org.espalier.node.data.TableSchema;
import org.espalier.node.job.Job;
import org.espalier.node.job.Jobs;
import org.espalier.node.job.MatchCheck;
import org.espalier.node.job.ServeSpec;
import org.espalier.wire.Party;

/** What the command line may ask about data sets. */
final class DataCommands {
  private final SiloHome home;
  private final Party self;
  private final Datasets datasets;
  private final Jobs jobs;
  private final AuditJournal journal;

  DataCommands(SiloHome home, Party self, Datasets datasets, Jobs jobs, AuditJournal journal) {
    this.home = home;
    this.self = self;
    this.datasets = datasets;
    this.jobs = jobs;
    this.journal = journal;
  }

  void addTo(Map<String, ControlServer.Command> commands) {
    commands.put("dataset.add", (args, events) -> add(new Args(args)));
    commands.put("dataset.remove", (args, events) -> remove(new Args(args).text("name")));
    commands.put("dataset.list", (args, events) -> list());
    commands.put(
        "dataset.show", (args, events) -> Views.dataset(datasets.get(new Args(args).text("name"))));
    commands.put("match.check", (args, events) -> check(new Args(args)));
  }

  private JsonNode add(Args args) {
    String name = args.text("name");
    Path file = withoutLinks(args.file("file"));
    TableSchema schema = Json.convert("the schema", args.object("schema"), TableSchema.class);
    return journal.command(
        "dataset.add",
        Map.of("dataset", name),
        () -> {
          Dataset dataset = datasets.add(name, file, schema);
          journal.dataset(EventType.DATASET_ADDED, dataset, datasets.commitment(name));
          return Views.dataset(dataset);
        });
  }

  /** Not while something is to come that reads it; what is over has its models and results. */
  private JsonNode remove(String name) {
    Dataset dataset = datasets.get(name);
    for (Job job : jobs.list()) {
      if (job.spec().parties().get(self).dataset().equals(name) && !job.state().ended()) {
        String what = job.spec() instanceof ServeSpec ? "serving " : "job ";
        throw Problem.wrongState(what + job.id() + " is not over and uses data set " + name)
            .next("silo job abort " + job.id());
      }
    }
    return journal.command(
        "dataset.remove",
        Map.of("dataset", name),
        () -> {
          journal.dataset(EventType.DATASET_REMOVED, dataset, datasets.commitment(name));
          datasets.remove(name);
          return Json.object().put("name", name).put("removed", true);
        });
  }

  /** The node reads with its own rights, and what it says of a bad row may quote it. */
  private Path withoutLinks(Path file) {
    try {
      Path real = file.toRealPath();
      if (Caller.current().isPresent() && real.startsWith(home.root().toRealPath())) {
        throw Problem.refused("files in the node's folder are no data sets");
      }
      return real;
    } catch (IOException e) {
      throw Problem.refused("the node cannot read " + file)
          .detail(
              "%s; the node is the account %s, and as a service it sees nothing in /home and has a /tmp of its own"
                  .formatted(e, System.getProperty("user.name")))
          .because(e);
    }
  }

  private JsonNode list() {
    ObjectNode result = Json.object();
    ArrayNode all = result.putArray("datasets");
    datasets.list().forEach(dataset -> all.add(Views.dataset(dataset)));
    return result;
  }

  private JsonNode check(Args args) {
    return MatchCheck.of(datasets.get(args.text("dataset")), self, args.object("match"));
  }
}
