package org.espalier.node.control;

import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import jdk.net.ExtendedSocketOptions;
import org.espalier.node.Problem;
import org.espalier.node.Role;

/**
 * Which users of this machine may give which commands. Who somebody is comes from the kernel
 * ({@code SO_PEERCRED}), never from what is sent.
 *
 * @param roles of each login name
 * @param permitted the roles that may give a command, any of them; a command that is missing is
 *     nobody's
 * @param denied is told of commands that a user may not give
 */
public record Users(
    Map<String, Set<Role>> roles,
    Map<String, Set<Role>> permitted,
    BiConsumer<Caller, String> denied) {
  public Users {
    roles = Map.copyOf(roles);
    permitted = Map.copyOf(permitted);
  }

  /**
   * The user at the other end.
   *
   * @throws Problem if it has no role here
   */
  Caller caller(SocketChannel client) throws IOException {
    String user = client.getOption(ExtendedSocketOptions.SO_PEERCRED).user().getName();
    Set<Role> theirs = roles.get(user);
    if (theirs == null) {
      throw Problem.refused(user + " has no role at this node")
          .next("ask its operator for a line under users.roles in silo.yaml");
    }
    return new Caller(user, theirs);
  }

  /**
   * @param command one that the node knows
   * @throws Problem if the caller may not give it
   */
  void require(Caller caller, String command) {
    Set<Role> needed = permitted.getOrDefault(command, Set.of());
    if (caller.roles().stream().anyMatch(needed::contains)) {
      return;
    }
    denied.accept(caller, command);
    String needs =
        needed.isEmpty()
            ? "only the owner of the node's folder may"
            : "it takes the role " + Role.codes(new TreeSet<>(needed)).replace(", ", " or ");
    throw Problem.refused(
            "%s (%s) may not do %s"
                .formatted(caller.user(), Role.codes(new TreeSet<>(caller.roles())), command))
        .detail(needs);
  }
}
