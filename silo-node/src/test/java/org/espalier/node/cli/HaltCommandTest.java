package org.espalier.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.espalier.node.cli.CommandLineFixture.Said;
import org.espalier.node.config.SiloHome;
import org.espalier.node.policy.Rulebook;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The kill switch, also where the node is no help. */
@Timeout(60)
class HaltCommandTest {
  private CommandLineFixture silo;

  @BeforeEach
  void start() throws IOException {
    silo = new CommandLineFixture();
  }

  @AfterEach
  void stop() throws IOException {
    silo.close();
  }

  private Optional<String> halted() {
    return Rulebook.halted(new SiloHome(silo.home())).map(said -> said.path("reason").asText());
  }

  @Test
  void aNodeThatAnswersHaltsItself() {
    silo.answer("halt", "{\"attempts_stopped\": 2, \"servings\": 1}");
    assertThat(silo.run("halt", "--reason", "fire").out())
        .contains("Halted: 2 attempts stopped, 1 servings ended.");
    assertThat(halted()).isEmpty();
    assertThat(silo.run("halt", "--reason", "fire", "--wait", "0").exitCode()).isEqualTo(2);
  }

  @Test
  void aNodeThatIsDownIsHaltedForItsNextStart() {
    Said said = silo.run("halt", "--reason", "fire");
    assertThat(said.exitCode()).isZero();
    assertThat(said.out()).contains("the node does not run");
    assertThat(halted()).contains("fire");
  }

  /**
   * A stopped process takes connections as long as the system has room for them.
   *
   * @param waiting connections that it has not taken up
   */
  @ParameterizedTest
  @ValueSource(ints = {0, 3})
  void aNodeThatHangsIsHaltedAllTheSame(int waiting) throws IOException {
    UnixDomainSocketAddress at = UnixDomainSocketAddress.of(silo.home().resolve("control.sock"));
    List<SocketChannel> queue = new ArrayList<>();
    try (ServerSocketChannel hung = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      hung.bind(at, 2);
      for (int i = 0; i < waiting; i++) {
        queue.add(SocketChannel.open(at));
      }
      Said said = silo.run("halt", "--reason", "fire", "--wait", "1");
      assertThat(said.exitCode()).isZero();
      assertThat(said.out()).contains("the node does not answer: stop its process");
      assertThat(halted()).contains("fire");
      Said scripted = silo.runJson("halt", "--reason", "water", "--wait", "1");
      assertThat(scripted.json().path("node_hangs").asBoolean()).isTrue();
      Said other =
          silo.run("halt", "--reason", "smoke", "--wait", "1", "--socket", at.getPath().toString());
      assertThat(other.exitCode()).isEqualTo(3);
      assertThat(other.err()).contains("the node does not answer", "owner");
      assertThat(halted()).contains("water");
    } finally {
      for (SocketChannel one : queue) {
        one.close();
      }
    }
  }
}
