package org.espalier.psi;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import org.espalier.psi.oprf.ListStore;

/** What one party keeps for one partner. */
public final class MemoryListStore implements ListStore {
  public final Map<Kind, byte[]> kept = new EnumMap<>(Kind.class);

  /** Kinds that cannot be written. */
  public Kind full;

  @Override
  public Optional<DataInputStream> open(Kind kind) {
    return Optional.ofNullable(kept.get(kind))
        .map(bytes -> new DataInputStream(new ByteArrayInputStream(bytes)));
  }

  @Override
  public void keep(Kind kind, Content content) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    content.write(out);
    if (kind == full) {
      throw new IOException("no space left");
    }
    kept.put(kind, out.toByteArray());
  }
}
