package org.espalier.node.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SchemaSketchTest {
  @TempDir Path folder;

  private SchemaSketch sketch(String csv) throws IOException {
    return SchemaSketch.of(Files.writeString(folder.resolve("d.csv"), csv));
  }

  private static ColumnType type(SchemaSketch sketch, String column) {
    return sketch.schema().columns().get(sketch.schema().indexOf(column)).type();
  }

  @Test
  void typesFollowFromTheValues() throws IOException {
    String rows =
        IntStream.range(0, 50)
            .mapToObj(
                i ->
                    "c%d,Name %d,%d,%.2f,%s,%d,%d"
                        .formatted(
                            i, i, 30 + i % 20, i * 1.5, i % 3 == 0 ? "own" : "rent", i % 2, i % 2))
            .collect(Collectors.joining("\n"));
    SchemaSketch sketch =
        sketch("customer_id,name,age,amount,housing,member,default\n" + rows + "\n");
    assertThat(sketch.rows()).isEqualTo(50);
    assertThat(type(sketch, "customer_id")).isEqualTo(ColumnType.ID);
    assertThat(type(sketch, "name")).isEqualTo(ColumnType.ID);
    assertThat(type(sketch, "age")).isEqualTo(ColumnType.NUMBER);
    assertThat(type(sketch, "amount")).isEqualTo(ColumnType.NUMBER);
    assertThat(type(sketch, "housing")).isEqualTo(ColumnType.CATEGORY);
    assertThat(type(sketch, "default")).isEqualTo(ColumnType.LABEL);
    assertThat(type(sketch, "member")).isEqualTo(ColumnType.NUMBER);
    assertThat(sketch.remarks().get("member")).contains("label if this is the outcome");
  }

  @Test
  void theYamlIsASchemaThatReadsTheFile() throws IOException {
    SchemaSketch sketch =
        sketch("no,\"Größe (cm)\",no_2,y\nA1,180.5,?,0\nA2,NA,yes,1\nA3,170,no,1\nA4,175,no,0\n");
    TableSchema read = Json.yaml("schema", sketch.yaml(), TableSchema.class);
    assertThat(read).isEqualTo(sketch.schema());
    assertThat(read.missing()).contains("", "?", "NA");
    DatasetScan scan = new CsvFile("d", folder.resolve("d.csv"), read).read((row, values) -> {});
    assertThat(scan.rows()).isEqualTo(4);
    assertThat(scan.positives()).isEqualTo(2);
    assertThat(scan.missing().get(read.indexOf("Größe (cm)"))).isEqualTo(1);
  }

  @Test
  void manyDifferentTextsAreNoFeature() throws IOException {
    String rows =
        IntStream.range(0, 30_000)
            .mapToObj(i -> "street " + (i % 25_000))
            .collect(Collectors.joining("\n"));
    SchemaSketch sketch = sketch("address\n" + rows + "\n");
    assertThat(type(sketch, "address")).isEqualTo(ColumnType.ID);
  }

  @Test
  void brokenFilesAreNamed() {
    assertThatThrownBy(() -> sketch("")).isInstanceOf(Problem.class).hasMessageContaining("empty");
    assertThatThrownBy(() -> sketch("a,b\n1\n"))
        .isInstanceOfSatisfying(
            Problem.class, e -> assertThat(e.detail().orElse("")).contains("line 2"));
    assertThatThrownBy(() -> sketch("a,a\n1,2\n"))
        .isInstanceOfSatisfying(
            Problem.class, e -> assertThat(e.detail().orElse("")).contains("twice"));
  }
}
