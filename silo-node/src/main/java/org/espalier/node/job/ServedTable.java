package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.security.DigestException;
import java.security.MessageDigest;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.data.CsvFile;
import org.espalier.node.data.Dataset;
import org.espalier.node.policy.Rulebook;
import org.espalier.protocols.glm.Family;
import org.espalier.protocols.model.ModelSlice;
import org.espalier.protocols.prepare.CategoryColumn;
import org.espalier.protocols.prepare.Column;
import org.espalier.protocols.prepare.DataException;
import org.espalier.protocols.prepare.Encoding;
import org.espalier.protocols.prepare.NumberColumn;
import org.espalier.protocols.prepare.Table;
import org.espalier.psi.keys.MatchKey;
import org.espalier.psi.store.TagTable;
import org.espalier.wire.Digests;

/**
 * This party's part of the logit of everybody in its data set, by match key: what a prediction by
 * job computes for a cohort, with the same code, computed once for all rows. In memory: 8 bytes for
 * each row and about 36 for each row and rule; while it is built, the prepared columns as well.
 */
public final class ServedTable {
  /** Bytes by which a key is looked up and named to partners. */
  public static final int TAG = 16;

  private final ServeSpec spec;
  private final byte[] context;
  private final ModelSlice slice;
  private final MatchKey key;
  private final Family family;
  private final List<Rule> rules;
  private final double[] parts;
  private final ObjectNode inputs;
  private volatile Judged judged;

  /** What a policy says on one day (UTC): the same for every question of it. */
  private record Judged(String policy, LocalDate day, Optional<Problem> denial) {}

  /** Where the keys of one rule are. */
  private static final class Rule {
    private final TagTable tags;
    private final int[] rows;
    private final BitSet repeated = new BitSet();

    Rule(int capacity) {
      tags = new TagTable(capacity);
      rows = new int[capacity];
    }

    void add(byte[] tag, int row, boolean takesFirst) {
      int before = tags.add(TagTable.high(tag, 0), TagTable.low(tag, 0));
      if (before < 0) {
        rows[tags.size() - 1] = row;
      } else if (!takesFirst) {
        repeated.set(before);
      }
    }
  }

  /**
   * Who was meant.
   *
   * @param rule by which, from 0; -1 if nobody has such a key
   * @param repeated several rows have it, and none is preferred
   * @param part of the logit
   */
  public record Found(int rule, boolean repeated, double part) {
    static final Found NOBODY = new Found(-1, false, 0);

    public boolean isUnknown() {
      return rule < 0;
    }
  }

  private ServedTable(
      ServeSpec spec, ModelSlice slice, MatchKey key, double[] parts, ObjectNode inputs) {
    this.spec = spec;
    this.context = spec.digest();
    this.slice = slice;
    this.key = key;
    this.family = Family.parse(slice.family());
    this.parts = parts;
    this.inputs = inputs;
    this.rules = new ArrayList<>();
  }

  /**
   * Reads this node's data set of a serving, as it is registered now.
   *
   * @throws Problem if the model or the data set is not there or not as it was, or does not fit
   */
  public static ServedTable load(JobRun.Context context, ServeSpec spec) {
    LocalChecks.require(context, "", spec);
    Dataset dataset = LocalChecks.dataset(context, spec);
    ModelSlice slice = LocalChecks.slice(context, spec);
    MatchKey key = AlignPhase.key(spec.match(), context.peers().self());
    List<String> columns = LocalChecks.modelColumns(slice);
    int[] all = IntStream.range(0, dataset.scan().rows()).toArray();
    double[] parts;
    try {
      parts = slice.logits(CohortData.read(dataset, all, columns, null).table(), all);
    } catch (DataException e) {
      throw Problem.refused("data set " + dataset.name() + " does not fit the model")
          .at(context.peers().self())
          .detail(e.getMessage())
          .because(e);
    }
    ObjectNode inputs = PhaseFacts.input(Json.object(), context, dataset, columns);
    ServedTable table = new ServedTable(spec, slice, key, parts, inputs);
    table.index(dataset);
    return table;
  }

  /**
   * Whether people may still be scored here, by the policy that is in force at this moment.
   *
   * @throws Problem if the time that was agreed is over, the own policy does not allow it, or this
   *     node is halted
   */
  public void requireAllowed(JobRun.Context node) {
    PolicyRules.requireRunning(node);
    LocalChecks.serving(node, node.peers().self(), spec);
    Rulebook.InForce rules = node.rules().now();
    LocalDate today = LocalDate.now(ZoneOffset.UTC);
    Judged last = judged;
    if (last == null || !last.policy().equals(rules.digest()) || !last.day().equals(today)) {
      last = new Judged(rules.digest(), today, PolicyRules.denial(node, rules, spec, today));
      judged = last;
    }
    if (last.denial().isPresent()) {
      throw last.denial().get();
    }
  }

