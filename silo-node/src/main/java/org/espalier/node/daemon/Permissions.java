package org.espalier.node.daemon;

import static org.espalier.node.Role.AUDITOR;
import static org.espalier.node.Role.DATA_STEWARD;
import static org.espalier.node.Role.OPERATOR;
import static org.espalier.node.Role.PRIVACY_OFFICER;
import static org.espalier.node.Role.SCIENTIST;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.espalier.node.Role;

/**
 * Which role may give which command at the socket for users. Looking at jobs, partners, data sets
 * and rules is everybody's who has a role; nobody both asks for a job and approves it, and nobody
 * who runs the node approves for those whose data it holds.
 */
final class Permissions {
  /** Who may approve jobs. */
  static final Set<Role> APPROVING = Set.of(DATA_STEWARD, PRIVACY_OFFICER);

  private static final Map<String, Set<Role>> BY_COMMAND = new HashMap<>();

  static {
    permit(
        Set.of(Role.values()),
        "status",
        "overview",
        "job.list",
        "job.show",
        "job.plan",
        "job.status",
        "job.wait",
        "job.watch",
        "job.standing",
        "job.curve",
        "job.logs",
        "job.report",
        "model.list",
        "model.show",
        "policy.show",
        "policy.check",
        "policy.diff",
        "policy.test",
        "policy.suggest",
        "partner.list",
        "dataset.list",
        "dataset.show",
        "cohort.list",
        "cohort.show",
        "serve.list",
        "serve.client.list");
    permit(Set.of(SCIENTIST), "job.propose", "predict.result");
    permit(Set.of(SCIENTIST, OPERATOR), "job.run");
    permit(Set.of(SCIENTIST, DATA_STEWARD), "match.check", "match.dry-run");
    permit(Set.of(DATA_STEWARD), "dataset.add", "dataset.remove");
    permit(APPROVING, "job.approve", "job.deny", "cohort.delete");
    permit(Set.of(SCIENTIST, DATA_STEWARD, PRIVACY_OFFICER, OPERATOR), "job.abort");
    permit(Set.of(PRIVACY_OFFICER, OPERATOR), "halt", "resume");
    permit(Set.of(PRIVACY_OFFICER), "audit.erase", "audit.prune");
    permit(
        Set.of(AUDITOR, PRIVACY_OFFICER),
        "audit.tail",
        "audit.export",
        "audit.reconcile",
        "audit.verified",
        "console");
    permit(
        Set.of(AUDITOR, PRIVACY_OFFICER, OPERATOR),
        "audit.checkpoint",
        "audit.witness",
        "audit.stamp");
    permit(
        Set.of(OPERATOR),
        "partner.invite",
        "partner.accept",
        "partner.confirm",
        "partner.revoke",
        "partner.forget",
        "policy.apply",
        "policy.init",
        "serve.start",
        "serve.stop",
        "serve.client.add",
        "serve.client.remove",
        "audit.forget-witness",
        "audit.recover",
        "doctor",
        "stop");
  }

  private Permissions() {}

  private static void permit(Set<Role> roles, String... commands) {
    List.of(commands)
        .forEach(
            command -> {
              if (BY_COMMAND.put(command, roles) != null) {
                throw new IllegalStateException(command + " is there twice");
              }
            });
  }

  /**
   * For each command of the node.
   *
   * @throws IllegalStateException if a command is missing here, or one is here that there is not
   */
  static Map<String, Set<Role>> of(Set<String> commands) {
    if (!commands.equals(BY_COMMAND.keySet())) {
      Set<String> odd = new TreeSet<>(commands);
      odd.removeAll(BY_COMMAND.keySet());
      BY_COMMAND.keySet().stream().filter(name -> !commands.contains(name)).forEach(odd::add);
      throw new IllegalStateException("commands without roles, or the other way round: " + odd);
    }
    return Map.copyOf(BY_COMMAND);
  }
}
