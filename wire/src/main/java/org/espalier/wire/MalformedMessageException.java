package org.espalier.wire;

/** A payload does not decode: which field and why. */
public final class MalformedMessageException extends RuntimeException {
  public MalformedMessageException(String what) {
    super(what);
  }
}
