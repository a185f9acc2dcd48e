package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.wire.Duplex;
import org.espalier.wire.Party;

/** Partners that are reached, believe everything, and never come to a phase. */
class FakePeers implements Peers {
  /** One request to a partner. */
  record Asked(Party partner, String method, JsonNode body) {}

  final List<Asked> asked = new CopyOnWriteArrayList<>();
  private final Party self;

  /** What partners answer to {@link #refused}; null if they do as they are told. */
  volatile Problem refusal;

  /** The method that partners refuse, where they do: whether they are ready. */
  volatile String refused = "job.ready";

  FakePeers(Party self) {
    this.self = self;
  }

  @Override
  public Party self() {
    return self;
  }

  @Override
  public byte[] sign(byte[] statement) {
    return new byte[64];
  }

  @Override
  public boolean verify(Party signer, byte[] statement, byte[] signature) {
    return true;
  }

  @Override
  public void requirePartner(Party party) {}

  /** Fails at once on an interrupted thread, as real requests do. */
  @Override
  public JsonNode request(Party partner, String method, JsonNode body, Duration timeout) {
    if (Thread.currentThread().isInterrupted()) {
      throw Problem.of(Problem.Kind.PARTNER, "interrupted").at(partner);
    }
    asked.add(new Asked(partner, method, body.deepCopy()));
    Problem no = refusal;
    if (no != null && method.equals(refused)) {
      throw no;
    }
    return Json.object().put("attempt", 0);
  }

  @Override
  public Duplex open(Party partner, String stream, Duration patience) {
    try {
      Thread.sleep(patience.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    throw Problem.of(Problem.Kind.PARTNER, partner + " did not come").at(partner);
  }
}
