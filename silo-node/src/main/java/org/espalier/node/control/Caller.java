package org.espalier.node.control;

import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.espalier.node.Role;

/**
 * A user of this machine who gives a command at the socket for users, as the kernel says. The owner
 * of the node's folder, who has a socket of its own, is none.
 *
 * @param user login name
 * @param roles at least one
 */
public record Caller(String user, Set<Role> roles) {
  private static final ThreadLocal<Caller> CURRENT = new ThreadLocal<>();

  /**
   * Who asked for what this thread does; empty for the owner, and for what the node does itself.
   */
  public static Optional<Caller> current() {
    return Optional.ofNullable(CURRENT.get());
  }

  /** This thread works for the caller, empty: for nobody else, while the work is done. */
  public static <T> T during(Optional<Caller> caller, Supplier<T> work) {
    caller.ifPresent(CURRENT::set);
    try {
      return work.get();
    } finally {
      CURRENT.remove();
    }
  }
}
