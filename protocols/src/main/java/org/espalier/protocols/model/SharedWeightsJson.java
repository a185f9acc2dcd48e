package org.espalier.protocols.model;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.util.Base64;
import org.espalier.he.Parameters;
import org.espalier.protocols.predict.SharedWeights;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.shares.Pinned;

/** {@link SharedWeights} in a model slice's artefact; numbers of 8 bytes as base64. */
final class SharedWeightsJson {
  private SharedWeightsJson() {}

  static ObjectNode write(SharedWeights shared) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("parameters", base64(shared.parameters().encode()))
        .put("width", shared.width())
        .put("feature_bits", shared.featureBits())
        .put("logit_bits", shared.logitBits())
        .put("intercept", shared.intercept())
        .put("unit", shared.unit())
        .put("mean", shared.mean())
        .put("columns", shared.whitening().columns());
    ByteBuffer whitening = ByteBuffer.allocate(Long.BYTES * shared.whitening().values().length);
    for (double value : shared.whitening().values()) {
      whitening.putDouble(value);
    }
    json.put("whitening", base64(whitening.array()));
    ByteBuffer share = ByteBuffer.allocate(Long.BYTES * shared.share().length);
    for (long value : shared.share()) {
      share.putLong(value);
    }
    json.put("share", base64(share.array()));
    json.put("key_seed", base64(shared.keySeed()));
    json.put("noise_key", base64(shared.noiseKey()));
    json.put("pinned_key", base64(shared.pinned().publicKey()));
    ArrayNode pinned = json.putArray("pinned");
    shared.pinned().ciphertexts().forEach(ciphertext -> pinned.add(base64(ciphertext)));
    return json;
  }

  private static String base64(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }

  private static byte[] bytes(StrictObject json, String name) {
    return bytes(json.path(name), json.text(name));
  }

  private static byte[] bytes(String path, String text) {
    try {
      return Base64.getDecoder().decode(text);
    } catch (IllegalArgumentException e) {
      throw StrictObject.refuse(path, "is not base64");
    }
  }

  static SharedWeights read(StrictObject json) {
    int columns = json.integer("columns", 0);
    byte[] whitening = bytes(json, "whitening");
    if (whitening.length != (long) Double.BYTES * columns * columns) {
      throw StrictObject.refuse(json.path("whitening"), "has another size than its columns say");
    }
    double[] values = new double[columns * columns];
    ByteBuffer.wrap(whitening).asDoubleBuffer().get(values);
    byte[] shares = bytes(json, "share");
    long[] share = new long[shares.length / Long.BYTES];
    ByteBuffer.wrap(shares).asLongBuffer().get(share);
    SharedWeights read =
        new SharedWeights(
            Parameters.decode(bytes(json, "parameters")),
            json.integer("width", 1),
            json.integer("feature_bits", 1),
            json.integer("logit_bits", 1),
            new Matrix(columns, columns, values),
            json.bool("intercept"),
            share,
            bytes(json, "key_seed"),
            new Pinned.Vector(
                bytes(json, "pinned_key"),
                json.list("pinned", StrictObject::text).stream()
                    .map(text -> bytes(json.path("pinned"), text))
                    .toList()),
            json.number("unit"),
            json.number("mean"),
            bytes(json, "noise_key"));
    json.end();
    return read;
  }
}
