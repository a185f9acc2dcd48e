package org.espalier.he;

/** No parameters satisfy the inequalities of a workload; the message says which one fails. */
public final class RangeException extends RuntimeException {
  public RangeException(String message) {
    super(message);
  }
}
