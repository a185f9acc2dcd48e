package org.espalier.node.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.espalier.node.Problem;
import org.espalier.node.Role;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The kernel says who the tests' own user is. */
@Timeout(30)
@SuppressWarnings("try") // a server works without being called
class UsersSocketTest {
  private static final String SELF = System.getProperty("user.name");
  private static final Map<String, ControlServer.Command> COMMANDS =
      Map.of(
          "who",
              (args, events) ->
                  Json.object().put("user", Caller.current().map(Caller::user).orElse("")),
          "stop",
              (args, events) -> {
                throw new AssertionError("not permitted, and done all the same");
              });
  private static final Map<String, Set<Role>> PERMITTED =
      Map.of("who", Set.of(Role.AUDITOR, Role.SCIENTIST), "stop", Set.of(Role.OPERATOR));

  private final List<String> denied = new ArrayList<>();
  @TempDir Path folder;

  private Path socket() {
    return folder.resolve("users.sock");
  }

  private ControlServer start(Map<String, Set<Role>> roles) throws IOException {
    return ControlServer.start(
        socket(),
        COMMANDS,
        new Users(
            roles, PERMITTED, (caller, command) -> denied.add(caller.user() + " " + command)));
  }

  @Test
  void rolesDecideWhoMayDoWhat() throws Exception {
    ControlClient client = new ControlClient(socket());
    try (ControlServer server = start(Map.of(SELF, Set.of(Role.AUDITOR)))) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket())))
          .isEqualTo("rw-rw-rw-");
      assertThat(client.call("who", Json.object(), e -> {}).path("user").asText()).isEqualTo(SELF);
      assertThatThrownBy(() -> client.call("stop", Json.object(), e -> {}))
          .isInstanceOfSatisfying(
              Problem.class,
              problem -> {
                assertThat(problem.kind()).isEqualTo(Problem.Kind.REFUSED);
                assertThat(problem.what()).isEqualTo(SELF + " (auditor) may not do stop");
                assertThat(problem.detail()).contains("it takes the role operator");
              });
      assertThat(denied).containsExactly(SELF + " stop");
      assertThatThrownBy(() -> client.call("nothing", Json.object(), e -> {}))
          .hasMessage("this node knows no command nothing");
    }
    assertThat(Caller.current()).isEmpty();
    assertThatThrownBy(() -> client.call("who", Json.object(), e -> {}))
        .isInstanceOfSatisfying(
            Problem.class, problem -> assertThat(problem.kind()).isEqualTo(Problem.Kind.NODE_DOWN));
  }

  /** Nothing that is sent says who somebody is. */
  @Test
  void whoHasNoRoleIsRefusedBeforeAnythingIsRead() throws Exception {
    try (ControlServer server = start(Map.of("somebody-else", Set.of(Role.values())));
        SocketChannel raw = SocketChannel.open(UnixDomainSocketAddress.of(socket()))) {
      ByteBuffer answer = ByteBuffer.allocate(1000);
      while (raw.read(answer) >= 0) {
        assertThat(answer.hasRemaining()).isTrue();
      }
      assertThat(new String(answer.array(), 0, answer.position(), StandardCharsets.UTF_8))
          .contains(SELF + " has no role at this node", "users.roles");
      assertThatThrownBy(
              () ->
                  new ControlClient(socket())
                      .call("who", Json.object().put("user", "somebody-else"), e -> {}))
          .hasMessage(SELF + " has no role at this node");
    }
  }

  @Test
  void aRequestWithoutEndIsCutOff() throws Exception {
    try (ControlServer server = start(Map.of(SELF, Set.of(Role.AUDITOR)));
        SocketChannel raw = SocketChannel.open(UnixDomainSocketAddress.of(socket()))) {
      byte[] part = new byte[1 << 16];
      java.util.Arrays.fill(part, (byte) 'x');
      for (int sent = 0; sent < (1 << 20) + part.length; sent += part.length) {
        raw.write(ByteBuffer.wrap(part));
      }
      ByteBuffer answer = ByteBuffer.allocate(1000);
      int unread = raw.read(answer);
      assertThat(unread).isPositive();
      assertThat(new String(answer.array(), 0, answer.position(), StandardCharsets.UTF_8))
          .contains("at most 1,048,576 characters");
    }
  }

  /** One user cannot keep the others out. */
  @Test
  void aUserHasSixteenCommandsUnderWay() throws Exception {
    try (ControlServer server = start(Map.of(SELF, Set.of(Role.AUDITOR)))) {
      List<SocketChannel> silent = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        silent.add(SocketChannel.open(UnixDomainSocketAddress.of(socket())));
      }
      ControlClient client = new ControlClient(socket());
      awaitRefusal(client);
      for (SocketChannel one : silent) {
        one.close();
      }
      awaitAnswer(client);
    }
  }

  private static void awaitRefusal(ControlClient client) throws InterruptedException {
    for (int i = 0; i < 100; i++) {
      try {
        JsonNode early = client.call("who", Json.object(), e -> {});
        assertThat(early.path("user").asText()).isEqualTo(SELF);
        Thread.sleep(50);
      } catch (Problem refused) {
        assertThat(refused.what()).contains("16 commands under way");
        return;
      }
    }
    throw new AssertionError("a seventeenth command was carried out");
  }

  private static void awaitAnswer(ControlClient client) throws InterruptedException {
    for (int i = 0; i < 100; i++) {
      try {
        JsonNode answer = client.call("who", Json.object(), e -> {});
        assertThat(answer.path("user").asText()).isEqualTo(SELF);
        return;
      } catch (Problem full) {
        Thread.sleep(50);
      }
    }
    throw new AssertionError("places were not given back");
  }

  /** As where systemd stopped the service, and a node is started by hand. */
  @Test
  void aFolderThatIsMissingIsNamedWithWhoMakesIt() {
    assertThatThrownBy(
            () -> ControlServer.start(Path.of("/run/no-silo/bank.sock"), COMMANDS, users()))
        .isInstanceOfSatisfying(
            Problem.class,
            problem -> {
              assertThat(problem.kind()).isEqualTo(Problem.Kind.REFUSED);
              assertThat(problem.what())
                  .isEqualTo("there is no folder for the socket /run/no-silo/bank.sock");
              assertThat(problem.detail().orElse("")).contains("RuntimeDirectory=silo");
              assertThat(problem.next()).contains("sudo systemctl start silo");
            });
    Path elsewhere = folder.resolve("none/bank.sock");
    assertThatThrownBy(() -> ControlServer.start(elsewhere, COMMANDS, users()))
        .isInstanceOfSatisfying(
            Problem.class,
            problem ->
                assertThat(problem.next())
                    .contains(
                        "make "
                            + elsewhere.getParent()
                            + ", or name another one in users.socket of silo.yaml"));
  }

  private Users users() {
    return new Users(Map.of(SELF, Set.of(Role.AUDITOR)), PERMITTED, (caller, command) -> {});
  }

  @Test
  void noFileIsReplacedByASocket() throws Exception {
    Files.writeString(socket(), "precious");
    assertThatThrownBy(() -> start(Map.of(SELF, Set.of(Role.AUDITOR))))
        .hasMessageContaining("exists and is no socket");
    assertThat(socket()).hasContent("precious");
  }
}
