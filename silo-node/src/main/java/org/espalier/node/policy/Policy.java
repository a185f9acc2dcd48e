package org.espalier.node.policy;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.espalier.node.Role;
import org.espalier.wire.Party;

/**
 * The file {@code policy.yaml} of a node: what its own institution allows, whatever a job asks for.
 * Everything that is not allowed is denied, and what forbids wins over what allows. In names of
 * purposes, data sets, columns and partners {@code *} stands for any text.
 *
 * @param alignment for every partner
 * @param partners who may work with this node, and what is different for single partners; what an
 *     entry leaves out is as in the entry {@code "*"}
 * @param purposes for what data may be used
 * @param datasets which data may be used for what
 * @param training which models may be trained, and how
 * @param outputs what jobs may give away
 * @param approval whose signatures a job needs here
 * @param operations when jobs may begin
 * @param people who may sign here, by pseudonym
 */
public record Policy(
    Alignments alignment,
    SortedMap<String, ForPartner> partners,
    SortedMap<String, Purpose> purposes,
    SortedMap<String, DatasetRules> datasets,
    Training training,
    Outputs outputs,
    Approval approval,
    Operations operations,
    SortedMap<String, Person> people) {
  /** What holds without a file: no job at all. */
  public static final Policy NONE =
      new Policy(null, null, null, null, null, null, null, null, null);

  /** Rules of dry runs with a partner that may have them, where nothing else is set. */
  public static final int DRY_RUNS = 5;

  private static final int MOST = 1_000_000;
  private static final int MOST_SCORES = 10_000_000;

  /**
   * What one partner may have.
   *
   * @param roles what it may be in a job, {@code label} or {@code feature}; none: no jobs with it
   * @param agreement the contract, as the log names it; or null
   * @param until last day (UTC) of jobs with it; null: no end
   * @param alignment a limit that is not set is that for every partner
   * @param matchDryRun may learn in a dry run about how many people are in both tables; null: no
   * @param matchDryRunsPer90d of how many rules altogether in 90 days, whoever asks; null: {@link
   *     #DRY_RUNS}
   * @param shareKeyShapes may in a dry run learn how values of the match key look here; null: no
   * @param phoneticKeys people may be matched by how their names sound, so that others are taken
   *     for them; null: no
   * @param onlineScoring may ask for scores of single people; null: no
   */
  public record ForPartner(
      Set<JobRole> roles,
      String agreement,
      LocalDate until,
      Alignments alignment,
      Boolean matchDryRun,
      @JsonProperty("match_dry_runs_per_90d") Integer matchDryRunsPer90d,
      Boolean shareKeyShapes,
      Boolean phoneticKeys,
      OnlineScoring onlineScoring) {
    private static final ForPartner NOTHING =
        new ForPartner(null, null, null, null, null, null, null, null, null);

    public ForPartner {
      roles = roles == null ? null : Collections.unmodifiableSortedSet(new TreeSet<>(roles));
      alignment = alignment == null ? Alignments.any() : alignment;
      require("match_dry_runs_per_90d", matchDryRunsPer90d);
    }

    private ForPartner orElse(ForPartner all) {
      return new ForPartner(
          roles == null ? all.roles : roles,
          agreement == null ? all.agreement : agreement,
          until == null ? all.until : until,
          new Alignments(
              or(alignment.newAlignmentsPer90d, all.alignment.newAlignmentsPer90d),
              or(alignment.minSetDifference, all.alignment.minSetDifference),
              or(alignment.minIntersection, all.alignment.minIntersection),
              or(alignment.minFraction, all.alignment.minFraction),
              or(alignment.protocols, all.alignment.protocols),
              or(alignment.security, all.alignment.security)),
          or(matchDryRun, all.matchDryRun),
          or(matchDryRunsPer90d, all.matchDryRunsPer90d),
          or(shareKeyShapes, all.shareKeyShapes),
          or(phoneticKeys, all.phoneticKeys),
          or(onlineScoring, all.onlineScoring));
    }
  }

  private static <T> T or(T own, T otherwise) {
    return own == null ? otherwise : own;
  }

  /** What a partner is in a job. */
  public enum JobRole {
    /** Holds the outcome, learns scores. */
    LABEL,
    FEATURE
  }

  /**
   * @param legalBasis such as {@code gdpr-6-1-f}, as the log names it; or null
   * @param dpia reference of the impact assessment; or null
   * @param until last day (UTC); null: no end
   */
  public record Purpose(String legalBasis, String dpia, LocalDate until) {}

  /**
   * @param purposes for which the data set may be used
   * @param columns which of its columns jobs may compute with
   * @param keys id columns that people may be matched by
   */
  public record DatasetRules(List<String> purposes, Columns columns, List<String> keys) {
    public DatasetRules {
      purposes = listed(purposes);
      columns = columns == null ? new Columns(null, null) : columns;
      keys = listed(keys);
    }
  }

  /**
   * @param allow features, outcomes, weights and exposures
   * @param never wins over {@code allow}
   */
  public record Columns(List<String> allow, List<String> never) {
    public Columns {
      allow = listed(allow);
      never = listed(never);
    }
  }

  private static List<String> listed(List<String> given) {
    return given == null ? List.of() : List.copyOf(given);
  }

  /**
   * @param models kinds of model, such as {@code logistic}
   * @param levels disclosure levels, such as {@code sealed}
   * @param maxPasses most passes over the same people, those of earlier jobs and attempts counted
   *     where the level counts them; null: what the job may ask for
   * @param minFeaturesPerParty least that a job may set; null: what the job may ask for
   * @param acceptSpan jobs may accept that all that partners' columns span is disclosed; null: no
   * @param labelEpsilon most ε of label privacy that all jobs on one data set with outcomes may
   *     spend together; then none without label privacy is allowed. Null: not limited
   * @param crossValidation jobs may fit folds of the people, which tells of fewer people than a fit
   *     of everybody; null: no
   * @param warmStart jobs may begin at an earlier model, which tells the label party this party's
   *     part of its scores; null: no
   */
  public record Training(
      List<String> models,
      List<String> levels,
      Integer maxPasses,
      Integer minFeaturesPerParty,
      Boolean acceptSpan,
      BigDecimal labelEpsilon,
      Boolean crossValidation,
      Boolean warmStart) {
    public Training {
      models = listed(models);
      levels = listed(levels);
      require("max_passes", maxPasses);
      require("min_features_per_party", minFeaturesPerParty);
      if (labelEpsilon != null && labelEpsilon.signum() <= 0) {
        throw new IllegalArgumentException("label_epsilon is above 0, not " + labelEpsilon);
      }
    }
  }

  /**
   * @param scores jobs may write down the scores of people held out; null: no
   * @param inference jobs may tell standard errors; null: no
   * @param predictions people may be scored with a model; null: no
   */
  public record Outputs(Boolean scores, Boolean inference, Predictions predictions) {}

  /**
   * @param maxRowsPerDay most people scored in a day of UTC, by all jobs; null: any number
   */
  public record Predictions(Integer maxRowsPerDay) {
    public Predictions {
      require("max_rows_per_day", maxRowsPerDay, Integer.MAX_VALUE);
    }
  }

  /**
   * @param needs roles that must sign, by a different person each; none: who runs the node approves
   * @param notTheProposer whoever proposed a job may not approve it; null: so it is
   * @param validFor how long an approval counts; null: without end
   * @param auto jobs that the node approves by itself if the policy allows them
   */
  public record Approval(
      List<Role> needs, Boolean notTheProposer, String validFor, List<Auto> auto) {
    private static final int MOST_NEEDS = 8;

    public Approval {
      needs = needs == null ? List.of() : List.copyOf(needs);
      if (needs.size() > MOST_NEEDS) {
        throw new IllegalArgumentException("approval.needs has at most " + MOST_NEEDS + " roles");
      }
      notTheProposer = notTheProposer == null || notTheProposer;
      auto = auto == null ? List.of() : List.copyOf(auto);
      if (validFor != null && !validFor.matches("[1-9][0-9]{0,3}[dh]")) {
        throw new IllegalArgumentException("approval.valid_for is such as 14d or 12h");
      }
    }

    /** How long an approval counts; empty: without end. */
    public Optional<Duration> validity() {
      if (validFor == null) {
        return Optional.empty();
      }
      long number = Long.parseLong(validFor.substring(0, validFor.length() - 1));
      return Optional.of(
          validFor.endsWith("d") ? Duration.ofDays(number) : Duration.ofHours(number));
    }
  }

  /** All that is given must fit; at least one is given. */
  public record Auto(String purpose, String dataset, String partner) {
    public Auto {
      if (purpose == null && dataset == null && partner == null) {
        throw new IllegalArgumentException("approval.auto needs a purpose, dataset or partner");
      }
    }

    boolean fits(String jobPurpose, String ownDataset, Party proposer) {
      return (purpose == null || Glob.matches(purpose, jobPurpose))
          && (dataset == null || Glob.matches(dataset, ownDataset))
          && (partner == null || Glob.matches(partner, proposer.name()));
    }
  }

  /**
   * @param window when jobs may begin, such as {@code 06:00-22:00}, UTC; over midnight if the
   *     second is before the first; null: at any time
   */
  public record Operations(String window) {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("HH:mm");

    public Operations {
      if (window != null) {
        try {
          LocalTime unused = time(window, 0);
          unused = time(window, 1);
        } catch (DateTimeParseException | ArrayIndexOutOfBoundsException e) {
          throw new IllegalArgumentException(
              "operations.window is such as \"06:00-22:00\" (UTC)", e);
        }
      }
    }

    private static LocalTime time(String window, int which) {
      return LocalTime.parse(window.split("-", 2)[which], TIME);
    }

    /** Whether jobs may begin at a time of day (UTC). */
    public boolean includes(LocalTime time) {
      if (window == null) {
        return true;
      }
      LocalTime from = time(window, 0);
      LocalTime to = time(window, 1);
      boolean afterFrom = !time.isBefore(from);
      boolean beforeTo = time.isBefore(to);
      return from.isBefore(to) ? afterFrom && beforeTo : afterFrom || beforeTo;
    }
  }

  /**
   * How a partner may ask for this node's part of the scores of single people.
   *
   * @param scoresPerDay most that a job may agree on
   * @param until last day (UTC)
   * @param tellUnknown whether it may learn that a person is not in the data set, apart from other
   *     reasons why it gives no score; null: yes
   */
  public record OnlineScoring(Integer scoresPerDay, LocalDate until, Boolean tellUnknown) {
    public OnlineScoring {
      if (scoresPerDay == null || until == null) {
        throw new IllegalArgumentException("online_scoring needs scores_per_day and until");
      }
      require("scores_per_day", scoresPerDay, MOST_SCORES);
      tellUnknown = tellUnknown == null || tellUnknown;
    }
  }

  /**
   * @param newAlignmentsPer90d alignments of a data set with a partner in 90 days; frozen cohorts
   *     that are used again are none. Null: any number
   * @param minSetDifference how many keys the own set of a new alignment must differ by from that
   *     of each earlier one with the same parties, unless it is the same set; null or 0: not
   *     compared
   * @param minIntersection least {@code alignment.min_intersection} that a job may set; null: any
   * @param minFraction least {@code alignment.min_intersection} as a share of the own rows, 0 to 1;
   *     null: any
   * @param protocols which may be used; null: all
   * @param security {@code malicious}: nothing weaker; null: what the job asks for
   */
  public record Alignments(
      @JsonProperty("new_alignments_per_90d") Integer newAlignmentsPer90d,
      Integer minSetDifference,
      Integer minIntersection,
      BigDecimal minFraction,
      List<String> protocols,
      String security) {
    static Alignments any() {
      return new Alignments(null, null, null, null, null, null);
    }

    public Alignments {
      require("new_alignments_per_90d", newAlignmentsPer90d);
      require("min_set_difference", minSetDifference);
      require("min_intersection", minIntersection, Integer.MAX_VALUE);
      if (minFraction != null
          && (minFraction.signum() < 0 || minFraction.compareTo(BigDecimal.ONE) > 0)) {
        throw new IllegalArgumentException("min_fraction is 0 to 1, not " + minFraction);
      }
      protocols = protocols == null ? null : List.copyOf(protocols);
      if (security != null && !security.equals("malicious")) {
        throw new IllegalArgumentException("alignment.security of a policy is malicious");
      }
    }
  }

  private static void require(String key, Integer value) {
    require(key, value, MOST);
  }

  private static void require(String key, Integer value, int most) {
    if (value != null && (value < 0 || value > most)) {
      throw new IllegalArgumentException("%s is 0 to %,d, not %d".formatted(key, most, value));
    }
  }

  public Policy {
    alignment = alignment == null ? Alignments.any() : alignment;
    partners = sorted(partners);
    for (String name : partners.keySet()) {
      if (!name.equals("*")) {
        Party unused = new Party(name); // throws what is wrong with it
      }
    }
    purposes = sorted(purposes);
    datasets = sorted(datasets);
    training =
        training == null ? new Training(null, null, null, null, null, null, null, null) : training;
    outputs = outputs == null ? new Outputs(null, null, null) : outputs;
    approval = approval == null ? new Approval(null, null, null, null) : approval;
    operations = operations == null ? new Operations(null) : operations;
    people = sorted(people);
    requirePeople(people);
  }

  /** Whoever had two names could fill two roles, and approve what they proposed. */
  private static void requirePeople(SortedMap<String, Person> people) {
    Map<String, String> names = new HashMap<>();
    people.forEach(
        (name, person) -> {
          PersonWord.requireName(name);
          String other = names.put(person.key(), name);
          if (other != null) {
            throw new IllegalArgumentException(
                "people: %s and %s have the same key".formatted(other, name));
          }
        });
  }

  private static <T> SortedMap<String, T> sorted(SortedMap<String, T> given) {
    SortedMap<String, T> all = new TreeMap<>();
    if (given != null) {
      given.forEach(
          (name, value) -> {
            if (value == null) {
              throw new IllegalArgumentException(name + " says nothing: write {}");
            }
            all.put(name, value);
          });
    }
    return Collections.unmodifiableSortedMap(all);
  }

  /** What this policy says of a partner; empty where it names neither it nor {@code "*"}. */
  public Optional<ForPartner> partner(Party partner) {
    return partners.containsKey(partner.name()) || partners.containsKey("*")
        ? Optional.of(forPartner(partner))
        : Optional.empty();
  }

  /** What this policy says of a purpose. */
  public Optional<Purpose> purpose(String name) {
    return Glob.find(purposes, name).map(entry -> entry.getValue());
  }

  /** What this policy says of one of the own data sets. */
  public Optional<DatasetRules> dataset(String name) {
    return Glob.find(datasets, name).map(entry -> entry.getValue());
  }

  /** Whether a name is among patterns in which {@code *} stands for any text. */
  public static boolean names(Collection<String> patterns, String name) {
    return Glob.any(patterns, name);
  }

  /** Whether the node approves such a job by itself. */
  public boolean approvesByItself(String purpose, String ownDataset, Party proposer) {
    return approval.auto.stream().anyMatch(auto -> auto.fits(purpose, ownDataset, proposer));
  }

  /** What holds for alignments with a partner: the stricter of both is not taken, the nearer is. */
  public Alignments alignments(Party partner) {
    Alignments own = of(partner);
    return new Alignments(
        or(own.newAlignmentsPer90d, alignment.newAlignmentsPer90d),
        or(own.minSetDifference, alignment.minSetDifference),
        or(own.minIntersection, alignment.minIntersection),
        or(own.minFraction, alignment.minFraction),
        or(own.protocols, alignment.protocols),
        or(own.security, alignment.security));
  }

  /** Most new alignments of a data set with a partner in 90 days, or null. */
  public Integer newAlignments(Party partner) {
    return alignments(partner).newAlignmentsPer90d;
  }

  /** The strictest difference that an alignment with these partners must keep; 0 if none. */
  public int setDifference(Collection<Party> others) {
    int most = 0;
    for (Party partner : others) {
      Integer set = alignments(partner).minSetDifference;
      most = Math.max(most, set == null ? 0 : set);
    }
    return most;
  }

  /** Most rules of dry runs with a partner in 90 days; 0 if it may have none. */
  public int dryRuns(Party partner) {
    ForPartner own = forPartner(partner);
    if (!Boolean.TRUE.equals(own.matchDryRun)) {
      return 0;
    }
    return own.matchDryRunsPer90d == null ? DRY_RUNS : own.matchDryRunsPer90d;
  }

  /** Whether a partner may learn how values of the match key look here. */
  public boolean sharesKeyShapes(Party partner) {
    return Boolean.TRUE.equals(forPartner(partner).shareKeyShapes);
  }

  /** Whether keys may be compared with a partner's by how they sound. */
  public boolean allowsPhoneticKeys(Party partner) {
    return Boolean.TRUE.equals(forPartner(partner).phoneticKeys);
  }

  /** What a partner may have of online scoring; empty if nothing. */
  public Optional<OnlineScoring> onlineScoring(Party partner) {
    return Optional.ofNullable(forPartner(partner).onlineScoring);
  }

  private ForPartner forPartner(Party partner) {
    return partners
        .getOrDefault(partner.name(), ForPartner.NOTHING)
        .orElse(partners.getOrDefault("*", ForPartner.NOTHING));
  }

  private Alignments of(Party partner) {
    return forPartner(partner).alignment;
  }
}
