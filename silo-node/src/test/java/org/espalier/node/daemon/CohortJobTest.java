package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Alignments are frozen, used again, limited, and compared with earlier ones. */
class CohortJobTest extends TwoSilos {
  private static final int BANK_PEOPLE = 300;
  private static final int INSURER_FROM = 40;
  private static final int INSURER_TO = 330;

  @BeforeEach
  void register() {
    bank.dataset("people", TestData.bank(0, BANK_PEOPLE));
    insurer.dataset("people", TestData.insurer(INSURER_FROM, INSURER_TO));
  }

  private static ObjectNode spec() {
    ObjectNode spec = (ObjectNode) TestData.twoParties(50);
    spec.putObject("training").put("level", "gradients").put("max_passes", 2);
    ((ObjectNode) spec.path("training")).putArray("accept").add("span");
    return spec;
  }

  private static ObjectNode reusing(String cohort) {
    ObjectNode spec = spec();
    spec.withObject("alignment").put("cohort", cohort);
    return spec;
  }

  private static ObjectNode asked(ObjectNode spec) {
    return (ObjectNode) Json.object().set("spec", spec);
  }

  private JsonNode run(ObjectNode spec) {
    String job = begin(spec);
    JsonNode report = SiloNodeTest.done(bank, job);
    assertThat(SiloNodeTest.done(insurer, job).path("alignment"))
        .isEqualTo(report.path("alignment"));
    return ((ObjectNode) report).put("job", job);
  }

  private static void policy(TestSilo silo, String yaml) {
    silo.stop();
    silo.policy(yaml);
    silo.start();
  }

  private static int logged(TestSilo silo, String type) {
    return silo.call("audit.tail", Json.object().put("count", 1000).put("type", type))
        .path("events")
        .size();
  }

  private static List<String> cohort(TestSilo silo, JsonNode report) throws IOException {
    return Files.readAllLines(
        silo.home.results().resolve(report.path("job").asText() + ".cohort.csv"));
  }

  private static Path sealed(TestSilo silo, String digest) {
    return silo.home.cohorts().resolve(digest + ".cohort");
  }

  @Test
  void aLaterJobUsesTheCohortAgainAndNothingIsAligned() throws IOException {
    JsonNode first = run(spec());
    String digest = first.at("/alignment/cohort").asText();
    assertThat(first.at("/alignment/size").asInt()).isEqualTo(BANK_PEOPLE - INSURER_FROM);
    for (TestSilo silo : List.of(bank, insurer)) {
      JsonNode all = silo.call("cohort.list").path("cohorts");
      assertThat(all).hasSize(1);
      assertThat(all.at("/0/digest").asText()).isEqualTo(digest);
      assertThat(all.at("/0/usable").asBoolean()).isTrue();
      assertThat(logged(silo, "disclosure.alignment")).isEqualTo(1);
      assertThat(silo.call("job.show", "job", first.path("job").asText()).path("checks").toString())
          .contains("new alignment 1 in 90 days with");
    }
    theJobMustFitTheCohort(digest);
    aTamperedFileIsRefused(digest);

    JsonNode plan = bank.call("job.plan", asked(reusing(digest)));
    assertThat(plan.path("passed").asBoolean()).isTrue();
    assertThat(plan.path("checks").toString())
        .contains("reuses cohort " + digest.substring(0, 16), "nothing new is learnt");
    assertThat(plan.path("learns").toString())
        .contains("nothing new about who is in whose table")
        .doesNotContain("usable keys");
    assertThat(plan.at("/estimate/rows_assumed").asInt()).isEqualTo(BANK_PEOPLE - INSURER_FROM);
    assertThat(plan.at("/estimate/phases/align/bank.example/sent").asLong()).isZero();

    JsonNode again = run(reusing(digest));
    assertThat(again.path("alignment")).isEqualTo(first.path("alignment"));
    for (TestSilo silo : List.of(bank, insurer)) {
      assertThat(cohort(silo, again)).as("rows and who is held out").isEqualTo(cohort(silo, first));
      assertThat(logged(silo, "disclosure.alignment")).isEqualTo(1);
      JsonNode shown = silo.call("cohort.show", "cohort", digest.substring(0, 8));
      assertThat(shown.path("used_by").toString()).contains(again.path("job").asText());
      SiloNodeTest.verified(silo);
    }
    assertThat(again.path("transcripts").has("align")).isFalse();
    assertThat(bank.call("cohort.list").path("cohorts")).hasSize(1);
    onlyTheSameFileWillDo(digest);
    itIsDeletedWhenNoJobThatIsNotOverUsesIt(
        digest, first.path("job").asText(), again.path("job").asText());
  }

