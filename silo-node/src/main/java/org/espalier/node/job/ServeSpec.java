package org.espalier.node.job;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.LocalDate;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.espalier.node.config.Json;
import org.espalier.wire.Party;

/**
 * Score single people on request, with a model that was trained together. It is proposed and
 * approved as other jobs are, and then runs as long as the parties' operators let it: there are no
 * attempts.
 *
 * @param model the job that trained the model
 * @param modelDigest what exactly was trained, {@link ServedModel#digest}; null until the
 *     proposer's node fills it in
 * @param duplicates {@code reject}: a person whose key several rows have is not scored; {@code
 *     first}: by the first of them
 * @param scoresPerDay answers that each feature party gives in a day of UTC, 1 to 10 million
 * @param until last day (UTC) on which anybody is scored
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ServeSpec(
    String kind,
    String name,
    String purpose,
    String model,
    String modelDigest,
    Party labelParty,
    SortedMap<Party, Source> parties,
    List<List<KeyPart>> match,
    String duplicates,
    Integer scoresPerDay,
    LocalDate until)
    implements ScoringSpec {
  static final int MOST_PER_DAY = 10_000_000;

  public ServeSpec {
    kind = "serve";
    if (model == null || !model.matches(Job.ID)) {
      throw new IllegalArgumentException("model must be the id of a training job");
    }
    if (modelDigest != null && !modelDigest.matches("[0-9a-f]{64}")) {
      throw new IllegalArgumentException("model_digest is 64 digits 0-9 and a-f");
    }
    if (labelParty == null) {
      throw new IllegalArgumentException("label_party is missing");
    }
    Specs.common(name, purpose, labelParty, parties, match);
    parties = Collections.unmodifiableSortedMap(new TreeMap<>(parties));
    match = match.stream().map(List::copyOf).toList();
    duplicates = duplicates == null ? "reject" : duplicates;
    Specs.oneOf("duplicates", duplicates, "reject", "first");
    if (scoresPerDay == null) {
      throw new IllegalArgumentException("scores_per_day is missing");
    }
    Specs.range("scores_per_day", scoresPerDay, 1, MOST_PER_DAY);
    if (until == null) {
      throw new IllegalArgumentException("until is missing: the last day, such as 2027-01-31");
    }
  }

  /** Nobody is aligned; who is meant is looked up by the same keys. */
  @Override
  public AlignmentSettings alignment() {
    return new AlignmentSettings(AlignmentSettings.ECDH, 1, duplicates, null, null, null);
  }

  boolean takesFirst() {
    return duplicates.equals("first");
  }

  /** The same for exactly this model. */
  ServeSpec of(String digest) {
    ObjectNode tree = (ObjectNode) toJson();
    return (ServeSpec) JobSpec.json("the job", tree.put("model_digest", digest));
  }

  /** The last day as the canonical form has it. */
  String lastDay() {
    return Json.tree(until).asText();
  }
}
