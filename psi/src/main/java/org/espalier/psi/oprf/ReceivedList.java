package org.espalier.psi.oprf;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;

/**
 * What a client keeps of a list that it has received; the values are read from the store when they
 * are compared.
 *
 * @param digest of the messages' contents, one after the other
 * @param received when
 */
public record ReceivedList(byte[] id, byte[] digest, Instant received, int count) {
  private static final int VERSION = 1;

  /** Empty if there is none, or none that was written so. */
  public static Optional<ReceivedList> kept(ListStore store) {
    try {
      Optional<DataInputStream> opened = store.open(ListStore.Kind.RECEIVED);
      if (opened.isEmpty()) {
        return Optional.empty();
      }
      try (DataInputStream in = opened.get()) {
        return Optional.ofNullable(read(in));
      }
    } catch (IOException e) {
      // Damaged: it is asked for anew, as if there were none.
      return Optional.empty();
    }
  }

  /** Null if it is of another version. */
  private static ReceivedList read(DataInputStream in) throws IOException {
    return in.readInt() != VERSION
        ? null
        : new ReceivedList(
            in.readNBytes(32),
            in.readNBytes(32),
            Instant.ofEpochSecond(in.readLong()),
            in.readInt());
  }

  /** How its values are coded. */
  Outputs.Code code() {
    return UnbalancedAlignment.code(count);
  }

  /** Writes all but the values, each message of which follows by {@link #message}. */
  void begin(OutputStream to) throws IOException {
    DataOutputStream out = new DataOutputStream(to);
    out.writeInt(VERSION);
    out.write(id);
    out.write(digest);
    out.writeLong(received.getEpochSecond());
    out.writeInt(count);
    out.flush();
  }

  static void message(OutputStream to, byte[] payload) throws IOException {
    DataOutputStream out = new DataOutputStream(to);
    out.writeInt(payload.length);
    out.write(payload);
    out.flush();
  }

  /**
   * Looks own values up.
   *
   * @throws IOException if the list is not there any more, or not what was written
   */
  CodedValues find(ListStore store, Outputs own) throws IOException {
    try (DataInputStream in =
        store
            .open(ListStore.Kind.RECEIVED)
            .orElseThrow(() -> new IOException("the list is gone"))) {
      ReceivedList now = read(in);
      if (now == null || !Arrays.equals(now.id, id) || now.count != count) {
        throw new IOException("the list was replaced");
      }
      Outputs.Code code = code();
      CodedValues values = new CodedValues(own, code);
      for (int first = 0; first < code.buckets(); first += Outputs.CHUNK) {
        byte[] payload = new byte[in.readInt()];
        in.readFully(payload);
        values.next(payload);
      }
      if (in.read() >= 0 || values.passed() != count) {
        throw new IOException("it does not end where it should");
      }
      return values;
    }
  }
}