  private void theJobMustFitTheCohort(String digest) {
    ObjectNode three = reusing(digest);
    three.withObject("parties").putObject("telecom.example").put("dataset", "people");
    ((ObjectNode) three.at("/match/0/0/column")).put("telecom.example", "customer");
    assertThat(bank.call("job.plan", asked(three)).path("checks").toString())
        .contains("was aligned by other parties than those of the job");
    ObjectNode matched = reusing(digest);
    ((ObjectNode) matched.at("/match/0/0")).putArray("normalise").add("trim");
    assertThat(bank.refusal("job.propose", asked(matched)).what())
        .contains("was aligned with another match section");
    ObjectNode first = reusing(digest);
    first.withObject("alignment").put("duplicates", "first");
    assertThat(bank.refusal("job.propose", asked(first)).what()).contains("or duplicates");
    ObjectNode many = reusing(digest);
    many.withObject("alignment").put("min_intersection", 261);
    assertThat(bank.refusal("job.propose", asked(many)).what())
        .contains("smaller than alignment.min_intersection");
    assertThat(bank.refusal("job.propose", asked(reusing("ab".repeat(32)))).what())
        .contains("this node has no cohort");
  }

  private void aTamperedFileIsRefused(String digest) throws IOException {
    Path file = sealed(insurer, digest);
    byte[] whole = Files.readAllBytes(file);
    assertThat(new String(whole, StandardCharsets.ISO_8859_1))
        .doesNotContain("insurer.example", digest);
    String job = bank.propose(reusing(digest));
    byte[] changed = whole.clone();
    changed[whole.length - 20] ^= 1;
    Files.write(file, changed);
    assertThat(insurer.refusal("job.approve", TestSilo.args("job", job)).what())
        .isEqualTo("the file of cohort " + digest.substring(0, 16) + " was changed or is damaged");
    assertThat(insurer.call("cohort.list").at("/cohorts/0/usable").asBoolean(true)).isFalse();
    // The other node's file of the same cohort is none either: its rows are not these.
    Files.write(file, Files.readAllBytes(sealed(bank, digest)));
    assertThat(insurer.refusal("job.approve", TestSilo.args("job", job)).what())
        .contains("was changed or is damaged");
    Files.write(file, whole);
  }

  private void onlyTheSameFileWillDo(String digest) {
    insurer.dataset("people", TestData.insurer(INSURER_FROM, INSURER_TO - 1));
    String job = bank.propose(reusing(digest));
    assertThat(insurer.refusal("job.approve", TestSilo.args("job", job)).what())
        .contains("was aligned on another file than the data set has now");
    assertThat(insurer.call("cohort.show", "cohort", digest).path("why_not").asText())
        .contains("no data set here has the file");
    insurer.dataset("copy", TestData.insurer(INSURER_FROM, INSURER_TO));
    ObjectNode renamed = reusing(digest);
    ((ObjectNode) renamed.at("/parties/insurer.example")).put("dataset", "copy");
    insurer.call("job.approve", "job", bank.propose(renamed));
  }

