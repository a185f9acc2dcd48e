package org.espalier.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import org.espalier.node.cli.CommandLineFixture.Said;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

class ReportTest {
  /** Every element that a page may have; none loads or runs anything. */
  private static final Set<String> ELEMENTS =
      Set.of(
          ("html head meta title style body header main h1 h2 h3 p ul li table caption thead tbody"
                  + " tr th td div figure figcaption strong span svg desc text line polyline circle")
              .split(" ", -1));

  private CommandLineFixture silo;
  @TempDir Path folder;

  @BeforeEach
  void open() throws IOException {
    silo = new CommandLineFixture();
  }

  @AfterEach
  void close() throws IOException {
    silo.close();
  }

  private static JsonNode report() {
    return Json.parse("report", Answers.MODEL_REPORT);
  }

  /** A page is well-formed XML as well, which makes it easy to look into. */
  private static Document parsed(String page) throws Exception {
    String body = page.substring(page.indexOf('\n') + 1);
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new ByteArrayInputStream(body.getBytes(StandardCharsets.UTF_8)));
  }

  private static List<Element> elements(Document page, String name) {
    NodeList found = page.getElementsByTagName(name);
    List<Element> list = new ArrayList<>();
    for (int i = 0; i < found.getLength(); i++) {
      list.add((Element) found.item(i));
    }
    return list;
  }

  /** Rows of the table with this caption, header included, cells parted by bars. */
  private static List<String> table(Document page, String caption) {
    for (Element table : elements(page, "table")) {
      NodeList captions = table.getElementsByTagName("caption");
      if (captions.getLength() == 1 && captions.item(0).getTextContent().equals(caption)) {
        List<String> rows = new ArrayList<>();
        NodeList trs = table.getElementsByTagName("tr");
        for (int i = 0; i < trs.getLength(); i++) {
          List<String> cells = new ArrayList<>();
          for (var n = trs.item(i).getFirstChild(); n != null; n = n.getNextSibling()) {
            if (n instanceof Element cell) {
              cells.add(cell.getTextContent());
            }
          }
          rows.add(String.join("|", cells));
        }
        return rows;
      }
    }
    throw new AssertionError("no table " + caption);
  }

  @Test
  void theCurveOfACrossValidationIsATableAndAPlot() throws Exception {
    ObjectNode report = (ObjectNode) report();
    report.set("path", Json.parse("path", Answers.PATH));
    String text = ReportPage.of(report);
    Document page = parsed(text);
    assertThat(table(page, "Loss of people who were left out"))
        .containsExactly(
            "l2|Mean loss|Standard error|Passes",
            "1|0.6000|0.0100|5",
            "0.1, chosen|0.5000|0.0200|4",
            "0.01|0.5500|0.0300|2, short of the tolerance");
    assertThat(text).contains("one standard error around it");
    assertThat(elements(page, "polyline").stream().map(line -> line.getAttribute("points")))
        .anyMatch(points -> points.split(" ", -1).length == 6);
    silo.answer("job.report", Json.write(report));
    assertThat(silo.run("job", "report", "J-1a2b3c4d").out().replaceAll(" +", " "))
        .contains("path loss of people left out, 5 folds, chosen: best")
        .contains("0.1000 0.5000 0.0200 4 chosen");
  }

  @Test
  void earlyStoppingHasACurveOfItsOwnAndTheStartIsNamed() throws Exception {
    ObjectNode report = (ObjectNode) report();
    ObjectNode model = (ObjectNode) report.path("card").path("model");
    model.put("start", "J-0a0b0c0d").put("kept_pass", 2).put("set_aside", 0.4);
    report.set(
        "passes",
        Json.parse(
            "passes",
            """
            [{"pass": 1, "objective": 0.7, "estimated_gap": 0.1, "set_aside": 0.69, "seconds": 1},
             {"pass": 2, "objective": 0.5, "estimated_gap": null, "set_aside": 0.45, "seconds": 1}]
            """));
    String text = ReportPage.of(report);
    assertThat(text)
        .contains("the model of J-0a0b0c0d")
        .contains(
            "weights after pass 2, where the loss of a tenth of the training people, set aside")
        .contains("Loss of training people set aside")
        .doesNotContain("Estimated distance from the minimum");
    // The loss with the kept weights, those after the last pass, is the third point.
    assertThat(elements(parsed(text), "polyline").stream().map(line -> line.getAttribute("points")))
        .anyMatch(points -> points.split(" ", -1).length == 3);
  }

  @Test
  void theFileIsWrittenOnceAndForItsOwnerOnly() throws IOException {
    Path file = folder.resolve("model.html");
    silo.answer("job.report", Answers.MODEL_REPORT);
    Said said = silo.run("job", "report", "J-1a2b3c4d", "--html", file.toString());
    assertThat(said.exitCode()).isZero();
    assertThat(said.out()).isEqualTo("Report of J-1a2b3c4d in " + file + "\n");
    assertThat(silo.argsOf("job.report").path("job").asText()).isEqualTo("J-1a2b3c4d");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    String page = Files.readString(file);
    assertThat(page).isEqualTo(ReportPage.of(report()));
    Said again = silo.run("job", "report", "J-1a2b3c4d", "--html", file.toString());
    assertThat(again.exitCode()).isEqualTo(4);
    assertThat(again.err()).contains("exists already");
    assertThat(silo.runJson("job", "report", "J-1a2b3c4d").json()).isEqualTo(report());
  }

  @Test
  void peopleReadCardFiguresAndTables() {
    Said said = silo.answer("job.report", Answers.MODEL_REPORT).run("job", "report", "J-1a2b3c4d");
    assertThat(said.out().lines().map(line -> line.strip().replaceAll(" {2,}", "|")))
        .containsSubsequence(
            "model|default-risk (J-1a2b3c4d), purpose credit-risk-research",
            "people|cohort 500-999, trained on 500-999, held out 100-199",
            "party|bank.example, label default, columns income, housing",
            "party|telecom.example",
            "finding|leave some columns out",
            "limit|the figures are of everybody together",
            "stability population stability index 0.0312",
            "threshold 0.1 is not shown: fewer than 20 people are on one side",
            "THRESHOLD|TP|FP|FN|TN|PRECISION|RECALL|F1|ACCURACY",
            "0.5|20|10|20|110|0.6667|0.5000|0.5714|0.8125",
            "80|30|0.3750|1.5000|0.5000|0.7500");
  }

  @Test
  void everyPlotHasItsFiguresInWordsAndInATable() throws Exception {
    Document page = parsed(ReportPage.of(report()));
    List<String> titles = new ArrayList<>();
    Set<String> ids = new HashSet<>();
    for (Element svg : elements(page, "svg")) {
      if (svg.getAttribute("aria-hidden").equals("true")) {
        continue;
      }
      assertThat(svg.getAttribute("role")).isEqualTo("img");
      Element title = (Element) svg.getElementsByTagName("title").item(0);
      Element desc = (Element) svg.getElementsByTagName("desc").item(0);
      assertThat(svg.getAttribute("aria-labelledby"))
          .isEqualTo(title.getAttribute("id") + " " + desc.getAttribute("id"));
      assertThat(ids.add(title.getAttribute("id"))).isTrue();
      assertThat(desc.getTextContent()).contains(" from ", " points");
      titles.add(title.getTextContent());
    }
    assertThat(titles)
        .containsExactly(
            "ROC curve",
            "Precision and recall",
            "Cumulative gain",
            "Lift",
            "Calibration",
            "Objective",
            "Estimated distance from the minimum");
    assertThat(table(page, "Points of these curves"))
        .containsExactly(
            "Threshold|Flagged|Label 1|Recall|False positive rate|Precision|Distance",
            "|0|0|0|0||0.0000",
            "0.2500|80|30|0.7500|0.4167|0.3750|0.3333",
            "|160|40|1|1|0.2500|0.0000");
    assertThat(table(page, "Confusion matrices").get(1))
        .isEqualTo("0.5|20|10|20|110|0.6667|0.5000|0.9167|0.5714|0.8125");
    assertThat(table(page, "Figures"))
        .contains("AUC|0.7812", "AUC, 95 % interval (DeLong)|0.7000 to 0.8500");
    assertThat(table(page, "Parties, and columns as far as this node knows them"))
        .contains(
            "bank.example|label: default|loans|income, housing|4",
            "insurer.example|features|claims|age|",
            "telecom.example|features|contracts|all features; the job names none|");
    assertThat(table(page, "Parameters that ran")).contains("security_bits|128");
    assertThat(table(page, "Digests"))
        .contains("log of bank.example|bank.example/silo/audit/1, 77 events, root cm9vdA==");
    assertThat(table(page, "Predicted beside actual; the ratio is the one by the other"))
        .contains("align: time|1.2 s|1.5 s|0.80");
  }

  /** From the lower left corner to the upper right, by the one point between. */
  @Test
  void linesAreWhereTheFiguresAre() throws Exception {
    Document page = parsed(ReportPage.of(report()));
    Element roc = elements(page, "svg").get(0);
    NodeList lines = roc.getElementsByTagName("polyline");
    assertThat(((Element) lines.item(0)).getAttribute("points"))
        .isEqualTo("62.0,274.0 222.0,79.0 446.0,14.0");
    assertThat(((Element) lines.item(1)).getAttribute("points")).isEqualTo("62.0,274.0 446.0,14.0");
  }

  /** Passes 1 to 3; an objective from 0.48125 to 0.61. */
  @Test
  void axesHaveRoundNumbers() throws Exception {
    Document page = parsed(ReportPage.of(report()));
    for (Element svg : elements(page, "svg")) {
      if (svg.getAttribute("aria-labelledby").startsWith("objective-title")) {
        List<String> texts = new ArrayList<>();
        NodeList found = svg.getElementsByTagName("text");
        for (int i = 0; i < found.getLength(); i++) {
          texts.add(found.item(i).getTextContent());
        }
        assertThat(texts)
            .containsExactly(
                "1",
                "1.5",
                "2",
                "2.5",
                "3",
                "0.45",
                "0.5",
                "0.55",
                "0.6",
                "0.65",
                "pass",
                "objective");
        return;
      }
    }
    throw new AssertionError("no plot of the objective");
  }

  @Test
  void nothingIsLoadedAndNothingRuns() throws Exception {
    String page = ReportPage.of(report());
    assertThat(page)
        .startsWith("<!DOCTYPE html>\n")
        .contains("default-src &#39;none&#39;")
        .doesNotContain("url(", "http:", "https:", "@import", "src=", "href");
    assertHarmless(page);
  }

  private static void assertHarmless(String page) throws Exception {
    for (Element element : elements(parsed(page), "*")) {
      assertThat(ELEMENTS).contains(element.getTagName());
      for (int i = 0; i < element.getAttributes().getLength(); i++) {
        assertThat(element.getAttributes().item(i).getNodeName())
            .doesNotStartWith("on")
            .isNotIn("style", "src", "href");
      }
    }
  }

  @Test
  void whatPartnersWroteIsTextWhateverItLooksLike() throws Exception {
    String evil =
        "</title></style><script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;\u202e\u001b[2J";
    JsonNode hostile = report();
    poison(hostile, evil);
    String page = ReportPage.of(hostile);
    assertHarmless(page);
    assertThat(page).doesNotContain("<script", "<img", "\u202e", "\u001b");
    // Where texts are shown they are whole, and there is no other text that partners could write.
    Matcher seen =
        Pattern.compile(Pattern.quote("&lt;script&gt;alert(1)&lt;/script&gt;")).matcher(page);
    assertThat(seen.results().count()).isGreaterThan(40);
    assertThat(elements(parsed(page), "h1").get(0).getTextContent())
        .isEqualTo(
            "Model report: </title></style><script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;\\u{202e}\\u{1b}[2J");
    silo.answer("job.report", Json.write(hostile));
    assertThat(silo.run("job", "report", "J-1a2b3c4d").out()).doesNotContain("\u202e", "\u001b");
  }

  /** Every text becomes the evil one, and so does every name that is a party's or a parameter's. */
  private static void poison(JsonNode node, String evil) {
    if (node instanceof ObjectNode object) {
      List<String> names = new ArrayList<>();
      object.fieldNames().forEachRemaining(names::add);
      for (String name : names) {
        if (object.get(name).isTextual()) {
          object.set(name, TextNode.valueOf(evil));
        }
        poison(object.get(name), evil);
        if (name.contains(".") || name.equals("cipher") || name.equals("align")) {
          object.set(name + evil, object.remove(name));
        }
      }
    } else if (node instanceof ArrayNode array) {
      for (int i = 0; i < array.size(); i++) {
        if (array.get(i).isTextual()) {
          array.set(i, TextNode.valueOf(evil));
        }
        poison(array.get(i), evil);
      }
    }
  }

  @Test
  void weightsHaveTheirStandardErrors() throws Exception {
    ObjectNode inferred = (ObjectNode) report();
    inferred.set(
        "coefficients",
        Json.parse(
            "coefficients",
            """
            [{"feature":"income","weight":0.125,"standard_error":0.0625,"z":2.0,"p":0.0455,
              "low":0.0025,"high":0.2475,"vif":1.5},
             {"feature":"constant","weight":0.5,"standard_error":0.0,"z":null,"p":null,
              "low":0.5,"high":0.5}]
            """));
    assertThat(table(parsed(ReportPage.of(inferred)), "Weights of this party's prepared features"))
        .containsExactly(
            "Feature|Weight|Standard error|z|p|95% from|to|VIF",
            "income|0.1250|0.0625|2.0000|0.0455|0.0025|0.2475|1.5000",
            "constant|0.5000|0.0000|||0.5000|0.5000|");
    Said said = silo.answer("job.report", inferred.toString()).run("job", "report", "J-1a2b3c4d");
    assertThat(said.out().lines().map(line -> line.strip().replaceAll(" {2,}", "|")))
        .containsSubsequence(
            "weights|of this party's prepared features",
            "income|+0.125000|0.062500|+2.000|0.0455|+0.002500|+0.247500|1.50",
            "constant|+0.500000|0.000000|-|-|+0.500000|+0.500000|-");
    assertThat(ReportPage.of(report())).doesNotContain("Weights of this party");
  }

  @Test
  void aNumberIsJudgedByItsResiduals() throws Exception {
    ObjectNode linear = (ObjectNode) report();
    linear.set(
        "metrics",
        Json.parse(
            "metrics",
            """
            {"rows":40,"rmse":512.25,"mae":400.5,"r2":0.93,
             "residuals":[{"level":0.05,"residual":null},{"level":0.5,"residual":-1.25}],
             "bins":[{"rows":20,"predicted":18000,"observed":18100},
                     {"rows":20,"predicted":22000,"observed":21900}],"detail":"aggregate"}
            """));
    Document page = parsed(ReportPage.of(linear));
    assertThat(table(page, "Residuals: outcome minus prediction"))
        .containsExactly("Share below|Residual", "5 %|not shown", "50 %|-1.2500");
    assertThat(table(page, "Predictions by size")).contains("20|22,000|21,900");
    assertThat(elements(page, "desc").get(0).getTextContent())
        .contains("model: 2 points, from (18000, 18100) to (22000, 21900)");
  }

  @Test
  void withoutFiguresThereAreNone() throws Exception {
    ObjectNode withheld = (ObjectNode) report();
    withheld.set("metrics", Json.object().put("rows", 7).put("withheld", "fewer than 20 people"));
    assertThat(ReportPage.of(withheld)).contains("<p>fewer than 20 people</p>");
    withheld.remove("metrics");
    withheld.remove("passes");
    assertThat(elements(parsed(ReportPage.of(withheld)), "svg")).isEmpty();
    silo.answer("job.report", Json.write(withheld));
    assertThat(silo.run("job", "report", "J-1a2b3c4d").exitCode()).isZero();
  }
}
