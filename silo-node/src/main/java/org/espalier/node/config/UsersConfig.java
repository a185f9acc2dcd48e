package org.espalier.node.config;

import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.espalier.node.Role;

/**
 * The section {@code users} of {@code silo.yaml}: users of this machine who may give the node
 * commands, beside the owner of its folder.
 *
 * @param socket where they reach it: an absolute path in a folder that they may enter
 * @param roles of each, by login name
 */
public record UsersConfig(Path socket, Map<String, Set<Role>> roles) {
  private static final int MAX_USERS = 1000;

  public UsersConfig {
    if (socket == null || !socket.isAbsolute()) {
      throw new IllegalArgumentException(
          "users.socket must be an absolute path, such as /run/silo/bank.sock");
    }
    socket = socket.normalize();
    if (!SiloHome.fitsSocket(socket)) {
      throw new IllegalArgumentException("users.socket is too long a path for a socket");
    }
    if (roles == null || roles.isEmpty() || roles.size() > MAX_USERS) {
      throw new IllegalArgumentException("users.roles must name 1 to " + MAX_USERS + " users");
    }
    Map<String, Set<Role>> copy = new TreeMap<>();
    roles.forEach(
        (user, theirs) -> {
          if (theirs == null || theirs.isEmpty()) {
            throw new IllegalArgumentException("users.roles gives " + user + " no role");
          }
          copy.put(user, Set.copyOf(theirs));
        });
    roles = Collections.unmodifiableMap(copy);
  }
}
