package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.espalier.node.Problem;
import org.espalier.node.data.ColumnType;
import org.espalier.node.data.CsvFile;
import org.espalier.node.data.Dataset;
import org.espalier.node.data.TableSchema;
import org.espalier.protocols.prepare.CategoryColumn;
import org.espalier.protocols.prepare.NumberColumn;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CohortDataTest {
  @TempDir Path folder;

  private Dataset dataset() throws IOException {
    Path file =
        Files.write(
            folder.resolve("people.csv"),
            List.of("id,income,region,y", "a,1.5,north,0", "b,,south,1", "c,3,,1", "d,4,north,0"));
    TableSchema schema =
        new TableSchema(
            List.of(
                new TableSchema.Column("id", ColumnType.ID),
                new TableSchema.Column("income", ColumnType.NUMBER),
                new TableSchema.Column("region", ColumnType.CATEGORY),
                new TableSchema.Column("y", ColumnType.LABEL)),
            null);
    return new Dataset(
        "people",
        file,
        schema,
        new CsvFile("people", file, schema).read((row, values) -> {}),
        Instant.EPOCH);
  }

  private static TrainSpec.Label label() {
    return new TrainSpec.Label(new Party("bank"), "y", null, null);
  }

  @Test
  void valuesComeInTheOrderOfTheCohort() throws IOException {
    CohortData data =
        CohortData.read(dataset(), new int[] {3, 1, 2}, List.of("region", "income"), label());
    CategoryColumn region = (CategoryColumn) data.table().column("region");
    NumberColumn income = (NumberColumn) data.table().column("income");
    assertThat(income.values()).containsExactly(4, Double.NaN, 3);
    assertThat(region.levels()).containsExactlyInAnyOrder("north", "south");
    assertThat(region.levels().get(region.codes()[0])).isEqualTo("north");
    assertThat(region.levels().get(region.codes()[1])).isEqualTo("south");
    assertThat(region.codes()[2]).isEqualTo(CategoryColumn.MISSING);
    assertThat(data.labels()).containsExactly(0, 1, 1);
  }

  @Test
  void aFileThatChangedIsRefusedWhetherItGrewOrNot() throws IOException {
    Dataset dataset = dataset();
    String text = Files.readString(dataset.file());
    for (String changed : List.of(text.replace("1.5", "2.5"), text + "e,5,south,1\n")) {
      Files.writeString(dataset.file(), changed);
      assertThatThrownBy(() -> CohortData.read(dataset, new int[] {0}, List.of("income"), null))
          .hasMessageContaining("has changed");
      assertThatThrownBy(() -> new CsvKeys(dataset).scan(List.of("id"), (row, values) -> {}))
          .hasMessageContaining("has changed");
    }
  }

  @Test
  void aCohortThatCannotFitIsRefusedWithTheFigure() {
    CohortData.requireMemory(1 << 20, 16, 256L << 20);
    assertThatThrownBy(() -> CohortData.requireMemory((1 << 20) + 1, 16, 256L << 20))
        .isInstanceOfSatisfying(
            Problem.class,
            problem -> {
              assertThat(problem.what()).doesNotContain("1");
              assertThat(problem.detail().orElseThrow()).contains("256 MiB");
            });
    assertThatThrownBy(() -> CohortData.requireMemory(Integer.MAX_VALUE, 10_000, 4L << 30))
        .isInstanceOf(Problem.class);
  }
}
