package org.espalier.psi;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.espalier.psi.store.KeptParts;

/** What one party keeps of a begun alignment. */
public class MemoryParts implements KeptParts {
  private final Map<String, byte[]> kept = new TreeMap<>();
  private final AtomicReference<String> goesOn = new AtomicReference<>("");
  private final List<String> told = new CopyOnWriteArrayList<>();

  /** Called with the name of a part when it has been kept. */
  public Consumer<String> listener = part -> {};

  private static String name(int rule, String part) {
    return "%02d-%s".formatted(rule, part);
  }

  @Override
  public synchronized Optional<DataInputStream> open(int rule, String part) {
    return Optional.ofNullable(kept.get(name(rule, part)))
        .map(bytes -> new DataInputStream(new ByteArrayInputStream(bytes)));
  }

  @Override
  public void keep(int rule, String part, Content content) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    content.write(out);
    synchronized (this) {
      kept.put(name(rule, part), out.toByteArray());
    }
    listener.accept(name(rule, part));
  }

  @Override
  public synchronized void forget(int rule) {
    kept.keySet().removeIf(name -> name.compareTo(name(rule, "")) >= 0);
  }

  @Override
  public void begins(int rule) {
    told.add("begins " + rule);
  }

  @Override
  public void goesOn(int rule, int attempt, long elements) {
    told.add("goes on " + rule + " of " + attempt);
    goesOn.accumulateAndGet(rule + ":" + elements, (a, b) -> a.isEmpty() ? b : a + " " + b);
  }

  /** Which rules attempts have begun or gone on with, in order. */
  public List<String> told() {
    return List.copyOf(told);
  }

  /** With which elements attempts have gone on. */
  public String goesOn() {
    return goesOn.get();
  }

  /** Everything that is kept, by name. */
  public synchronized Map<String, byte[]> parts() {
    return new TreeMap<>(kept);
  }

  /** Puts other parts in place of what is kept. */
  public synchronized void restore(Map<String, byte[]> parts) {
    kept.clear();
    kept.putAll(parts);
  }
}
