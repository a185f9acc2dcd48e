package org.espalier.node.job;

import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.espalier.wire.Party;

/**
 * Score new people with a model that was trained together; the label party learns the scores.
 *
 * @param model the job that trained it
 */
public record PredictSpec(
    String kind,
    String name,
    String purpose,
    String model,
    Party labelParty,
    SortedMap<Party, Source> parties,
    List<List<KeyPart>> match,
    AlignmentSettings alignment)
    implements ScoringSpec {
  public PredictSpec {
    kind = "predict";
    if (model == null || !model.matches(Job.ID)) {
      throw new IllegalArgumentException("model must be the id of a training job");
    }
    if (labelParty == null) {
      throw new IllegalArgumentException("label_party is missing");
    }
    Specs.common(name, purpose, labelParty, parties, match);
    parties = Collections.unmodifiableSortedMap(new TreeMap<>(parties));
    match = match.stream().map(List::copyOf).toList();
    alignment = Specs.alignment(alignment, parties, match);
  }
}
