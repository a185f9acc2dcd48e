package org.espalier.psi.keys;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;
import static org.assertj.core.api.Assertions.within;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.keys.MatchKey.Part;
import org.espalier.psi.keys.MatchKey.Rule;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class KeysTest {
  private record Rows(List<String> columns, String[]... values) implements KeySource {
    @Override
    public int rows() {
      return values.length;
    }

    @Override
    public void scan(List<String> wanted, RowVisitor visitor) {
      for (int i = 0; i < values.length; i++) {
        String[] row = values[i];
        visitor.row(i, wanted.stream().map(c -> row[columns.indexOf(c)]).toArray(String[]::new));
      }
    }
  }

  private static Rows ids(String... ids) {
    List<String[]> rows = new ArrayList<>();
    for (String id : ids) {
      rows.add(new String[] {id});
    }
    return new Rows(List.of("id"), rows.toArray(String[][]::new));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "null",
      value = {
        "nfkc|Ｍüller|Müller",
        "nfkc|ﬁn|fin",
        "casefold|Straße|strasse",
        "casefold|οδοσ|οδος",
        "casefold|ΟΔΟΣ|οδος",
        "casefold|İ|i̇",
        "trim|'\u00a0 a b\u2003'|a b",
        "trim|'  '|null",
        "collapse-space|'a  \t b'|a b",
        "digits|(030) 12-34|0301234",
        "digits|٠١٢|012",
        "digits|none|null",
        "strip-punctuation|O’Neil-Smith, Jr. €|'ONeilSmith Jr '",
        "transliterate|Łukasz Żółć|Lukasz Zolc",
        "transliterate|Müller-Lüdenscheidt|Muller-Ludenscheidt",
        "transliterate|Straße ẞ Œuvre|Strasse Ss Oeuvre",
        "transliterate|A\u030Angström ﬁn Ｍ|Angstrom fin M",
        "transliterate|Nguyễn Thị Đặng|Nguyen Thi Dang",
        "transliterate|İstanbul ılık|Istanbul ilik",
        "transliterate|Þórður Guðmundsson|Thordur Gudmundsson",
        "transliterate|Горбачёв Щукин Июль|Gorbachev Shchukin Iiul",
        "transliterate|Зеленська Ґалаґан Їжак|Zelenska Galagan Izhak",
        "transliterate|Ђорђевић Љубиша|Dordevic Ljubisha",
        "transliterate|Ὀδυσσεύς Ψάλτης|Odysseys Psaltis",
        "transliterate|李雷 김철수 مريم|李雷 김철수 مريم",
        "transliterate|o'Brien 12|o'Brien 12",
        "transliterate(de)|Müller Ärzte Ölçü|Mueller Aerzte Oelcue",
        "transliterate(de)|u\u0308ber Größe|ueber Groesse",
        "transliterate(de)|Żółć|Zolc",
        "soundex|Robert|R163",
        "soundex|Rupert|R163",
        "soundex|Ashcraft|A261",
        "soundex|Ashcroft|A261",
        "soundex|Tymczak|T522",
        "soundex|Pfister|P236",
        "soundex|Honeyman|H555",
        "soundex|Lloyd|L300",
        "soundex|Lee|L000",
        "soundex|VanDeusen|V532",
        "soundex|Washington|W252",
        "soundex|Gutierrez|G362",
        "soundex|Müller|M460",
        "soundex|Мюллер|M460",
        "soundex|o'hara|O600",
        "soundex|李雷|null",
        "soundex|1234|null",
        "metaphone|Thumb|0M",
        "metaphone|Smith|SM0",
        "metaphone|Smythe|SM0",
        "metaphone|Schmidt|SKMTT",
        "metaphone|Knight|NT",
        "metaphone|Wright|RT",
        "metaphone|Phillip|FLP",
        "metaphone|12|null",
        "phone(+49)|030 / 123 45-67|+49301234567",
        "phone(+49)|+49 (0)30 1234567|+49301234567",
        "phone(+49)|0049 30 1234567|+49301234567",
        "phone(+49)|(0) 30 1234567|+49301234567",
        "phone(+49)|+1 212 555 0100|+12125550100",
        "phone(+49)|1234|null",
        "phone(+49)|030 1234567 ext 5|null",
        "phone(+49)|+49 030 123 456 789 012 3|null",
        "date(dd.MM.yyyy)|31.12.1999|1999-12-31",
        "date(d.M.yyyy)|1.2.1999|1999-02-01",
        "date(dd.MM.yyyy)|31.02.1999|null",
        "date(dd.MM.yyyy)|1999-12-31|null"
      })
  void normalises(String spec, String value, String expected) {
    Part part = Part.of("c", spec);
    String result = part.normalise(value);
    assertThat(result).isEqualTo(expected);
    assertThat(Normaliser.parse(spec).spec()).isEqualTo(spec);
  }

  @Test
  void triesDateFormatsInOrder() {
    Part part = Part.of("born", "trim", "date(dd.MM.yyyy|yyyy-MM-dd)");
    assertThat(part.normalise(" 1999-12-31 ")).isEqualTo("1999-12-31");
    assertThat(part.normalise("31.12.1999")).isEqualTo("1999-12-31");
    assertThat(part.normalise("12/31/1999")).isNull();
    assertThat(part.normalise(null)).isNull();
    assertThat(part.normalise("")).isNull();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "Soundex",
        "soundex()",
        "transliterate(fr)",
        "phone",
        "phone()",
        "phone(+)",
        "phone(+0)",
        "phone(+1234)",
        "date()",
        "date(yy-MM-dd)",
        "date(dd.MM)",
        "date(yyyy-MM-dd'T'HH)",
        "NFKC"
      })
  void refusesUnknownSteps(String spec) {
    assertThatThrownBy(() -> Normaliser.parse(spec)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void keysThatSoundAlikeAreKnownAsSuch() {
    assertThat(MatchKey.of(Part.of("name", "trim", "soundex"), Part.of("born")).isPhonetic())
        .isTrue();
    assertThat(MatchKey.of(Part.of("name", "transliterate", "casefold")).isPhonetic()).isFalse();
    assertThat(MatchKey.of(Part.of("name", "soundex")).signature())
        .isNotEqualTo(MatchKey.of(Part.of("name", "metaphone")).signature());
  }

  @Test
  void compositeKeysDoNotRunTogether() {
    Rule rule = new Rule(List.of(Part.of("a"), Part.of("b")));
    assertThat(rule.encode(new String[] {"ab", "c"}))
        .isNotEqualTo(rule.encode(new String[] {"a", "bc"}))
        .isEqualTo(rule.encode(new String[] {"ab", "c"}));
    assertThat(rule.encode(new String[] {"ab", null})).isNull();
    assertThat(rule.encode(new String[] {"", "c"})).isNull();
  }

  @Test
  void signatureLeavesColumnNamesOut() {
    MatchKey one = MatchKey.of(Part.of("name", "nfkc", "casefold"), Part.of("born"));
    MatchKey same = MatchKey.of(Part.of("full_name", "nfkc", "casefold"), Part.of("dob"));
    assertThat(one.signature()).isEqualTo(same.signature());
    assertThat(one.signature())
        .isNotEqualTo(MatchKey.of(Part.of("name", "casefold", "nfkc"), Part.of("born")).signature())
        .isNotEqualTo(MatchKey.of(Part.of("name", "nfkc", "casefold", "trim")).signature())
        .isNotEqualTo(
            new MatchKey(
                    List.of(
                        new Rule(List.of(Part.of("name", "nfkc", "casefold"))),
                        new Rule(List.of(Part.of("born")))))
                .signature());
  }

  @Test
  void keysAreBounded() {
    assertThatThrownBy(() -> new MatchKey(List.of())).isInstanceOf(IllegalArgumentException.class);
    Rule rule = new Rule(List.of(Part.of("a")));
    assertThatThrownBy(() -> new MatchKey(Collections.nCopies(9, rule)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new Rule(List.of())).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new Rule(Collections.nCopies(17, Part.of("a"))))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void indexKeepsTheFirstRowOfAKey() {
    KeyIndex index =
        KeyIndex.of(ids("b", null, "a", "b", "", "b", "c"), new Rule(List.of(Part.of("id"))));
    assertThat(index.rows()).isEqualTo(7);
    assertThat(index.nulls()).isEqualTo(2);
    assertThat(index.duplicates()).isEqualTo(2);
    assertThat(index.distinct()).isEqualTo(3);
    assertThat(index.distinctRows().stream()).containsExactly(0, 2, 6);
    assertThat(index.repeats().stream()).containsExactly(3, 5);
    index.check(1, Duplicates.FIRST);
    assertThatThrownBy(() -> index.check(2, Duplicates.REJECT))
        .isInstanceOf(AlignmentException.DuplicateKeys.class)
        .hasMessageContaining("rule 2")
        .hasMessageContaining("2 row(s)")
        .hasMessageContaining("1 and 4")
        .extracting(e -> ((AlignmentException) e).publicReason())
        .isEqualTo("its match keys are not unique");
  }

  @Test
  void indexAgreesWithAPlainMapWhateverRepeats() throws Exception {
    Random random = new Random(3);
    for (int round = 0; round < 40; round++) {
      int rows = random.nextInt(round < 30 ? 40 : 20_000) + 1;
      String[] values = new String[rows];
      for (int i = 0; i < rows; i++) {
        int value = random.nextInt(round % 3 == 0 ? 3 * rows : rows);
        values[i] = round % 2 == 0 && value % 7 == 0 ? null : "id" + value;
      }
      Map<String, Integer> first = new LinkedHashMap<>();
      List<Integer> repeats = new ArrayList<>();
      for (int i = 0; i < rows; i++) {
        if (values[i] != null && first.putIfAbsent(values[i], i) != null) {
          repeats.add(i);
        }
      }
      Rule rule = new Rule(List.of(Part.of("id")));
      KeyIndex index = KeyIndex.of(ids(values), rule);
      assertThat(index.distinctRows().stream().boxed().toList())
          .isEqualTo(List.copyOf(first.values()));
      assertThat(index.repeats().stream().boxed().toList()).isEqualTo(repeats);
      assertThat(index.duplicates()).isEqualTo(repeats.size());
      long[] tags = index.tags();
      assertThat(tags).hasSize(2 * first.size());
      int place = 0;
      for (String value : first.keySet()) {
        byte[] hash =
            MessageDigest.getInstance("SHA-256").digest(rule.encode(new String[] {value}));
        assertThat(tags[place++]).isEqualTo(ByteBuffer.wrap(hash).getLong());
        assertThat(tags[place++]).isEqualTo(ByteBuffer.wrap(hash).getLong(8));
      }
      if (!repeats.isEmpty()) {
        int row = repeats.get(0);
        assertThatThrownBy(() -> index.check(1, Duplicates.REJECT))
            .hasMessageContaining("%,d and %,d".formatted(first.get(values[row]) + 1, row + 1));
      }
    }
  }

  @Test
  void tagsThatShareOneHalfAreNoRepeats() {
    int count = 30_000;
    long[] tags = new long[2 * count];
    for (int i = 0; i < count; i++) {
      // Pairs of each of 100 first and 300 second halves.
      tags[2 * i] = i % 100;
      tags[2 * i + 1] = i / 100;
    }
    Repeats.find(tags, count, (place, first) -> fail("%d is no repeat of %d", place, first));
    tags[2 * 20_007] = tags[2 * 123];
    tags[2 * 20_007 + 1] = tags[2 * 123 + 1];
    List<Integer> found = new ArrayList<>();
    Repeats.find(tags, count, (place, first) -> Collections.addAll(found, place, first));
    assertThat(found).containsExactly(20_007, 123);
    Arrays.fill(tags, 5);
    found.clear();
    Repeats.find(tags, count, (place, first) -> found.add(first));
    assertThat(found).hasSize(count - 1).containsOnly(0);
  }

  @Test
  void aTableThatChangesIsNoticed() {
    Rule rule = new Rule(List.of(Part.of("id")));
    Rows two = ids("a", "b");
    KeySource longer =
        new KeySource() {
          @Override
          public int rows() {
            return 3;
          }

          @Override
          public void scan(List<String> columns, RowVisitor visitor) {
            two.scan(columns, visitor);
          }
        };
    assertThatThrownBy(() -> KeyIndex.of(longer, rule))
        .isInstanceOf(AlignmentException.SourceChanged.class)
        .hasMessageContaining("2 rows came of 3");
    KeySource backwards =
        new KeySource() {
          @Override
          public int rows() {
            return 2;
          }

          @Override
          public void scan(List<String> columns, RowVisitor visitor) {
            visitor.row(1, new String[] {"a"});
          }
        };
    assertThatThrownBy(() -> KeyIndex.of(backwards, rule))
        .isInstanceOf(AlignmentException.SourceChanged.class);
  }

  @Test
  void parsesPolicies() {
    assertThat(Duplicates.parse("reject")).isEqualTo(Duplicates.REJECT);
    assertThat(Duplicates.parse("first")).isEqualTo(Duplicates.FIRST);
    assertThat(Duplicates.parse("all").at(true)).isEqualTo(Duplicates.FIRST);
    assertThat(Duplicates.ALL.at(false)).isEqualTo(Duplicates.REJECT);
    assertThat(Duplicates.FIRST.at(false)).isEqualTo(Duplicates.FIRST);
    assertThatThrownBy(() -> Duplicates.parse("some"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'some'");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "123456789|9 digits",
        "A1|1 letter 1 digit",
        "1999-12-31|4 digits '-' 2 digits '-' 2 digits",
        "anna o'neil|4 letters space 1 letter ''' 4 letters",
        "..x|2 '.' 1 letter",
        "é e\u0301|1 letter space 2 letters",
        "a1b2c3d4e5f6|12 mixed characters",
        "a\u00adb|1 letter U+00AD 1 letter",
        "\uD835\uDC00|1 letter"
      },
      quoteCharacter = '#')
  void describesShapes(String value, String shape) {
    assertThat(MatchReport.shape(value)).isEqualTo(shape);
  }

  @Test
  void reportsWhatTheKeyMakesOfATable() {
    List<String[]> rows = new ArrayList<>();
    for (int i = 0; i < 96; i++) {
      rows.add(new String[] {"%09d".formatted(i), "Name " + (i % 48)});
    }
    rows.add(new String[] {null, "Name 1"});
    rows.add(new String[] {"n/a", "Name 1"});
    rows.add(new String[] {"12 345", null});
    rows.add(new String[] {"000000001", "Else"});
    MatchKey key =
        new MatchKey(
            List.of(
                new Rule(List.of(Part.of("id", "digits"))),
                new Rule(List.of(Part.of("name", "casefold")))));
    MatchReport report =
        MatchReport.of(new Rows(List.of("id", "name"), rows.toArray(String[][]::new)), key);
    assertThat(report.rows()).isEqualTo(100);
    MatchReport.RuleReport id = report.rules().get(0);
    assertThat(id.number()).isEqualTo(1);
    assertThat(id.usable()).isEqualTo(98);
    assertThat(id.distinct()).isEqualTo(97);
    assertThat(id.nulls()).isEqualTo(2);
    assertThat(id.nullRate()).isEqualTo(0.02);
    assertThat(id.duplicates()).isEqualTo(1);
    assertThat(id.duplicateRate()).isCloseTo(1 / 98.0, within(1e-12));
    MatchReport.ColumnReport column = id.columns().get(0);
    assertThat(column.column()).isEqualTo("id");
    assertThat(column.normalisers()).containsExactly("digits");
    assertThat(column.missing()).isEqualTo(1);
    assertThat(column.unusable()).isEqualTo(1);
    assertThat(column.shapes())
        .containsExactly(
            new MatchReport.Shape("9 digits", 97, 97 / 98.0),
            new MatchReport.Shape("5 digits", 1, 1 / 98.0));
    MatchReport.RuleReport name = report.rules().get(1);
    assertThat(name.duplicates()).isEqualTo(50);
    assertThat(name.columns().get(0).shapes().get(0).shape()).isEqualTo("4 letters space 2 digits");
    assertThat(report.toString())
        .contains("100 rows", "rule 1: 97 different keys; 2 rows (2.0 %)", "99.0 %  9 digits")
        .doesNotContain("12345", "Else", "else");
  }

  @Test
  void manyShapesAreSummedUp() {
    List<String> ids = new ArrayList<>();
    for (int i = 1; i <= 20; i++) {
      ids.add("1".repeat(i));
      ids.add("2".repeat(Math.min(i, 3)));
    }
    MatchReport report =
        MatchReport.of(ids(ids.toArray(String[]::new)), MatchKey.of(Part.of("id")));
    List<MatchReport.Shape> shapes = report.rules().get(0).columns().get(0).shapes();
    assertThat(shapes).hasSize(9);
    assertThat(shapes.get(0)).isEqualTo(new MatchReport.Shape("3 digits", 19, 19 / 40.0));
    assertThat(shapes.get(8)).isEqualTo(new MatchReport.Shape(MatchReport.OTHER, 12, 0.3));
    assertThat(MatchReport.of(ids(), MatchKey.of(Part.of("id"))).rules().get(0).nullRate())
        .isZero();
  }
}
