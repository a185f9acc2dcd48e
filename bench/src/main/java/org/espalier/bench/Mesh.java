package org.espalier.bench;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.concurrent.TimeoutException;

/**
 * One party's connections to all others. Each party listens and tells the benchmark on which port;
 * the benchmark tells each by which ports the others are reached, and a party connects to those of
 * higher number.
 */
final class Mesh implements AutoCloseable {
  /** What a party prints before the number of the port on which it listens. */
  static final String LISTENING = "listening ";

  private final SocketDuplex[] lines;

  private Mesh(int parties) {
    lines = new SocketDuplex[parties];
  }

  /** Where the ports by which the others are reached come from: one for each party, in order. */
  @FunctionalInterface
  interface Reach {
    /** Separated by spaces. */
    String ports() throws IOException;
  }

  static Mesh open(int self, int parties, Reach reach) throws IOException {
    Mesh mesh = new Mesh(parties);
    try (ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      System.out.println(LISTENING + listener.getLocalPort());
      System.out.flush();
      String[] ports = reach.ports().split(" ", -1);
      for (int p = self + 1; p < parties; p++) {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), Integer.parseInt(ports[p]));
        socket.getOutputStream().write(self);
        mesh.lines[p] = new SocketDuplex(socket);
      }
      for (int p = 0; p < self; p++) {
        Socket socket = listener.accept();
        mesh.lines[socket.getInputStream().read()] = new SocketDuplex(socket);
      }
    }
    return mesh;
  }

  /** To a party other than oneself. */
  SocketDuplex line(int party) {
    return lines[party];
  }

  /** Nobody goes on before all are here: a byte to everybody and one from everybody. */
  void meet(Duration patience) throws IOException, TimeoutException {
    for (SocketDuplex line : lines) {
      if (line != null) {
        line.write(new byte[1], 0, 1);
      }
    }
    for (SocketDuplex line : lines) {
      if (line != null) {
        line.read(new byte[1], 0, 1, patience);
      }
    }
  }

  @Override
  public void close() {
    for (SocketDuplex line : lines) {
      if (line != null) {
        line.close();
      }
    }
  }
}
