package org.espalier.bench;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The loopback interface. */
final class Loopback {
  private Loopback() {}

  /** Bytes of all its packets so far, headers included. */
  static long bytes() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/net/dev"))) {
      if (line.trim().startsWith("lo:")) {
        return Long.parseLong(line.trim().substring(3).trim().split("\\s+", 2)[0]);
      }
    }
    throw new IOException("this system does not count the bytes of its loopback interface");
  }

  /** Ports that nobody listens on at the moment. */
  static int[] freePorts(int count) throws IOException {
    List<ServerSocket> held = new ArrayList<>();
    try {
      int[] ports = new int[count];
      for (int i = 0; i < count; i++) {
        held.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
        ports[i] = held.get(i).getLocalPort();
      }
      return ports;
    } finally {
      for (ServerSocket socket : held) {
        socket.close();
      }
    }
  }
}
