package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import org.espalier.node.Problem;
import org.espalier.node.control.ControlServer;
import org.espalier.node.job.JobService;
import org.espalier.node.serve.Clients;
import org.espalier.node.serve.Servings;

/** What the command line may ask about online scoring. */
final class ServeCommands {
  private final Servings servings;
  private final Clients clients;
  private final JobService jobs;
  private final AuditJournal journal;
  private final boolean hasEndpoint;

  /**
   * @param hasEndpoint whether applications can ask this node at all
   */
  ServeCommands(
      Servings servings,
      Clients clients,
      JobService jobs,
      AuditJournal journal,
      boolean hasEndpoint) {
    this.servings = servings;
    this.clients = clients;
    this.jobs = jobs;
    this.journal = journal;
    this.hasEndpoint = hasEndpoint;
  }

  void addTo(Map<String, ControlServer.Command> commands) {
    commands.put("serve.start", (args, events) -> start(new Args(args).text("job")));
    commands.put("serve.stop", (args, events) -> stop(new Args(args).text("job")));
    commands.put("serve.list", (args, events) -> servings.list());
    commands.put("serve.client.add", (args, events) -> add(new Args(args).text("name")));
    commands.put("serve.client.remove", (args, events) -> remove(new Args(args).text("name")));
    commands.put("serve.client.list", (args, events) -> clients.list());
  }

  private JsonNode start(String id) {
    return journal.command(
        "serve.start",
        Map.of("job", id),
        () ->
            servings.start(
                id,
                job -> {
                  boolean label = job.spec().labelParty().equals(servings.self());
                  if (label && !hasEndpoint) {
                    throw Problem.wrongState("no application could ask for scores here")
                        .detail("silo.yaml has no section scoring")
                        .next(
                            "scoring: {listen: 127.0.0.1:9480} in silo.yaml, and start the node again");
                  }
                  return jobs.gathered(job.id());
                }));
  }

  private JsonNode stop(String id) {
    return journal.command("serve.stop", Map.of("job", id), () -> servings.stop(id));
  }

  private JsonNode add(String name) {
    return journal.command("serve.client.add", Map.of("name", name), () -> clients.add(name));
  }

  private JsonNode remove(String name) {
    return journal.command("serve.client.remove", Map.of("name", name), () -> clients.remove(name));
  }
}
