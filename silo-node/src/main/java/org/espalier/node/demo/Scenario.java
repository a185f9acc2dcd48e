package org.espalier.node.demo;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.data.ColumnType;
import org.espalier.node.data.CsvFile;
import org.espalier.node.data.SchemaSketch;
import org.espalier.node.data.TableSchema;
import org.espalier.node.job.JobSpec;
import org.espalier.node.job.TrainSpec;
import org.espalier.protocols.glm.Family;
import org.espalier.psi.keys.Normaliser;
import org.espalier.wire.Party;

/**
 * A folder with a training job and the data of all its parties: {@code job.yaml} and for each party
 * {@code PARTY.csv}, if wanted {@code PARTY.schema.yaml} and {@code PARTY.predict.csv}.
 *
 * <p>Everything is checked before a node is started, and every error names the party whose file it
 * is about.
 *
 * @param scoring the data to be scored at the end, of every party; empty if there are none
 */
public record Scenario(
    Path folder,
    TrainSpec spec,
    SortedMap<Party, Source> sources,
    SortedMap<Party, Source> scoring) {
  /** Every party is a process of its own on this machine. */
  public static final int MAX_PARTIES = 8;

  private static final String JOB = "job.yaml";

  /**
   * One party's file.
   *
   * @param sketched the schema is a guess, because the folder has none
   */
  public record Source(Path file, TableSchema schema, boolean sketched) {
    CsvFile csv() {
      return new CsvFile(file.getFileName().toString(), file, schema);
    }
  }

  public Scenario {
    sources = Collections.unmodifiableSortedMap(new TreeMap<>(sources));
    scoring = Collections.unmodifiableSortedMap(new TreeMap<>(scoring));
  }

  /**
   * @throws Problem naming the file, and the party it belongs to, that is missing or does not fit
   */
  public static Scenario read(Path folder) {
    Path job = folder.resolve(JOB);
    if (!Files.isRegularFile(job)) {
      throw Problem.notFound("no " + JOB + " in " + folder)
          .detail("a scenario is a folder with a job and a data file of each party")
          .next("see docs/scenario.md, or try configs/scenario-example");
    }
    if (!(JobSpec.yaml(job) instanceof TrainSpec spec)) {
      throw Problem.refused(job + ": a scenario needs a job of kind train");
    }
    if (spec.neural()
        || spec.softmax()
        || spec.family() != Family.LOGISTIC
        || spec.weighted()
        || spec.model().l1() != null
        || spec.path() != null
        || spec.patience() > 0
        || spec.model().start() != null
        || spec.sharesWeights()) {
      throw Problem.refused(
              job
                  + ": a scenario compares weights of logistic models without l1, cross-validation, patience and start,"
                  + " not shared ones")
          .next("silo job plan " + job + ", at a node");
    }
    if (spec.parties().size() > MAX_PARTIES) {
      throw Problem.refused(job + " names more than " + MAX_PARTIES + " parties");
    }
    checkNormalisers(job, spec);
    SortedMap<Party, Source> sources = new TreeMap<>();
    for (Party party : spec.parties().keySet()) {
      sources.put(party, at(party, () -> source(folder, spec, party)));
    }
    return new Scenario(folder, spec, sources, scoring(folder, spec, sources));
  }

  private interface Reading<T> {
    T read();
  }

  private static <T> T at(Party party, Reading<T> reading) {
    try {
      return reading.read();
    } catch (Problem e) {
      throw e.at(party);
    }
  }

  private static void checkNormalisers(Path job, TrainSpec spec) {
    for (List<JobSpec.KeyPart> rule : spec.match()) {
      for (JobSpec.KeyPart part : rule) {
        try {
          Normaliser.parseAll(part.normalise());
        } catch (IllegalArgumentException e) {
          throw Problem.refused(job + ": match: " + e.getMessage()).because(e);
        }
      }
    }
  }

  private static Source source(Path folder, TrainSpec spec, Party party) {
    Path file = folder.resolve(party + ".csv");
    if (!Files.isRegularFile(file)) {
      throw Problem.refused("the scenario has no data file for " + party)
          .detail(file + " is missing");
    }
    String name = file.getFileName().toString();
    Set<String> ids = matchColumns(spec, party);
    boolean isLabelParty = party.equals(spec.labelParty());
    String label = isLabelParty ? spec.label().column() : null;
    Path declared = folder.resolve(party + ".schema.yaml");
    boolean sketched = !Files.isRegularFile(declared);
    TableSchema schema =
        sketched ? sketch(file, ids, label) : Json.yaml(declared, TableSchema.class);
    String where = sketched ? name : declared.getFileName().toString();
    for (String id : ids) {
      require(where, schema, id, "match uses it", ColumnType.ID);
    }
    if (isLabelParty) {
      require(where, schema, label, "it is the label", ColumnType.LABEL);
    }
    for (String column : spec.parties().get(party).columns()) {
      require(
          where,
          schema,
          column,
          "the job names it as a feature",
          ColumnType.NUMBER,
          ColumnType.CATEGORY);
    }
    if (schema.features().isEmpty() && !isLabelParty) {
      throw Problem.refused(where + " has no number or category column");
    }
    Source source = new Source(file, schema, sketched);
    source.csv().read((row, values) -> {});
    return source;
  }

  /** The file's own look, corrected by what the job says of its columns. */
  private static TableSchema sketch(Path file, Set<String> ids, String label) {
    TableSchema guess = SchemaSketch.of(file).schema();
    return new TableSchema(
        guess.columns().stream()
            .map(
                column ->
                    new TableSchema.Column(
                        column.name(),
                        ids.contains(column.name())
                            ? ColumnType.ID
                            : column.name().equals(label)
                                ? ColumnType.LABEL
                                : column.type() == ColumnType.LABEL
                                    ? ColumnType.NUMBER
                                    : column.type()))
            .toList(),
        guess.missing());
  }

  private static void require(
      String where, TableSchema schema, String column, String why, ColumnType... types) {
    int at = schema.indexOf(column);
    if (at < 0) {
      throw Problem.refused(where + " has no column " + column + ", but " + why)
          .detail("it has: " + String.join(", ", names(schema)));
    }
    ColumnType type = schema.columns().get(at).type();
    if (!List.of(types).contains(type)) {
      throw Problem.refused(
          "%s: column %s is of type %s, but %s"
              .formatted(where, column, Json.tree(type).asText(), why));
    }
  }

  private static List<String> names(TableSchema schema) {
    return schema.columns().stream().map(TableSchema.Column::name).toList();
  }

  static Set<String> matchColumns(TrainSpec spec, Party party) {
    Set<String> columns = new TreeSet<>();
    spec.match().forEach(rule -> rule.forEach(part -> columns.add(part.column().at(party))));
    return columns;
  }

  /** All parties have a file to be scored, or none has. */
  private static SortedMap<Party, Source> scoring(
      Path folder, TrainSpec spec, Map<Party, Source> sources) {
    SortedMap<Party, Source> scoring = new TreeMap<>();
    List<Party> without = new ArrayList<>();
    for (Party party : spec.parties().keySet()) {
      at(party, () -> scoring(folder, spec, party, sources.get(party).schema()))
          .ifPresentOrElse(source -> scoring.put(party, source), () -> without.add(party));
    }
    if (!scoring.isEmpty() && !without.isEmpty()) {
      throw Problem.refused("there is a file to be scored for some parties but not for all")
          .at(without.get(0))
          .detail(folder.resolve(without.get(0) + ".predict.csv") + " is missing");
    }
    return scoring;
  }

  private static Optional<Source> scoring(
      Path folder, TrainSpec spec, Party party, TableSchema trained) {
    Path file = folder.resolve(party + ".predict.csv");
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    String name = file.getFileName().toString();
    List<String> header = names(SchemaSketch.of(file).schema());
    Set<String> needed = matchColumns(spec, party);
    List<String> wanted = spec.parties().get(party).columns();
    needed.addAll(wanted.isEmpty() ? trained.features() : wanted);
    for (String column : needed) {
      if (!header.contains(column)) {
        throw Problem.refused(name + " has no column " + column + ", which the model needs")
            .detail("it has: " + String.join(", ", header));
      }
    }
    List<TableSchema.Column> columns =
        trained.columns().stream().filter(column -> header.contains(column.name())).toList();
    Source source = new Source(file, new TableSchema(columns, trained.missing()), false);
    source.csv().read((row, values) -> {});
    return Optional.of(source);
  }
}
