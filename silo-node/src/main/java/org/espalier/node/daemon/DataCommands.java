package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.node.control.Caller;
import org.espalier.node.control.ControlServer;
import org.espalier.node.data.Dataset;
import org.espalier.node.data.Datasets;
import org.espalier.node.data.TableSchema;
import org.espalier.node.job.MatchCheck;
import org.espalier.wire.Party;

/** What the command line may ask about data sets. */
final class DataCommands {
  private final SiloHome home;
  private final Party self;
  private final Datasets datasets;
  private final AuditJournal journal;

  DataCommands(SiloHome home, Party self, Datasets datasets, AuditJournal journal) {
    this.home = home;
    this.self = self;
    this.datasets = datasets;
    this.journal = journal;
  }

  void addTo(Map<String, ControlServer.Command> commands) {
    commands.put("dataset.add", (args, events) -> add(new Args(args)));
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
          journal.dataset(dataset, datasets.commitment(name));
          return Views.dataset(dataset);
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
      throw Problem.refused("cannot read " + file).detail(e.getMessage()).because(e);
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
