package org.espalier.node.control;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;

/** The command line's end of {@link ControlServer}. */
public final class ControlClient {
  private final Path socket;

  /** Null for users who may not enter it. */
  private final SiloHome home;

  /** For the owner of a node's folder. */
  public ControlClient(SiloHome home) {
    this(home.socket(), home);
  }

  /** For other users, at the socket for them. */
  public ControlClient(Path socket) {
    this(socket, null);
  }

  private ControlClient(Path socket, SiloHome home) {
    this.socket = socket;
    this.home = home;
  }

  /** Whether a node answers on the socket. */
  public boolean isRunning() {
    try (SocketChannel channel = connect()) {
      return channel.isConnected();
    } catch (IOException | UnsupportedOperationException e) {
      return false;
    }
  }

  private SocketChannel connect() throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      channel.connect(UnixDomainSocketAddress.of(socket));
      return channel;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /**
   * Sends a command and waits for its result, but not for ever: a node that is stopped or hangs
   * still takes connections, by the system's queue.
   *
   * @return empty if there was none in time; the command may be carried out all the same
   * @throws Problem the node's own, or that no node is running
   */
  public Optional<JsonNode> call(String command, ObjectNode args, Duration most) {
    FutureTask<JsonNode> asked = new FutureTask<>(() -> call(command, args, event -> {}));
    Thread thread = new Thread(asked, "control-call");
    thread.setDaemon(true);
    thread.start();
    try {
      return Optional.of(asked.get(most.toNanos(), TimeUnit.NANOSECONDS));
    } catch (TimeoutException e) {
      return Optional.empty();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Problem told) {
        throw told;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Problem.wrongState("interrupted").because(e);
    } finally {
      asked.cancel(true); // closes the connection
    }
  }

  /**
   * Sends a command and waits for its result.
   *
   * @param events takes news while the node works
   * @throws Problem the node's own, or that no node is running
   */
  public JsonNode call(String command, ObjectNode args, Consumer<JsonNode> events) {
    try (SocketChannel channel = connect();
        BufferedReader in =
            new BufferedReader(Channels.newReader(channel, StandardCharsets.UTF_8))) {
      ObjectNode request = Json.object().put("command", command);
      request.set("args", args);
      ByteBuffer bytes =
          ByteBuffer.wrap((Json.write(request) + "\n").getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        JsonNode message = Json.parse("the node's answer", line);
        if (message.has("result")) {
          return message.get("result");
        }
        if (message.has("error")) {
          throw Problem.fromJson(message.get("error"));
        }
        events.accept(message.path("event"));
      }
      Problem stopped = Problem.of(Problem.Kind.NODE_DOWN, "the node stopped while it was working");
      throw home == null
          ? stopped
          : stopped.detail("see " + home.log()).next("silo node start --home " + home.root());
    } catch (IOException e) {
      if (home == null) {
        throw Problem.of(Problem.Kind.NODE_DOWN, "no node answers on " + socket)
            .detail(e.getMessage())
            .next("ask the node's operator whether it runs, and for users.socket in silo.yaml")
            .because(e);
      }
      home.load(); // says what is missing where there is no node at all
      throw Problem.of(Problem.Kind.NODE_DOWN, "the node in " + home.root() + " is not running")
          .next("silo node start --background --home " + home.root())
          .because(e);
    }
  }
}
