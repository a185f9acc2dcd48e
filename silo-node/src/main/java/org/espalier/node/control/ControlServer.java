package org.espalier.node.control;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.espalier.node.LogContext;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.node.store.Store;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where the command line reaches the running node: a Unix domain socket in the home folder, which
 * only its owner may enter, and if there are {@link Users}, another one for them. One request per
 * connection, one JSON object per line: {@code {"command", "args"}} from the client; any number of
 * {@code {"event"}}, then {@code {"result"}} or {@code {"error"}} from the node.
 */
public final class ControlServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ControlServer.class);

  /** Characters of a request: job files and policies are far shorter. */
  private static final int MAX_REQUEST = 8 << 20;

  private static final int MAX_REQUEST_OF_USERS = 1 << 20;

  /** Connections of users at once, of all and of each: a watching terminal has one. */
  private static final int MAX_USERS_CONNECTIONS = 256;

  private static final int MAX_CONNECTIONS_OF_ONE = 16;

  /** How long a user may take to say what it wants. */
  private static final Duration ASKING = Duration.ofSeconds(30);

  private static final Duration FAREWELL = Duration.ofSeconds(5);

  private final Path socket;
  private final ServerSocketChannel server;
  private final Map<String, Command> commands;

  /** Null where only the owner of the folder can enter. */
  private final Users users;

  private final Semaphore places = new Semaphore(MAX_USERS_CONNECTIONS);
  private final Map<String, Semaphore> placesOfOne = new ConcurrentHashMap<>();
  private final ScheduledExecutorService clock =
      Executors.newSingleThreadScheduledExecutor(
          work -> {
            Thread thread = new Thread(work, "control-clock");
            thread.setDaemon(true);
            return thread;
          });
  private final ExecutorService threads =
      Executors.newCachedThreadPool(
          work -> {
            Thread thread = new Thread(work, "control");
            thread.setDaemon(true);
            return thread;
          });

  /** What the node does for one command. */
  @FunctionalInterface
  public interface Command {
    /**
     * @throws Problem to tell the operator what is wrong
     */
    JsonNode run(JsonNode args, Events events);
  }

  /** Takes news while a command runs. */
  @FunctionalInterface
  public interface Events {
    /**
     * @throws ClientGone which the command need not handle
     */
    void send(JsonNode event);
  }

  /** Whoever asked does not listen any more. */
  public static final class ClientGone extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private ClientGone(IOException cause) {
      super(cause);
    }
  }

  private ControlServer(
      Path socket, ServerSocketChannel server, Map<String, Command> commands, Users users) {
    this.socket = socket;
    this.server = server;
    this.commands = Map.copyOf(commands);
    this.users = users;
  }

  /**
   * Binds a socket for the owner of the folder and serves from threads of its own until closed.
   *
   * @throws Problem if another node answers on that socket, there is no folder for it, or its path
   *     is too long
   */
  public static ControlServer start(Path socket, Map<String, Command> commands) throws IOException {
    return start(socket, commands, null);
  }

  /**
   * The same for other users of the machine.
   *
   * @param socket in a folder that they may enter; anybody may connect, and is asked nothing
   */
  public static ControlServer start(Path socket, Map<String, Command> commands, Users users)
      throws IOException {
    if (!SiloHome.fitsSocket(socket)) {
      throw Problem.refused("the home folder's path is too long for a socket: " + socket)
          .next("use a shorter --home");
    }
    Path folder = socket.toAbsolutePath().getParent();
    if (!Files.isDirectory(folder)) {
      Problem none = Problem.refused("there is no folder for the socket " + socket);
      throw folder.startsWith("/run")
          ? none.detail(
                  "under systemd RuntimeDirectory=silo makes /run/silo while the service runs")
              .next("sudo systemctl start silo")
          : none.next("make " + folder + ", or name another one in users.socket of silo.yaml");
    }
    if (answers(socket)) {
      throw Problem.wrongState("another node answers on " + socket).next("silo node stop");
    }
    if (Files.exists(socket, LinkOption.NOFOLLOW_LINKS) && !isSocket(socket)) {
      throw Problem.refused(socket + " exists and is no socket");
    }
    Files.deleteIfExists(socket); // left behind by a node that was killed
    ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      server.bind(UnixDomainSocketAddress.of(socket));
      Files.setPosixFilePermissions(
          socket, PosixFilePermissions.fromString(users == null ? "rw-------" : "rw-rw-rw-"));
    } catch (IOException | RuntimeException e) {
      server.close();
      throw e;
    }
    ControlServer control = new ControlServer(socket, server, commands, users);
    control.threads.execute(control::accept);
    return control;
  }

  private static boolean isSocket(Path path) throws IOException {
    return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
        .isOther();
  }

  private static boolean answers(Path socket) {
    if (!Files.exists(socket)) {
      return false;
    }
    try (SocketChannel probe = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      return probe.isConnected();
    } catch (IOException nobody) {
      return false;
    }
  }

  private void accept() {
    while (true) {
      try {
        SocketChannel client = server.accept();
        if (users != null && !places.tryAcquire()) {
          client.close();
          continue;
        }
        try {
          threads.execute(() -> serve(client));
        } catch (RejectedExecutionException closing) {
          client.close();
          return;
        }
      } catch (ClosedChannelException e) {
        return;
      } catch (IOException e) {
        LOG.warn("control socket", e);
      }
    }
  }

  private void serve(SocketChannel client) {
    Semaphore place = null;
    try (client;
        Reader in = Channels.newReader(client, StandardCharsets.UTF_8)) {
      ObjectNode reply = Json.object();
      LogContext on = LogContext.of();
      String known = "a command";
      try {
        Caller caller = users == null ? null : users.caller(client);
        if (caller != null) {
          place = placeOf(caller);
        }
        String line = caller == null ? line(in, MAX_REQUEST) : lineInTime(in, client);
        if (line == null) {
          return;
        }
        JsonNode request = Json.parse("request", line);
        String name = request.path("command").asText();
        Command command = commands.get(name);
        if (command == null) {
          throw Problem.of(Problem.Kind.USAGE, "this node knows no command " + name);
        }
        known = name;
        if (caller != null) {
          users.require(caller, name);
        }
        on.command(name).job(request.at("/args/job").asText());
        JsonNode result =
            Caller.during(
                Optional.ofNullable(caller),
                () ->
                    command.run(
                        request.path("args"),
                        event -> write(client, Json.object().set("event", event))));
        reply.set("result", result);
      } catch (Problem e) {
        // Whoever asked is told why. Reasons may hold names, which stay out of the node's log.
        LOG.info("refused: {}, {}", known, e.kind().code());
        reply.set("error", e.toJson());
      } catch (ClientGone e) {
        throw e;
      } catch (Store.StoreException e) {
        LOG.error("command failed", e);
        reply.set(
            "error",
            Problem.of(Problem.Kind.INTERNAL, "the node's database cannot be used")
                .detail(e.why() + "; more is at the end of node.log in the home folder")
                .toJson());
      } catch (RuntimeException e) {
        LOG.error("command failed", e);
        reply.set(
            "error",
            Problem.of(Problem.Kind.INTERNAL, "the node could not do this")
                .detail("the reason is at the end of node.log in the home folder")
                .toJson());
      } finally {
        on.close();
      }
      Thread.interrupted(); // that the node is stopping is an answer, too, and must get out
      write(client, reply);
    } catch (IOException | UncheckedIOException | ClientGone e) {
      LOG.debug("control connection ended", e);
    } finally {
      if (place != null) {
        place.release();
      }
      if (users != null) {
        places.release();
      }
    }
  }

  private Semaphore placeOf(Caller caller) {
    Semaphore mine =
        placesOfOne.computeIfAbsent(caller.user(), u -> new Semaphore(MAX_CONNECTIONS_OF_ONE));
    if (!mine.tryAcquire()) {
      throw Problem.wrongState(
          "%s has %d commands under way here, and no more may be"
              .formatted(caller.user(), MAX_CONNECTIONS_OF_ONE));
    }
    return mine;
  }

  private String lineInTime(Reader in, SocketChannel client) throws IOException {
    ScheduledFuture<?> late =
        clock.schedule(() -> end(client), ASKING.toMillis(), TimeUnit.MILLISECONDS);
    try {
      return line(in, MAX_REQUEST_OF_USERS);
    } finally {
      late.cancel(false);
    }
  }

  private static void end(SocketChannel client) {
    try {
      client.close();
    } catch (IOException e) {
      LOG.debug("control connection", e);
    }
  }

  /** Up to the end of the line; null if the client ends before. */
  private static String line(Reader in, int most) throws IOException {
    BufferedReader buffered = new BufferedReader(in);
    StringBuilder line = new StringBuilder();
    for (int c = buffered.read(); c != '\n'; c = buffered.read()) {
      if (c < 0) {
        return null;
      }
      if (line.length() == most) {
        throw Problem.of(
            Problem.Kind.USAGE, "a command has at most %,d characters".formatted(most));
      }
      line.append((char) c);
    }
    return line.toString();
  }

  private static void write(SocketChannel client, JsonNode message) {
    ByteBuffer bytes =
        ByteBuffer.wrap((Json.write(message) + "\n").getBytes(StandardCharsets.UTF_8));
    try {
      synchronized (client) {
        while (bytes.hasRemaining()) {
          client.write(bytes);
        }
      }
    } catch (IOException e) {
      throw new ClientGone(e);
    }
  }

  /** Commands under way are interrupted, and given a moment to log how they ended. */
  @Override
  public void close() throws IOException {
    server.close();
    Files.deleteIfExists(socket);
    threads.shutdownNow();
    clock.shutdownNow();
    try {
      if (!threads.awaitTermination(FAREWELL.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.warn("some commands are still under way");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
