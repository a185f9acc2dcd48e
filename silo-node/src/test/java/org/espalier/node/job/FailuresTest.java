package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.espalier.node.Problem;
import org.espalier.node.store.Store;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.protocols.prepare.DataException;
import org.espalier.psi.AlignmentException;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FailuresTest {
  private static final Party SELF = new Party("bank.example");
  private static final Party PEER = new Party("insurer.example");

  private static Problem explain(Throwable e) {
    return Failures.explain(e, SELF, "train");
  }

  @TempDir Path folder;

  @Test
  void whatPartnersReadNamesNoColumnRowOrValue() {
    Problem data = explain(new DataException("column 'salary', row 17: an infinite value"));
    assertThat(data.toPublicJson().toString()).doesNotContain("salary").doesNotContain("17");
    assertThat(data.detail().orElseThrow()).contains("salary");

    Problem keys = explain(new AlignmentException.DuplicateKeys(1, 3, 41, 977));
    assertThat(keys.toPublicJson().toString()).contains("not unique").doesNotContain("978");
    assertThat(keys.detail().orElseThrow()).contains("978");

    Problem size = explain(new AlignmentException.BelowMinimum(100, 73));
    assertThat(size.toPublicJson().toString()).doesNotContain("73");
    assertThat(size.what()).contains("nobody has learnt who is in it");
    assertThat(explain(AlignmentException.BelowMinimum.seenByFirst(100, 73)).what())
        .contains("only the label party's node has seen who is in it");

    Problem range = null;
    try {
      Ring.LOGITS.encode(1e9, 2, "logit");
    } catch (RuntimeException e) {
      range = explain(e);
    }
    assertThat(range).isNotNull();
    assertThat(range.toPublicJson().toString()).doesNotContain("1.0E9");
    assertThat(range.kind()).isEqualTo(Problem.Kind.JOB_FAILED);

    try (Store store = Store.open(folder.resolve("silo.db"))) {
      assertThatThrownBy(() -> store.update("INSERT INTO people4711 VALUES (1)"))
          .satisfies(
              e -> {
                Problem database = explain(e);
                assertThat(database.toPublicJson().toString())
                    .contains("its database could not be used")
                    .doesNotContain("4711");
                assertThat(database.detail().orElseThrow()).contains("no such table");
              });
    }

    Problem unknown = explain(new NumberFormatException("For input string: \"4711\""));
    assertThat(unknown.toPublicJson().toString()).doesNotContain("4711");
    assertThat(explain(new IllegalStateException("key 4711")).toJson().toString())
        .doesNotContain("4711");
  }

  @Test
  void theCauseNamesThePartyThatCanAct() {
    assertThat(explain(new WireException.ProtocolViolation(PEER, "a residue above q")).party())
        .contains(PEER);
    assertThat(explain(new DataException("x")).party()).contains(SELF);
    assertThat(explain(Problem.refused("no").at(PEER)).party()).contains(PEER);
    assertThat(explain(new OutOfMemoryError()).next().orElseThrow()).contains("memory: 4GiB");
  }
}
