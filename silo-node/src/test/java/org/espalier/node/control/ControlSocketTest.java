package org.espalier.node.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.node.store.Store;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
@SuppressWarnings("try") // a server works without being called
class ControlSocketTest {
  @TempDir Path folder;

  private SiloHome home() throws Exception {
    SiloHome home = new SiloHome(folder);
    SiloHome.createFile(home.config(), "name: a\nlisten: h:1\n".getBytes(StandardCharsets.UTF_8));
    return home;
  }

  /** A full disk and a database that is away are named, not only logged. */
  @Test
  void whatTheDatabaseSaysIsSaid() throws Exception {
    SiloHome home = home();
    try (Store store = Store.open(folder.resolve("silo.db"));
        ControlServer server =
            ControlServer.start(
                home.socket(),
                Map.of(
                    "list",
                    (args, events) -> {
                      store.update("DELETE FROM nowhere");
                      return args;
                    }))) {
      assertThatThrownBy(() -> new ControlClient(home).call("list", Json.object(), e -> {}))
          .isInstanceOfSatisfying(
              Problem.class,
              problem -> {
                assertThat(problem.kind()).isEqualTo(Problem.Kind.INTERNAL);
                assertThat(problem.what()).isEqualTo("the node's database cannot be used");
                assertThat(problem.detail().orElseThrow()).contains("no such table: nowhere");
              });
    }
  }

  private static List<JsonNode> collect(ControlClient client, String command, JsonNode[] result) {
    List<JsonNode> events = new ArrayList<>();
    result[0] = client.call(command, Json.object().put("n", 3), events::add);
    return events;
  }

