package org.espalier.node.link;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** An HTTP proxy on loopback that makes tunnels, or refuses to. */
final class ConnectProxy implements AutoCloseable {
  private static final int TLS_HANDSHAKE = 22;

  private final ServerSocket server;
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
  private final Set<String> asked = ConcurrentHashMap.newKeySet();
  private final Set<Integer> begun = ConcurrentHashMap.newKeySet();
  private volatile boolean refusing;

  ConnectProxy() {
    try {
      server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    start(this::acceptAll);
  }

  InetSocketAddress address() {
    return InetSocketAddress.createUnresolved("127.0.0.1", server.getLocalPort());
  }

  String name() {
    return "the proxy 127.0.0.1:" + server.getLocalPort();
  }

  /** Answers 403 from now on, and ends the tunnels. */
  void refuse() throws IOException {
    refusing = true;
    for (Socket one : sockets) {
      one.close();
    }
  }

  /** First lines of what was asked. */
  Set<String> asked() {
    return asked;
  }

  /** Whether all that went through tunnels began as TLS does. */
  boolean sawTlsOnly() {
    return begun.equals(Set.of(TLS_HANDSHAKE));
  }

  private static void start(Runnable work) {
    Thread thread = new Thread(work, "proxy");
    thread.setDaemon(true);
    thread.start();
  }

  private void acceptAll() {
    while (!server.isClosed()) {
      try {
        Socket client = server.accept();
        sockets.add(client);
        start(() -> serve(client));
      } catch (IOException closing) {
        return;
      }
    }
  }

  private void serve(Socket client) {
    try (client) {
      StringBuilder head = new StringBuilder();
      while (head.indexOf("\r\n\r\n") < 0) {
        int read = client.getInputStream().read();
        if (read < 0) {
          return;
        }
        head.append((char) read);
      }
      String line = head.substring(0, head.indexOf("\r\n"));
      asked.add(line);
      if (refusing || !line.startsWith("CONNECT ")) {
        say(client, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        return;
      }
      URI target = URI.create("tunnel://" + line.split(" ", -1)[1]);
      try (Socket node = new Socket(target.getHost(), target.getPort())) {
        sockets.add(node);
        say(client, "HTTP/1.1 200 Connection established\r\n\r\n");
        start(() -> pump(node, client));
        int first = client.getInputStream().read();
        begun.add(first);
        node.getOutputStream().write(first);
        pump(client, node);
      }
    } catch (IOException cut) {
      // as the test wants
    }
  }

  private static void say(Socket to, String text) throws IOException {
    to.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
  }

  private static void pump(Socket from, Socket to) {
    byte[] buffer = new byte[1 << 14];
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        out.write(buffer, 0, n);
      }
    } catch (IOException cut) {
      // as the test wants
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
    for (Socket one : sockets) {
      one.close();
    }
  }
}
