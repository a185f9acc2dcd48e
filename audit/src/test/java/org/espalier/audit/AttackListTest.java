package org.espalier.audit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The table of attacks in the documents names tests that there are. */
class AttackListTest {
  private static final Path ROOT = Path.of("..");
  private static final Pattern ROW = Pattern.compile("\\| (\\d+) \\| .*");
  private static final Pattern TEST = Pattern.compile("`(\\w+Test)#(\\w+)`");

  @Test
  void everyAttackHasItsRowAndEveryTestExists() throws IOException {
    Map<String, String> sources = new HashMap<>();
    for (String module : List.of("audit", "silo-node")) {
      try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src/test/java"))) {
        for (Path file : files.filter(f -> f.toString().endsWith("Test.java")).toList()) {
          String name = file.getFileName().toString();
          sources.put(name.substring(0, name.length() - 5), Files.readString(file));
        }
      }
    }
    String text = Files.readString(ROOT.resolve("docs/security.md"));
    int from = text.indexOf("**The audit log: 28 attacks**");
    List<String> rows =
        text.substring(from).lines().takeWhile(line -> !line.startsWith("28 of")).toList();
    List<Integer> numbers =
        rows.stream()
            .map(ROW::matcher)
            .filter(Matcher::matches)
            .map(row -> Integer.parseInt(row.group(1)))
            .toList();
    assertThat(numbers).containsExactlyElementsOf(IntStream.rangeClosed(1, 28).boxed().toList());
    Matcher test = TEST.matcher(String.join("\n", rows));
    int seen = 0;
    while (test.find()) {
      assertThat(sources).containsKey(test.group(1));
      assertThat(sources.get(test.group(1))).contains("void " + test.group(2) + "(");
      seen++;
    }
    assertThat(seen).isGreaterThan(30);
  }
}
