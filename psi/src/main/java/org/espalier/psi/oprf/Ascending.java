package org.espalier.psi.oprf;

import org.espalier.wire.MalformedMessageException;

/** Refuses values that are not different and in order, or not as many as announced. */
final class Ascending implements Messages.Values.Visitor {
  private final int count;
  private final Messages.Values.Visitor visitor;
  private int seen;
  private long lastHigh;
  private long lastRest;

  /**
   * @param visitor takes what is in order
   */
  Ascending(int count, Messages.Values.Visitor visitor) {
    this.count = count;
    this.visitor = visitor;
  }

  @Override
  public void value(long high, long rest) {
    if (seen > 0 && Outputs.compare(lastHigh, lastRest, high, rest) >= 0) {
      throw new MalformedMessageException("value " + seen + " is not above the one before it");
    }
    if (seen++ == count) {
      throw new MalformedMessageException("more than " + count + " values");
    }
    lastHigh = high;
    lastRest = rest;
    visitor.value(high, rest);
  }

  void end() {
    if (seen != count) {
      throw new MalformedMessageException(seen + " values where " + count + " were announced");
    }
  }
}
