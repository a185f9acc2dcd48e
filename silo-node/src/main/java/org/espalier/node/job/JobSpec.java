package org.espalier.node.job;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.regex.Pattern;
import org.espalier.node.Problem;
import org.espalier.node.cohort.Cohort;
import org.espalier.node.config.Json;
import org.espalier.psi.oprf.OprfAlignment;
import org.espalier.wire.Party;

/**
 * What the parties agree on. The canonical form holds every setting, defaults included, so an
 * approval covers what was left unsaid as well.
 */
public sealed interface JobSpec permits TrainSpec, ScoringSpec {
  int MAX_PARTIES = 32;

  /** {@code train}, {@code predict} or {@code serve}. */
  String kind();

  String name();

  /** Why the data may be used, in the words that the parties' policies use. */
  String purpose();

  /** The party that holds the outcome and learns scores. */
  Party labelParty();

  SortedMap<Party, Source> parties();

  /** Rules tried in order; a rule is a composite key. */
  List<List<KeyPart>> match();

  AlignmentSettings alignment();

  /** One party's data set and, unless all its features are meant, the columns. */
  record Source(String dataset, List<String> columns) {
    public Source {
      if (dataset == null || dataset.isBlank()) {
        throw new IllegalArgumentException("every party needs a dataset");
      }
      columns = columns == null ? List.of() : List.copyOf(columns);
    }
  }

  /**
   * One column of a match key.
   *
   * @param normalise what is done to the text before it is compared, in order
   */
  record KeyPart(ColumnName column, List<String> normalise) {
    public KeyPart {
      if (column == null) {
        throw new IllegalArgumentException("a part of a match key needs a column");
      }
      normalise = normalise == null ? List.of() : List.copyOf(normalise);
    }
  }

  /**
   * @param protocol how the intersection is computed: {@link #ECDH}, {@link #OPRF} or {@link
   *     #UNBALANCED}; {@link #AUTO} leaves that to the proposer's node, which decides before it
   *     proposes ({@link AlignChoice}), so that an approved job names one
   * @param minIntersection a smaller intersection ends the job before anybody learns it, with
   *     {@link #OPRF} and {@link #UNBALANCED} anybody but the label party
   * @param duplicates {@code reject}, {@code first} or {@link #ALL}
   * @param cohort the digest of a frozen alignment of the same parties, files and match section,
   *     which then is used in place of a new one; or null
   * @param gate {@link #TWO_SIDED}: not even the label party may learn an intersection that is too
   *     small, which leaves {@link #ECDH} alone; or null
   * @param security {@link #MALICIOUS}: against a party that deviates from the protocol, which only
   *     {@link #OPRF} of two parties gives; null, also for {@code semi-honest}, if parties are
   *     taken to follow it
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record AlignmentSettings(
      String protocol,
      Integer minIntersection,
      String duplicates,
      String gate,
      String cohort,
      String security) {
    public static final String ECDH = "ecdh";
    public static final String OPRF = "oprf";
    public static final String UNBALANCED = "unbalanced";
    public static final String AUTO = "auto";
    public static final String TWO_SIDED = "two-sided";
    public static final String SEMI_HONEST = "semi-honest";
    public static final String MALICIOUS = "malicious";

    /** The label party's table may have several rows of a person, all of which are joined. */
    static final String ALL = "all";

    /** Nothing is run: a frozen cohort is used. */
    public static final String FROZEN = "cohort";

    /** Whether the protocol is still to be chosen. */
    boolean isOpen() {
      return protocol.equals(AUTO);
    }

    AlignmentSettings with(String chosen) {
      return new AlignmentSettings(chosen, minIntersection, duplicates, gate, cohort, security);
    }

    boolean isFrozen() {
      return cohort != null;
    }

    /** Whether a party that deviates must gain nothing by it. */
    boolean isMalicious() {
      return security != null;
    }

    boolean severalRows() {
      return duplicates.equals(ALL);
    }

    boolean usesOprf() {
      return protocol.equals(OPRF);
    }

    boolean usesList() {
      return protocol.equals(UNBALANCED);
    }