  @Test
  void carriesResultsEventsAndProblems() throws Exception {
    SiloHome home = home();
    Problem told =
        Problem.refused("not like this")
            .at(new Party("b.example"))
            .detail("because\u001b[31m")
            .next("silo help");
    Map<String, ControlServer.Command> commands =
        Map.of(
            "echo", (args, events) -> args,
            "count",
                (args, events) -> {
                  for (int i = 0; i < args.path("n").asInt(); i++) {
                    events.send(Json.object().put("i", i));
                  }
                  return Json.object().put("done", true);
                },
            "refuse",
                (args, events) -> {
                  throw told;
                },
            "break",
                (args, events) -> {
                  throw new IllegalStateException("internal secret");
                },
            "no disk",
                (args, events) -> {
                  throw new UncheckedIOException(new IOException("disk full"));
                });
    ControlClient client = new ControlClient(home);
    assertThat(client.isRunning()).isFalse();
    try (ControlServer server = ControlServer.start(home.socket(), commands)) {
      assertThat(client.isRunning()).isTrue();
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(home.socket())))
          .isEqualTo("rw-------");
      JsonNode[] result = new JsonNode[1];
      assertThat(collect(client, "echo", result)).isEmpty();
      assertThat(result[0]).isEqualTo(Json.object().put("n", 3));
      assertThat(collect(client, "count", result))
          .extracting(e -> e.path("i").asInt())
          .containsExactly(0, 1, 2);
      assertThat(result[0].path("done").asBoolean()).isTrue();
      assertThatThrownBy(() -> collect(client, "refuse", result))
          .isInstanceOfSatisfying(
              Problem.class,
              problem -> {
                assertThat(problem.kind()).isEqualTo(Problem.Kind.REFUSED);
                assertThat(problem.what()).isEqualTo("not like this");
                assertThat(problem.party()).contains(new Party("b.example"));
                assertThat(problem.detail()).contains("because\\u{1b}[31m");
                assertThat(problem.next()).contains("silo help");
              });
      assertThatThrownBy(() -> collect(client, "break", result))
          .isInstanceOfSatisfying(
              Problem.class,
              problem -> {
                assertThat(problem.kind()).isEqualTo(Problem.Kind.INTERNAL);
                assertThat(problem.detail().orElse("")).doesNotContain("secret");
              });
      assertThatThrownBy(() -> collect(client, "no disk", result))
          .isInstanceOfSatisfying(
              Problem.class,
              problem -> assertThat(problem.kind()).isEqualTo(Problem.Kind.INTERNAL));
      assertThatThrownBy(() -> collect(client, "nothing", result))
          .hasMessage("this node knows no command nothing");
      String large = "x".repeat(3_000_000);
      assertThat(client.call("echo", Json.object().put("l", large), e -> {}).path("l").asText())
          .isEqualTo(large);
      assertThatThrownBy(() -> ControlServer.start(home.socket(), commands))
          .hasMessageContaining("another node answers");
      assertThat(client.isRunning()).isTrue();
    }
    assertThat(home.socket()).doesNotExist();
    assertThatThrownBy(() -> client.call("echo", Json.object(), e -> {}))
        .isInstanceOfSatisfying(
            Problem.class, problem -> assertThat(problem.kind()).isEqualTo(Problem.Kind.NODE_DOWN));
  }

  @Test
  void survivesNonsenseAndClientsThatLeave() throws Exception {
    SiloHome home = home();
    CountDownLatch left = new CountDownLatch(1);
    ControlServer.Command endless =
        (args, events) -> {
          try {
            while (true) {
              events.send(Json.object().put("text", "x".repeat(10_000)));
            }
          } finally {
            left.countDown();
          }
        };
    try (ControlServer server =
        ControlServer.start(
            home.socket(), Map.of("endless", endless, "echo", (args, events) -> args))) {
      for (String nonsense :
          new String[] {"", "\n", "{\n", "[]\n", "{\"command\": 7}\n", "\u0000\n"}) {
        try (SocketChannel raw = connect(home)) {
          raw.write(ByteBuffer.wrap(nonsense.getBytes(StandardCharsets.UTF_8)));
          raw.shutdownOutput();
          ByteBuffer answer = ByteBuffer.allocate(1000);
          while (raw.read(answer) >= 0) {
            assertThat(answer.hasRemaining()).isTrue();
          }
          String text = new String(answer.array(), 0, answer.position(), StandardCharsets.UTF_8);
          assertThat(text)
              .satisfiesAnyOf(
                  t -> assertThat(t).isEmpty(), t -> assertThat(t).startsWith("{\"error\""));
        }
      }
      try (SocketChannel raw = connect(home)) {
        raw.write(ByteBuffer.wrap("{\"command\":\"endless\"}\n".getBytes(StandardCharsets.UTF_8)));
        raw.read(ByteBuffer.allocate(100));
      }
      assertThat(left.await(10, TimeUnit.SECONDS)).isTrue();
      assertThat(new ControlClient(home).call("echo", Json.object().put("a", 1), e -> {}))
          .isEqualTo(Json.object().put("a", 1));
    }
  }

  @Test
  void whoWaitsIsToldThatTheNodeStops() throws Exception {
    SiloHome home = home();
    CountDownLatch waiting = new CountDownLatch(1);
    ControlServer.Command sleep =
        (args, events) -> {
          waiting.countDown();
          try {
            Thread.sleep(60_000);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw Problem.of(Problem.Kind.NODE_DOWN, "the node is stopping");
          }
          return args;
        };
    ControlServer server = ControlServer.start(home.socket(), Map.of("sleep", sleep));
    CompletableFuture<JsonNode> asked =
        CompletableFuture.supplyAsync(
            () -> new ControlClient(home).call("sleep", Json.object(), e -> {}));
    assertThat(waiting.await(10, TimeUnit.SECONDS)).isTrue();
    server.close();
    assertThatThrownBy(() -> asked.get(10, TimeUnit.SECONDS))
        .hasRootCauseMessage("the node is stopping");
  }

  private static SocketChannel connect(SiloHome home) throws Exception {
    return SocketChannel.open(java.net.UnixDomainSocketAddress.of(home.socket()));
  }

  @Test
  void aSocketLeftBehindIsReplacedAndALongPathRefused() throws Exception {
    SiloHome home = home();
    java.nio.channels.ServerSocketChannel dead =
        java.nio.channels.ServerSocketChannel.open(java.net.StandardProtocolFamily.UNIX);
    dead.bind(java.net.UnixDomainSocketAddress.of(home.socket()));
    dead.close();
    assertThat(home.socket()).exists();
    try (ControlServer server =
        ControlServer.start(home.socket(), Map.of("echo", (args, events) -> args))) {
      assertThat(new ControlClient(home).isRunning()).isTrue();
    }
    Path deep = folder.resolve("d".repeat(120)).resolve("control.sock");
    assertThatThrownBy(() -> ControlServer.start(deep, Map.of()))
        .hasMessageContaining("too long for a socket");
  }
}
