package org.espalier.node.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.espalier.node.Problem;
import org.espalier.node.store.Store;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CsvFileTest {
  private static final TableSchema SCHEMA =
      new TableSchema(
          List.of(
              new TableSchema.Column("id", ColumnType.ID),
              new TableSchema.Column("y", ColumnType.LABEL),
              new TableSchema.Column("age", ColumnType.NUMBER),
              new TableSchema.Column("housing", ColumnType.CATEGORY)),
          List.of("", "NA"));

  @TempDir Path folder;

  private Path file(String text) {
    return file(text.getBytes(StandardCharsets.UTF_8));
  }

  private Path file(byte[] bytes) {
    try {
      return Files.write(folder.resolve("data.csv"), bytes);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static DatasetScan scan(Path file) {
    return new CsvFile("loans", file, SCHEMA).read((row, values) -> {});
  }

  private static void refused(Path file, String what, String detail) {
    assertThatThrownBy(() -> scan(file))
        .isInstanceOfSatisfying(
            Problem.class,
            problem -> {
              assertThat(problem.what()).contains(what);
              assertThat(problem.detail().orElse("")).contains(detail);
              assertThat(problem.what()).doesNotContain("secret");
              assertThat(problem.detail().orElse("")).doesNotContain("secret");
            });
  }

  @Test
  void readsColumnsInTheOrderOfTheSchema() throws IOException {
    Path file =
        file(
            "\uFEFFhousing,id,age,y\r\nown,\"a,\"\"1\"\"\n\",1.5,1\r\n,b,NA,0\r\nrent,NA,-2e3,1\n");
    List<String> rows = new ArrayList<>();
    DatasetScan scan =
        new CsvFile("loans", file, SCHEMA)
            .read((row, values) -> rows.add(row + Arrays.toString(values)));
    assertThat(rows)
        .containsExactly(
            "0[a,\"1\"\n, 1, 1.5, own]", "1[b, 0, null, null]", "2[null, 1, -2e3, rent]");
    assertThat(scan.rows()).isEqualTo(3);
    assertThat(scan.positives()).isEqualTo(2);
    assertThat(scan.missing()).containsExactly(1L, 0L, 1L, 1L);
    assertThat(scan.bytes()).isEqualTo(Files.size(file));
    assertThat(scan.sha256()).hasSize(64);
    assertThat(scan(file("id,y,age,housing\na,1,2,x")).rows()).as("no last line end").isEqualTo(1);
    assertThat(scan(file("id,y,age,housing\n")).rows()).isZero();
  }

  @Test
  void namesTheFirstBadRowAndColumn() {
    String head = "id,y,age,housing\n";
    String bad = "a value that its schema does not allow";
    for (String number :
        new String[] {
          "NaN",
          "Infinity",
          "-Infinity",
          "1e999",
          "0x10",
          "1f",
          "1d",
          " 1",
          "1,5",
          "secret",
          "+-1",
          "1".repeat(65),
          "\u0661"
        }) {
      refused(
          file(head + "a,1,2,x\nb,0,\"" + number + "\",x\n"),
          bad,
          "row 2 (line 3), column age is not a finite decimal number");
    }
    for (String label : new String[] {"2", "true", "1.0", " 1", "secret"}) {
      refused(file(head + "a," + label + ",2,x\n"), bad, "row 1 (line 2), column y is not 0 or 1");
    }
    refused(file(head + "a,NA,2,x\n"), bad, "row 1 (line 2), column y is missing");
    refused(
        file(head + "a,1,2\n"), "wrong length", "row 1 (line 2) has 3 fields, the header has 4");
    refused(file(head + "a,1,2,x,secret\n"), "wrong length", "has 5 fields");
    refused(file(head + "\n"), "wrong length", "row 1 (line 2) has 1 fields");
    refused(file(head + "\"a\nb\",1,2,x\nc,secret,2,x\n"), bad, "row 2 (line 4), column y");
  }

  @Test
  void weightsAndExposuresAreAboveZero() {
    for (String type : new String[] {"weight", "exposure"}) {
      TableSchema schema =
          new TableSchema(
              List.of(
                  new TableSchema.Column("id", ColumnType.ID),
                  new TableSchema.Column("w", ColumnType.valueOf(type.toUpperCase(Locale.ROOT)))),
              null);
      assertThat(schema.features()).isEmpty();
      for (String value : new String[] {"0", "-1", "", "1e-400"}) {
        Path file = file("id,w\na,0.5\nb," + value + "\n");
        assertThatThrownBy(() -> new CsvFile("loans", file, schema).read((row, values) -> {}))
            .isInstanceOfSatisfying(
                Problem.class,
                problem ->
                    assertThat(problem.detail().orElse(""))
                        .startsWith(
                            "row 2 (line 3), column w is "
                                + (value.isEmpty() ? "missing" : "not above 0")));
      }
    }
  }

  @Test
  void theHeaderMustBeWhatTheSchemaSays() {
    refused(file(""), "is empty", "no header line");
    refused(file("id,y,age\n"), "does not have the columns", "missing in the file: housing.");
    refused(
        file("id,y,age,housing,extra\n"), "does not have the columns", "not in the schema: extra.");
    refused(file("id,y,age,housing,age\n"), "names a column twice", "");
    refused(file("ID,y,age,housing\n"), "does not have the columns", "missing in the file: id.");
    refused(folder.resolve("absent.csv"), "the file of data set loans is gone", "absent.csv");
    refused(folder, "the file of data set loans cannot be read", "");
  }

  @Test
  void theFormatIsStrict() {
    String head = "id,y,age,housing\n";
    String csv = "is not proper CSV";
    refused(file(head.replace(',', ';') + "a;1;2;x\n"), "not separated by commas", "';'");
    refused(file(head + "a\"b,1,2,x\n"), csv, "line 2: a quote inside a field");
    refused(file(head + "\"a\"b,1,2,x\n"), csv, "line 2: text after a closing quote");
    refused(file(head + "a,1,2,\"x\n"), csv, "line 2: a quoted field without an end");
    refused(
        file(head + "a,1,2,x\ry,1,2,x\n"), csv, "line 2: a carriage return without a line feed");
    refused(file(head + "a,1,2," + "x".repeat(70_000)), csv, "a field longer than 65536");
    refused(file(head + "a,1,2,\"" + "x".repeat(70_000)), csv, "a field longer than 65536");
    refused(file(",".repeat(20_000)), csv, "more than 10000 fields");
    byte[] latin = (head + "a,1,2,caf\u00e9\n").getBytes(StandardCharsets.ISO_8859_1);
    refused(file(latin), "is not UTF-8", "line 2");
    assertThat(scan(file(head + "a,1,2,caf\u00e9 \"\"\n".replace(" \"\"", ""))).rows())
        .isEqualTo(1);
  }

  @Test
  void anyBytesAreReadOrRefused() {
    byte[] alphabet = "a,\"\r\n01é\uFEFF".getBytes(StandardCharsets.UTF_8);
    Random random = new Random(4);
    int refused = 0;
    for (int round = 0; round < 3000; round++) {
      byte[] bytes = new byte[random.nextInt(40)];
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] = alphabet[random.nextInt(alphabet.length)];
      }
      CsvReader reader = new CsvReader("fuzz", new ByteArrayInputStream(bytes));
      try {
        int fields = 0;
        for (List<String> row = reader.next(); row != null; row = reader.next()) {
          fields += row.size();
        }
        assertThat(fields).isLessThanOrEqualTo(bytes.length + 1);
      } catch (Problem e) {
        refused++;
      }
    }
    assertThat(refused).isBetween(100, 2999);
  }

  /** What arrives in pieces of some bytes. */
  private static InputStream pieces(byte[] bytes, Random random) {
    return new ByteArrayInputStream(bytes) {
      @Override
      public synchronized int read(byte[] target, int offset, int length) {
        return super.read(target, offset, Math.min(length, 1 + random.nextInt(7)));
      }
    };
  }

  @Test
  void whatWasWrittenIsReadHoweverItArrives() {
    String[] letters = {
      "a", "0", " ", "+", ",", "\"", "\n", "\r", "é", "€", "\uD83D\uDE00", "word"
    };
    Random random = new Random(6);
    for (int round = 0; round < 300; round++) {
      List<List<String>> records = new ArrayList<>();
      StringBuilder text = new StringBuilder(round % 3 == 0 ? "\uFEFF" : "");
      for (int row = random.nextInt(5); row >= 0; row--) {
        List<String> record = new ArrayList<>();
        for (int field = random.nextInt(4); field >= 0; field--) {
          StringBuilder written = new StringBuilder();
          // Some longer than the buffer.
          for (int left = round == 7 ? 30_000 : random.nextInt(12); left > 0; left--) {
            written.append(letters[random.nextInt(letters.length)]);
          }
          String value = written.toString();
          boolean quoted = value.matches("(?s).*[,\"\\n\\r].*") || random.nextInt(4) == 0;
          text.append(quoted ? '"' + value.replace("\"", "\"\"") + '"' : value);
          text.append(field > 0 ? "," : "");
          record.add(value);
        }
        records.add(record);
        text.append(row > 0 || round % 2 == 0 ? round % 5 == 0 ? "\r\n" : "\n" : "");
      }
      byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
      CsvReader reader = new CsvReader("random", pieces(bytes, random));
      List<List<String>> read = new ArrayList<>();
      for (List<String> row = reader.next(); row != null; row = reader.next()) {
        read.add(List.copyOf(row));
      }
      // A last line that is empty and has no end is none.
      boolean none = round % 2 != 0 && text.toString().matches("(?s)\uFEFF?|.*\n");
      assertThat(read).isEqualTo(none ? records.subList(0, records.size() - 1) : records);
    }
  }

  @Test
  void aFieldOfTheLongestKindIsReadAndOneMoreIsNot() {
    for (String letter : new String[] {"x", "€"}) {
      String longest = letter.repeat(65_536);
      for (String mark : new String[] {"", "\""}) {
        String text = mark + longest + mark + ",b\n";
        CsvReader reader =
            new CsvReader("long", new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
        assertThat(reader.next()).containsExactly(longest, "b");
        String longer = mark + longest + letter + mark + ",b\n";
        CsvReader refusing =
            new CsvReader(
                "long", new ByteArrayInputStream(longer.getBytes(StandardCharsets.UTF_8)));
        assertThatThrownBy(refusing::next).hasMessageContaining("is not proper CSV");
      }
    }
  }

  @Test
  void schemasAreChecked() {
    assertThatThrownBy(() -> new TableSchema(List.of(), null)).hasMessageContaining("1 to 10,000");
    for (String name : new String[] {"", " x", "a\nb", "x".repeat(101), "a;b", "=1"}) {
      assertThatThrownBy(() -> new TableSchema.Column(name, ColumnType.ID))
          .isInstanceOf(IllegalArgumentException.class);
    }
    TableSchema.Column y = new TableSchema.Column("y", ColumnType.LABEL);
    assertThatThrownBy(() -> new TableSchema(List.of(y, y), null))
        .hasMessage("column y is declared twice");
    assertThatThrownBy(
            () -> new TableSchema(List.of(y, new TableSchema.Column("z", ColumnType.LABEL)), null))
        .hasMessageContaining("at most one column may have type label");
    assertThatThrownBy(() -> new TableSchema.Column("x", null)).hasMessage("column x has no type");
    assertThat(SCHEMA.features()).containsExactly("age", "housing");
  }

  @Test
  void dataSetsAreRegisteredAfterACompleteRead() throws IOException {
    try (Store store = Store.open(folder.resolve("silo.db"))) {
      Datasets datasets = new Datasets(store, new byte[32]);
      Path file = file("id,y,age,housing\na,1,2,x\n");
      Dataset added = datasets.add("loans", file, SCHEMA);
      assertThat(datasets.get("loans")).isEqualTo(added);
      String commitment = datasets.commitment("loans");
      assertThat(commitment).hasSize(64).isNotEqualTo(added.scan().sha256());
      Files.writeString(file, "id,y,age,housing\na,1,2,x\nb,0,3,z\n");
      assertThat(datasets.add("loans", file, SCHEMA).scan().rows()).isEqualTo(2);
      assertThat(datasets.commitment("loans")).isNotEqualTo(commitment);
      assertThat(datasets.list()).hasSize(1);
      Files.writeString(file, "id,y,age,housing\na,7,2,x\n");
      assertThatThrownBy(() -> datasets.add("other", file, SCHEMA)).isInstanceOf(Problem.class);
      assertThatThrownBy(() -> datasets.get("other")).hasMessage("no data set named other");
      assertThatThrownBy(() -> datasets.add("../x", file, SCHEMA))
          .hasMessageContaining("a data set name matches");
    }
  }
}
