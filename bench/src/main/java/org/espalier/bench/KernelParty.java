package org.espalier.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.espalier.he.BackwardAccumulator;
import org.espalier.he.EncryptedBlock;
import org.espalier.he.HeContext;
import org.espalier.he.KeyPair;
import org.espalier.he.MaskedReply;
import org.espalier.he.ParameterChooser;
import org.espalier.he.Parameters;
import org.espalier.he.PublicKey;
import org.espalier.he.SeedRegistry;
import org.espalier.he.TileStore;
import org.espalier.he.Workload;
import org.espalier.protocols.fixedpoint.Quantisation;

/**
 * Espalier's part of {@link PeersKernel}, a process pinned to one core: both sides of the product
 * Xᵀ·[[r]] with every byte that a job would send, but no connection. It speaks as the peers'
 * scripts do. With one core all native work is done by the calling thread, so that its processor
 * time is that of the work.
 */
final class KernelParty {
  private static final int PRODUCTS_A_TURN = 9;

  private KernelParty() {}

  /** {@code CONFIGURATION-FILE}. */
  public static void main(String[] args) throws IOException {
    JsonNode config = new ObjectMapper().readTree(new File(args[0]));
    KernelData data =
        KernelData.read(Path.of(config.get("data").asText()), config.get("columns").asInt());
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    ParameterChooser.Choice choice = choose(data);
    try (HeContext context = HeContext.of(choice.parameters())) {
      Stopwatch prepare = new Stopwatch();
      try (TileStore tiles =
          TileStore.of(context, data.x(), data.rows(), data.columns(), choice.width())) {
        prepare.lap("prepare");
        ObjectNode ready = prepare.toJson();
        ready
            .put("parameters", choice.parameters().toString())
            .put("security_bits", choice.parameters().securityBits());
        say("ready", ready);
        while ("go".equals(in.readLine())) {
          say("turn", turn(context, tiles, choice, data));
        }
      }
    }
  }

  private static ParameterChooser.Choice choose(KernelData data) {
    long columnL1 = Quantisation.maxColumnL1(data.x(), data.columns());
    return ParameterChooser.choose(
        new Workload(
            data.rows(),
            new int[] {data.columns()},
            Quantisation.forRows(data.rows()).gradientBound(columnL1),
            columnL1));
  }

  private static void say(String what, ObjectNode figures) {
    System.out.println(PeersKernel.MARK + what + " " + figures);
  }

  /** Wall and processor seconds of the calling thread, from lap to lap. */
  private static final class Stopwatch {
    private final Map<String, double[]> laps = new LinkedHashMap<>();
    private long wall;
    private long used;

    Stopwatch() {
      start();
    }

    private void start() {
      wall = System.nanoTime();
      used = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    void lap(String name) {
      long wallNow = System.nanoTime();
      long usedNow = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
      laps.put(name, new double[] {(wallNow - wall) / 1e9, (usedNow - used) / 1e9});
      start();
    }

    ObjectNode toJson() {
      return new ObjectMapper().valueToTree(laps);
    }
  }

  /** Several products; the one of median processor time is reported. */
  private static ObjectNode turn(
      HeContext context, TileStore tiles, ParameterChooser.Choice choice, KernelData data) {
    List<ObjectNode> products = new ArrayList<>();
    for (int p = 0; p < PRODUCTS_A_TURN; p++) {
      products.add(product(context, tiles, choice, data));
    }
    products.sort(
        (a, b) ->
            Double.compare(PeersKernel.Phases.of(a).total(1), PeersKernel.Phases.of(b).total(1)));
    ObjectNode middle = products.get(PRODUCTS_A_TURN / 2);
    middle.put("peak_bytes", ProcessUse.peakBytes());
    return middle;
  }

  private static ObjectNode product(
      HeContext context, TileStore tiles, ParameterChooser.Choice choice, KernelData data) {
    int blocks = choice.blocks(data.rows());
    byte[][] wire = new byte[blocks][];
    byte[] maskKey = new byte[32];
    new SecureRandom().nextBytes(maskKey);
    Stopwatch watch = new Stopwatch();
    try (KeyPair key = context.generateKey()) {
      byte[] publicKey = key.publicKey();
      long request = publicKey.length;
      for (int b = 0; b < blocks; b++) {
        int from = b * choice.rowsPerBlock();
        int count = Math.min(choice.rowsPerBlock(), data.rows() - from);
        wire[b] = key.encryptBlock(data.r(), from, count, choice.width());
        request += wire[b].length;
      }
      watch.lap("encrypt");
      SeedRegistry seeds = new SeedRegistry();
      MaskedReply reply;
      try (PublicKey theirs = context.readPublicKey(publicKey, seeds);
          BackwardAccumulator sum = tiles.backward()) {
        EncryptedBlock[] read = new EncryptedBlock[blocks];
        for (int b = 0; b < blocks; b++) {
          read[b] = context.readBlock(wire[b], seeds);
        }
        watch.lap("read");
        for (int b = 0; b < blocks; b++) {
          sum.add(b, read[b]);
        }
        reply = sum.finish(theirs, maskKey, choice.replyLimbs());
        watch.lap("multiply");
      }
      watch.start();
      long[] opened = key.open(reply.wire(), data.columns(), choice.width(), choice.replyLimbs());
      watch.lap("decrypt");
      Parameters p = choice.parameters();
      long[] sums = new long[data.columns()];
      for (int j = 0; j < sums.length; j++) {
        sums[j] = p.centre(p.addPlain(opened[j], reply.shares()[j]));
      }
      ObjectNode json = watch.toJson();
      json.put("request_bytes", request).put("reply_bytes", reply.wire().length);
      json.set("sums", new ObjectMapper().valueToTree(sums));
      return json;
    }
  }
}