  private void itIsDeletedWhenNoJobThatIsNotOverUsesIt(String digest, String... jobs)
      throws IOException {
    ObjectNode cohort = TestSilo.args("cohort", digest.substring(0, 8));
    Problem used = bank.refusal("cohort.delete", cohort);
    assertThat(used.kind()).isEqualTo(Problem.Kind.WRONG_STATE);
    assertThat(used.what()).contains("is not over and uses this cohort");
    for (JsonNode job : bank.call("job.list").path("jobs")) {
      if (!job.path("state").asText().equals("DONE")) {
        bank.call("job.abort", "job", job.path("id").asText());
      }
    }
    Path other = Files.writeString(bank.home.results().resolve("J-0000.cohort.csv"), "");
    assertThat(files(bank)).hasSize(jobs.length + 1);
    JsonNode deleted = bank.call("cohort.delete", cohort);
    assertThat(deleted.path("digest").asText()).isEqualTo(digest);
    assertThat(deleted.path("files").toString()).contains(jobs);
    assertThat(files(bank)).as("who is in it, in the clear").containsExactly(other);
    assertThat(bank.call("cohort.list").path("cohorts")).isEmpty();
    assertThat(bank.refusal("job.propose", asked(reusing(digest))).what())
        .contains("this node has no cohort");
    assertThat(bank.call("audit.tail", Json.object().put("count", 10)).toString())
        .contains("cohort.delete");
    assertThat(insurer.call("cohort.list").path("cohorts")).hasSize(1);
    aDamagedOneIsDeletedWithItsFiles(digest);
  }

  private void aDamagedOneIsDeletedWithItsFiles(String digest) throws IOException {
    assertThat(files(insurer)).hasSize(2);
    Files.writeString(sealed(insurer, digest), "not what was written");
    for (JsonNode job : insurer.call("job.list").path("jobs")) {
      if (!job.path("state").asText().matches("DONE|ABORTED")) {
        insurer.call("job.abort", "job", job.path("id").asText());
      }
    }
    insurer.call("cohort.delete", "cohort", digest);
    assertThat(files(insurer)).isEmpty();
  }

  private static List<Path> files(TestSilo silo) throws IOException {
    try (Stream<Path> files = Files.list(silo.home.results())) {
      return files.filter(file -> file.toString().contains(".cohort.csv")).toList();
    }
  }

  /**
   * The attack: a data set is aligned, one person is taken out of it, and it is aligned again. The
   * partner sees which of its own people is no longer in the cohort.
   */
  @Test
  void theDifferenceOfTwoCohortsNamesAPersonUnlessThePolicyForbidsIt() throws IOException {
    policy(insurer, "alignment: {min_set_difference: 20}");
    JsonNode all = run(spec());
    int victim = 123;
    List<String> without = new ArrayList<>(TestData.insurer(INSURER_FROM, INSURER_TO));
    without.removeIf(line -> line.startsWith("c%06d".formatted(victim)));
    insurer.dataset("people", without);
    String attack = begin(spec());
    JsonNode cause = insurer.await(attack, 60).at("/job/cause");
    assertThat(cause.path("what").asText())
        .contains("by fewer than 20", "would tell who was added or left out");
    assertThat(cause.path("detail").asText()).contains("by 1;");
    JsonNode heard = bank.await(attack, 60).at("/job/cause");
    assertThat(heard.path("what").asText()).contains("which its policy refuses");
    assertThat(heard.has("detail")).isFalse();
    assertThat(heard.path("party").asText()).isEqualTo("insurer.example");
    assertThat(logged(insurer, "disclosure.alignment")).isEqualTo(1);

    policy(insurer, "partners: {bank.example: {alignment: {new_alignments_per_90d: 1}}}");
    String again = bank.propose(spec());
    assertThat(insurer.call("job.show", "job", again).path("checks").toString())
        .contains("allows 1 new alignments", "the next is possible from");
    assertThat(insurer.refusal("job.approve", TestSilo.args("job", again)).what())
        .contains(
            "the policy of insurer.example allows 1 new alignments of a data set with bank.example in"
                + " 90 days; the next is possible from 2");

    policy(insurer, "alignment: {new_alignments_per_90d: 2}");
    JsonNode less = run(spec());
    assertThat(insurer.call("job.show", "job", less.path("job").asText()).path("checks").toString())
        .contains("new alignment 2 of 2 in 90 days with bank.example");
    assertThat(insurer.call("cohort.list").at("/cohorts/1/size").asInt())
        .as("kept before two restarts")
        .isEqualTo(BANK_PEOPLE - INSURER_FROM);
    Set<String> named = rows(all);
    named.removeAll(rows(less));
    assertThat(named).containsExactly(Integer.toString(victim + 1));
  }

  private Set<String> rows(JsonNode report) throws IOException {
    Set<String> rows = new TreeSet<>();
    cohort(bank, report).stream().skip(1).forEach(line -> rows.add(line.split(",", -1)[1]));
    return rows;
  }
}
