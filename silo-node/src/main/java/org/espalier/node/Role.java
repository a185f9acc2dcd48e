package org.espalier.node;

import java.util.Collection;
import java.util.Locale;

/**
 * What a person may stand for: a signature is given in the roles that the policy names for it, a
 * user of the machine gives the commands of the roles that {@code silo.yaml} names.
 */
public enum Role {
  /** Runs the node. */
  OPERATOR,
  /** Answers for a data set. */
  DATA_STEWARD,
  /** Answers for the privacy of the people in it. */
  PRIVACY_OFFICER,
  /** Asks for models. */
  SCIENTIST,
  /** Examines the log. */
  AUDITOR;

  /** As policies and logs have it, such as {@code privacy_officer}. */
  public String code() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Codes, separated by commas. */
  public static String codes(Collection<Role> roles) {
    return String.join(", ", roles.stream().map(Role::code).toList());
  }
}
