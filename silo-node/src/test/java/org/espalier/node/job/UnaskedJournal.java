package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.Set;
import java.util.function.Consumer;

/** A log of which nothing is asked but what a test overrides. */
public class UnaskedJournal implements Journal {
  @Override
  public Act intent(String type, ObjectNode facts) {
    throw new AssertionError(type);
  }

  @Override
  public void fact(String type, ObjectNode facts) {
    throw new AssertionError(type);
  }

  @Override
  public long passes(long from, Consumer<Pass> reader) {
    throw new AssertionError("passes");
  }

  @Override
  public long alignments(long from, Consumer<Alignment> reader) {
    throw new AssertionError("alignments");
  }

  @Override
  public long predictions(Instant since) {
    throw new AssertionError("predictions");
  }

  @Override
  public BigDecimal labelEpsilon(Set<String> commitments) {
    throw new AssertionError("label epsilon");
  }

  @Override
  public ObjectNode checkpoint() {
    throw new AssertionError("checkpoint");
  }
}
