package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.CookieManager;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.control.ControlClient;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Users of the machine at a node, each with the commands of its roles, named in the audit log. */
class UsersTest {
  private static final String SELF = System.getProperty("user.name");

  @TempDir Path root;
  private TestSilo bank;
  private ControlClient user;

  private void start(String roles) throws IOException {
    bank = TestSilo.create("bank.example", root);
    Path socket = root.resolve("users.sock");
    String config =
        Files.readString(bank.home.config()).replaceAll("(?m)^(users|console):.*\n", "");
    Files.writeString(
        bank.home.config(),
        config
            + "users: {socket: \"%s\", roles: {%s: [%s]}}\n".formatted(socket, SELF, roles)
            + "console: {listen: \"127.0.0.1:0\"}\n");
    bank.start();
    user = new ControlClient(socket);
  }

  @AfterEach
  void stop() {
    bank.close();
  }

  private JsonNode call(String command, ObjectNode args) {
    return user.call(command, args, event -> {});
  }

  private List<JsonNode> logged(String type) {
    ObjectNode args = Json.object().put("count", 100).put("type", type);
    return List.copyOf(bank.call("audit.tail", args).findParents("actor"));
  }

  @Test
  void aStewardRegistersDataAndDoesNotInvitePartners() throws Exception {
    start("data_steward");
    Path file = bank.file("people", List.of("person,bad", "P1,0", "P2,1"));
    ObjectNode args = TestSilo.args("name", "people", "file", file.toString());
    ObjectNode schema = args.putObject("schema");
    schema.putArray("columns").addObject().put("name", "person").put("type", "id");
    schema.withArray("columns").addObject().put("name", "bad").put("type", "label");
    assertThat(call("dataset.add", args).path("rows").asInt()).isEqualTo(2);
    assertThat(logged("dataset.added").get(0).at("/actor/opened/pseudonym").asText())
        .isEqualTo("user-" + SELF);

    assertThatThrownBy(() -> call("partner.invite", TestSilo.args("name", "insurer.example")))
        .isInstanceOfSatisfying(
            Problem.class,
            problem ->
                assertThat(problem.what()).contains("(data_steward) may not do partner.invite"));
    assertThat(bank.call("partner.list").path("partners")).isEmpty();
    JsonNode denied = logged("request.denied").get(0);
    assertThat(denied.at("/rule").asText()).isEqualTo("role.partner.invite");
    assertThat(denied.at("/actor/opened/pseudonym").asText()).isEqualTo("user-" + SELF);

    assertThat(call("dataset.remove", TestSilo.args("name", "people")).path("removed").asBoolean())
        .isTrue();
    assertThat(logged("dataset.removed").get(0).at("/actor/opened/pseudonym").asText())
        .isEqualTo("user-" + SELF);
    assertThat(call("dataset.add", args).path("rows").asInt()).isEqualTo(2);

    // What the node may read and the user may not.
    Path link = Files.createSymbolicLink(root.resolve("link.csv"), bank.home.passphrase());
    args.put("file", link.toString());
    assertThatThrownBy(() -> call("dataset.add", args))
        .hasMessage("files in the node's folder are no data sets");

    // What the user sees and the node does not.
    args.put("file", root.resolve("unseen.csv").toString());
    assertThatThrownBy(() -> call("dataset.add", args))
        .isInstanceOfSatisfying(
            Problem.class,
            problem -> {
              assertThat(problem.what())
                  .isEqualTo("the node cannot read " + args.path("file").asText());
              assertThat(problem.detail().orElse(""))
                  .contains("NoSuchFileException", "sees nothing in /home");
            });

    // Registered as a file of its own, and a link to a secret since.
    Path own = bank.file("own", List.of("person,bad", "P1,0"));
    args.put("file", own.toString());
    assertThat(call("dataset.add", args).path("rows").asInt()).isEqualTo(1);
    Files.delete(own);
    Files.createSymbolicLink(own, bank.home.passphrase());
    ObjectNode match = TestSilo.args("dataset", "people");
    match.putArray("match").addArray().addObject().put("column", "person");
    assertThatThrownBy(() -> call("match.check", match))
        .hasMessage("the file of data set people is reached by a link");

    // A link that was there from the beginning leads to what it led to then.
    Path good = bank.file("good", List.of("person,bad", "P1,0", "P2,1", "P3,1"));
    Path current = Files.createSymbolicLink(root.resolve("current.csv"), good);
    args.put("file", current.toString());
    assertThat(call("dataset.add", args).path("file").asText()).isEqualTo(good.toString());

    // Whatever is read, another file's words are not told.
    Path secret = Files.writeString(root.resolve("secret.txt"), "correct horse battery staple\n");
    args.put("file", secret.toString());
    assertThatThrownBy(() -> call("dataset.add", args))
        .isInstanceOfSatisfying(
            Problem.class,
            problem -> assertThat(problem.toJson().toString()).doesNotContain("horse"));
  }

  @Test
  void aScientistProposesOnlyWhereSomebodyElseApproves() throws Exception {
    start("scientist");
    bank.dataset("people", TestData.bank(0, 100));
    ObjectNode args = Json.object();
    args.set("spec", TestData.twoParties(10));
    assertThatThrownBy(() -> call("job.propose", args))
        .hasMessageContaining("proposing this job is the party's approval, which " + SELF);
    assertThat(bank.call("job.list").path("jobs")).isEmpty();
  }

  @Test
  void anAuditorReadsAndExportsAndChangesNothing() throws Exception {
    start("auditor");
    assertThat(call("audit.tail", Json.object()).path("events")).isNotEmpty();
    assertThat(call("audit.verified", Json.object()).path("ok").asBoolean()).isTrue();
    for (String command :
        List.of(
            "dataset.add",
            "dataset.remove",
            "job.propose",
            "job.approve",
            "policy.apply",
            "halt",
            "stop",
            "audit.prune")) {
      assertThatThrownBy(() -> call(command, Json.object()))
          .hasMessageContaining("(auditor) may not do " + command);
    }
    assertThat(bank.isRunning()).isTrue();
    assertThat(readings("user-" + SELF)).isEqualTo(1);

    // Also by a browser that was let in for the user; the owner's is another's reading.
    String way = call("console", Json.object()).path("url").asText();
    HttpClient browser = HttpClient.newBuilder().cookieHandler(new CookieManager()).build();
    assertThat(get(browser, way).statusCode()).isEqualTo(303);
    String page = way.substring(0, way.indexOf("/enter")) + "/audit";
    assertThat(get(browser, page).body()).contains("audit.reviewed");
    assertThat(readings("user-" + SELF)).isEqualTo(2);
    HttpClient owners = HttpClient.newBuilder().cookieHandler(new CookieManager()).build();
    get(owners, bank.call("console").path("url").asText());
    assertThat(get(owners, page).statusCode()).isEqualTo(200);
    assertThat(readings("user-" + SELF)).isEqualTo(2);
  }

  private static HttpResponse<String> get(HttpClient browser, String url) throws Exception {
    return browser.send(
        HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString());
  }

  private long readings(String pseudonym) {
    return logged("audit.reviewed").stream()
        .filter(e -> e.at("/actor/opened/pseudonym").asText().equals(pseudonym))
        .count();
  }
}