  /** One scan for all rules. */
  private void index(Dataset dataset) {
    List<String> columns = new ArrayList<>();
    key.rules().forEach(rule -> columns.addAll(rule.columns()));
    key.rules().forEach(rule -> rules.add(new Rule(dataset.scan().rows())));
    MessageDigest sha256 = Digests.sha256();
    new CsvKeys(dataset)
        .scan(
            columns,
            (row, values) -> {
              int at = 0;
              for (int i = 0; i < rules.size(); i++) {
                MatchKey.Rule rule = key.rules().get(i);
                int width = rule.parts().size();
                byte[] tag = tag(sha256, i, rule, Arrays.copyOfRange(values, at, at + width));
                at += width;
                if (tag != null) {
                  rules.get(i).add(tag, row, spec.takesFirst());
                }
              }
            });
  }

  /** The first bytes of SHA-256 over the serving, the rule and the key; null without a key. */
  private byte[] tag(MessageDigest sha256, int number, MatchKey.Rule rule, String[] values) {
    byte[] encoded = rule.encode(values);
    if (encoded == null) {
      return null;
    }
    sha256.update(context);
    sha256.update((byte) number);
    sha256.update(encoded);
    byte[] hash = new byte[32];
    try {
      sha256.digest(hash, 0, hash.length);
    } catch (DigestException e) {
      throw new IllegalStateException(e);
    }
    return Arrays.copyOf(hash, TAG);
  }

  /**
   * How a person is named to all parties: for each rule a tag, the same at all of them, or null
   * where the values do not make a key. Whoever can guess a key can make its tag.
   *
   * @param values of this party's match columns
   * @throws IllegalArgumentException if a column is none of the match key, or no rule is complete
   */
  public List<byte[]> tags(Map<String, String> values) {
    TreeSet<String> known = new TreeSet<>(AlignPhase.columns(key));
    for (String column : values.keySet()) {
      if (!known.contains(column)) {
        throw new IllegalArgumentException(
            "the match key has the columns " + String.join(", ", known));
      }
    }
    MessageDigest sha256 = Digests.sha256();
    List<byte[]> tags = new ArrayList<>();
    for (int i = 0; i < key.rules().size(); i++) {
      MatchKey.Rule rule = key.rules().get(i);
      tags.add(
          tag(sha256, i, rule, rule.columns().stream().map(values::get).toArray(String[]::new)));
    }
    if (tags.stream().allMatch(tag -> tag == null)) {
      throw new IllegalArgumentException(
          "the values make no key: a rule needs all of its columns, of "
              + String.join(", ", known));
    }
    return tags;
  }

  /** Looks a person up, by the first rule that anybody here fits. */
  public Found find(List<byte[]> tags) {
    for (int i = 0; i < rules.size(); i++) {
      byte[] tag = tags.get(i);
      if (tag != null) {
        Rule rule = rules.get(i);
        int at = rule.tags.find(TagTable.high(tag, 0), TagTable.low(tag, 0));
        if (at >= 0) {
          return new Found(i, rule.repeated.get(at), parts[rule.rows[at]]);
        }
      }
    }
    return Found.NOBODY;
  }

  /**
   * This party's part of the logit of somebody with given values, prepared as in training.
   *
   * @param values one for each column of the model that this party has: a text, or null where the
   *     value is missing
   * @throws IllegalArgumentException naming a column that is absent, unknown or no number
   */
  public double part(Map<String, String> values) {
    List<Column> columns = new ArrayList<>();
    for (Encoding encoding : slice.preparation().encodings()) {
      String name = encoding.column();
      if (!values.containsKey(name)) {
        throw new IllegalArgumentException(
            "a value of " + name + " is expected, which is null where it is missing");
      }
      columns.add(column(name, values.get(name), encoding instanceof Encoding.Numeric));
    }
    if (columns.size() != values.size()) {
      throw new IllegalArgumentException(
          "the model has the columns " + String.join(", ", LocalChecks.modelColumns(slice)));
    }
    try {
      return slice.logits(new Table(columns), new int[] {0})[0];
    } catch (DataException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  private static Column column(String name, String value, boolean number) {
    if (!number) {
      return value == null
          ? new CategoryColumn(name, new int[] {CategoryColumn.MISSING}, List.of())
          : new CategoryColumn(name, new int[] {0}, List.of(value));
    }
    if (value != null && !CsvFile.isNumber(value)) { // as where the training's data were read
      throw new IllegalArgumentException("the value of " + name + " is no finite decimal number");
    }
    double parsed = value == null ? Double.NaN : Double.parseDouble(value);
    return new NumberColumn(name, new double[] {parsed});
  }

  /** What a logit says: the probability of label 1, or the expected outcome. */
  public double score(double logit) {
    return family.mean(logit);
  }

  /** {@code probability} or {@code prediction}. */
  public String scoreName() {
    return family == Family.LOGISTIC ? "probability" : "prediction";
  }

  public ServeSpec spec() {
    return spec;
  }

  public int rows() {
    return parts.length;
  }

  /** Match rules. */
  public int ruleCount() {
    return rules.size();
  }

  /** For the audit log: {@code inputs} of the data set as it was read. */
  public ObjectNode facts(String serving, Optional<String> role) {
    ObjectNode facts =
        Json.object()
            .put("job", serving)
            .put("spec", HexFormat.of().formatHex(context))
            .put("protocol", "predict.online")
            .put("version", "1");
    ObjectNode parameters = facts.putObject("parameters");
    parameters.put("model", spec.model());
    role.ifPresent(text -> parameters.put("role", text));
    facts.set("inputs", inputs.path("inputs"));
    return facts;
  }
}