    public AlignmentSettings {
      protocol = protocol == null ? cohort == null ? AUTO : FROZEN : protocol;
      minIntersection = minIntersection == null ? 100 : minIntersection;
      duplicates = duplicates == null ? "reject" : duplicates;
      if (cohort == null) {
        Specs.oneOf("alignment.protocol", protocol, AUTO, ECDH, OPRF, UNBALANCED);
      } else if (!cohort.matches(Cohort.DIGEST)) {
        throw new IllegalArgumentException(
            "alignment.cohort is 64 digits 0-9 and a-f, as silo cohort show prints them");
      } else if (!protocol.equals(FROZEN) || gate != null || security != null) {
        throw new IllegalArgumentException(
            "with alignment.cohort nobody is aligned anew: leave alignment.protocol,"
                + " alignment.gate and alignment.security out");
      }
      Specs.oneOf("alignment.duplicates", duplicates, "reject", "first", ALL);
      Specs.range("alignment.min_intersection", minIntersection, 1, Integer.MAX_VALUE);
      if (gate != null) {
        Specs.oneOf("alignment.gate", gate, TWO_SIDED);
        if (protocol.equals(OPRF) || protocol.equals(UNBALANCED)) {
          throw new IllegalArgumentException(
              "alignment.gate: two-sided and alignment.protocol: %s exclude each other: with %s"
                      .formatted(protocol, protocol)
                  + " what reaches the label party's node tells it who is in a small cohort");
        }
        protocol = ECDH;
      }
      if (security != null) {
        Specs.oneOf("alignment.security", security, SEMI_HONEST, MALICIOUS);
        security = security.equals(MALICIOUS) ? security : null;
      }
      if (security != null) {
        if (protocol.equals(ECDH) || protocol.equals(UNBALANCED)) {
          throw new IllegalArgumentException(
              "alignment.security: malicious is given by alignment.protocol: oprf alone, which has"
                  + " no two-sided gate: with %s parties are taken to follow the protocol"
                      .formatted(protocol));
        }
        protocol = OPRF;
      }
    }
  }

  /** Columns that each party names in its own way, or all in the same. */
  record ColumnName(String everywhere, SortedMap<Party, String> each) {
    @com.fasterxml.jackson.annotation.JsonCreator
    static ColumnName of(JsonNode node) {
      if (node.isTextual()) {
        return new ColumnName(node.asText(), java.util.Collections.emptySortedMap());
      }
      if (!node.isObject() || node.isEmpty()) {
        throw new IllegalArgumentException("column is a name or a map of party to name");
      }
      SortedMap<Party, String> each = new java.util.TreeMap<>();
      node.properties().forEach(e -> each.put(new Party(e.getKey()), e.getValue().asText()));
      return new ColumnName(null, each);
    }

    @com.fasterxml.jackson.annotation.JsonValue
    Object json() {
      return everywhere != null ? everywhere : each;
    }

    /**
     * @throws IllegalArgumentException if the map does not name this party
     */
    public String at(Party party) {
      String name = everywhere != null ? everywhere : each.get(party);
      if (name == null) {
        throw new IllegalArgumentException("match names no column for " + party);
      }
      return name;
    }
  }

  /** Reads a job file: YAML, {@code kind: train} unless it says otherwise. */
  static JobSpec yaml(Path file) {
    return yaml(file.getFileName().toString(), Json.text(file));
  }

  static JobSpec yaml(String name, String text) {
    return typed(name, Json.yaml(name, text, JsonNode.class), text);
  }

  /** Reads the canonical form. */
  static JobSpec json(String name, JsonNode tree) {
    return typed(name, tree, null);
  }

  private static JobSpec typed(String name, JsonNode tree, String yaml) {
    if (!(tree instanceof ObjectNode)) {
      throw Problem.refused(name + " is not a job: a map of settings is expected");
    }
    String kind = tree.path("kind").asText("train");
    Class<? extends JobSpec> type =
        switch (kind) {
          case "train" -> TrainSpec.class;
          case "predict" -> PredictSpec.class;
          case "serve" -> ServeSpec.class;
          default ->
              throw Problem.refused(name + ": kind is train, predict or serve, not '" + kind + "'");
        };
    // From the text where there is one, because then errors name the line.
    return yaml != null ? Json.yaml(name, yaml, type) : Json.convert(name, tree, type);
  }

  /** The same job with a protocol that is chosen. */
  default JobSpec aligned(String protocol) {
    ObjectNode tree = (ObjectNode) toJson();
    tree.set("alignment", Json.tree(alignment().with(protocol)));
    return json("the job", tree);
  }

  /** The form that is sent, stored and hashed. */
  default JsonNode toJson() {
    return Json.tree(this);
  }

  /** What decides who matches whom: rules with the parties' columns, and duplicates. 32 bytes. */
  default byte[] matchDigest() {
    ObjectNode section = Json.object().put("duplicates", alignment().duplicates());
    section.set("match", Json.tree(match()));
    return Json.digest(section);
  }

  /** SHA-256 of the canonical form: what every party approves. */
  default byte[] digest() {
    return Json.digest(toJson());
  }

  /** Checks shared by the kinds of job. */
  final class Specs {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,62}");

    private Specs() {}

    static void common(
        String name,
        String purpose,
        Party labelParty,
        Map<Party, Source> parties,
        List<List<KeyPart>> match) {
      name("name", name);
      name("purpose", purpose);
      if (parties == null || parties.size() < 2 || parties.size() > MAX_PARTIES) {
        throw new IllegalArgumentException("parties must name 2 to " + MAX_PARTIES + " parties");
      }
      parties.forEach(
          (party, source) -> {
            if (source == null) {
              throw new IllegalArgumentException("party " + party + " needs a dataset");
            }
          });
      if (!parties.containsKey(labelParty)) {
        throw new IllegalArgumentException(
            "label party " + labelParty + " is not among the parties");
      }
      if (match == null || match.isEmpty() || match.size() > 8) {
        throw new IllegalArgumentException("match needs 1 to 8 rules");
      }
      for (List<KeyPart> rule : match) {
        if (rule == null || rule.isEmpty() || rule.size() > 16) {
          throw new IllegalArgumentException("a match rule needs 1 to 16 columns");
        }
        rule.forEach(part -> parties.keySet().forEach(part.column()::at));
      }
    }

    /** The default where nothing is set; refuses what these parties cannot run. */
    static AlignmentSettings alignment(
        AlignmentSettings asked, Map<Party, Source> parties, List<List<KeyPart>> match) {
      AlignmentSettings settings =
          asked == null ? new AlignmentSettings(null, null, null, null, null, null) : asked;
      if (settings.isMalicious() && parties.size() != 2) {
        throw new IllegalArgumentException(
            "alignment.security: malicious aligns 2 parties, the job names " + parties.size());
      }
      if (settings.usesList() && (parties.size() != 2 || match.size() != 1)) {
        throw new IllegalArgumentException(
            ("alignment.protocol: unbalanced aligns 2 parties by 1 rule of the match section, the job"
                    + " names %d and %d")
                .formatted(parties.size(), match.size()));
      }
      int most = OprfAlignment.MAX_PARTIES;
      if (settings.usesOprf() && parties.size() > most) {
        throw new IllegalArgumentException(
            "alignment.protocol: oprf aligns 2 to %d parties, the job names %d"
                .formatted(most, parties.size()));
      }
      return settings;
    }

    static void name(String key, String value) {
      if (value == null || !NAME.matcher(value).matches()) {
        throw new IllegalArgumentException(
            key + " is 1 to 63 letters, digits, dots, dashes and underscores");
      }
    }

    static void oneOf(String key, String value, String... allowed) {
      if (!List.of(allowed).contains(value)) {
        throw new IllegalArgumentException(
            key + " is " + String.join(" or ", allowed) + ", not '" + value + "'");
      }
    }

    static void range(String key, int value, int min, int max) {
      if (value < min || value > max) {
        throw new IllegalArgumentException(
            "%s is %d to %d, not %d".formatted(key, min, max, value));
      }
    }
  }
}
