package org.espalier.node.policy;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.espalier.node.Role;

/**
 * Somebody who may propose or approve jobs here. The name is a pseudonym: partners and logs see it.
 *
 * @param roles in which the person signs
 * @param key the public key, {@code ed25519:} and Base64 of its 32 bytes
 */
public record Person(Set<Role> roles, String key) {
  public Person {
    if (roles == null || roles.isEmpty()) {
      throw new IllegalArgumentException("a person needs roles");
    }
    roles = java.util.Collections.unmodifiableSortedSet(new TreeSet<>(roles));
    PersonKey.requirePublic(key);
  }

  /** Roles in the order of the enumeration. */
  public List<Role> listed() {
    return List.copyOf(roles);
  }
}
