package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.espalier.node.config.Json;
import org.espalier.wire.Party;
import org.espalier.wire.Printable;
import org.espalier.wire.Progress;

/** How far one attempt is, for {@code status} and {@code wait}; written by the run's thread. */
final class RunProgress implements Progress {
  private static final int MAX_TEXT = 200;
  private static final int MAX_CURVE = 400;

  /** Below this share of a step no time left is announced. */
  private static final double MIN_SHARE = 0.02;

  /** What an attempt is in before its first phase. */
  static final String BEFORE = "check";

  private final long started = System.nanoTime();
  private final Map<String, Double> finished = new LinkedHashMap<>();
  private final Map<Party, News> partners = new TreeMap<>();
  private final Map<String, JsonNode> facts = new LinkedHashMap<>();
  private final List<double[]> curve = new ArrayList<>();
  private String phase = BEFORE;
  private String step = "";
  private long phaseStarted = started;
  private long stepStarted = started;
  private long done;
  private long total = -1;

  private record News(String state, String phase, long at) {}

  synchronized void phase(String next) {
    long now = System.nanoTime();
    finished.put(phase, seconds(phaseStarted, now));
    phase = next;
    step = "";
    done = 0;
    total = -1;
    phaseStarted = now;
    stepStarted = now;
  }

  @Override
  public synchronized void update(String currentStep, long unitsDone, long unitsTotal) {
    if (!currentStep.equals(step)) {
      stepStarted = System.nanoTime();
    }
    step = currentStep;
    done = unitsDone;
    total = unitsTotal;
  }

  /** Notes the objective after a pass, for the curve that people watch. */
  synchronized void objective(double value) {
    fact("objective", value);
    if (curve.size() >= MAX_CURVE) {
      List<double[]> thinner = new ArrayList<>();
      for (int i = 0; i < curve.size(); i += 2) {
        thinner.add(curve.get(i));
      }
      curve.clear();
      curve.addAll(thinner);
    }
    curve.add(new double[] {done, value});
  }

  /** Passes and the objective after each, as far as it was opened. */
  synchronized List<double[]> curve() {
    return List.copyOf(curve);
  }

  /** Something worth showing beside the bar, such as the objective of the last pass. */
  synchronized void fact(String key, Object value) {
    facts.put(key, Json.tree(value));
  }

  synchronized String phase() {
    return phase;
  }

  synchronized void news(Party partner, String state, String itsPhase) {
    partners.put(partner, new News(bounded(state), bounded(itsPhase), System.nanoTime()));
  }

  private static String bounded(String s) {
    return Printable.of(s.length() > MAX_TEXT ? s.substring(0, MAX_TEXT) : s);
  }

  /** Seconds of each finished phase, in order; the current one up to now. */
  synchronized Map<String, Double> seconds() {
    Map<String, Double> all = new LinkedHashMap<>(finished);
    all.put(phase, seconds(phaseStarted, System.nanoTime()));
    return all;
  }

  synchronized ObjectNode toJson() {
    long now = System.nanoTime();
    ObjectNode json = Json.object();
    json.put("phase", phase).put("step", step).put("done", done).put("total", total);
    json.put("elapsed_seconds", round(seconds(started, now)));
    double share = total > 0 ? (double) done / total : 0;
    if (share >= MIN_SHARE) {
      json.put("eta_seconds", round(seconds(stepStarted, now) * (1 - share) / share));
    }
    facts.forEach(json::set);
    ObjectNode others = json.putObject("partners");
    partners.forEach(
        (party, news) ->
            others
                .putObject(party.name())
                .put("state", news.state())
                .put("phase", news.phase())
                .put("news_age_seconds", round(seconds(news.at(), now))));
    return json;
  }

  private static double seconds(long from, long to) {
    return Duration.ofNanos(to - from).toMillis() / 1000.0;
  }

  private static double round(double seconds) {
    return Math.round(seconds * 10) / 10.0;
  }
}
