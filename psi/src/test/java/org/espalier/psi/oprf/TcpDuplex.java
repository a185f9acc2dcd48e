package org.espalier.psi.oprf;

import java.io.EOFException;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.concurrent.TimeoutException;
import org.espalier.wire.Duplex;

/** A TCP connection. */
record TcpDuplex(Socket socket) implements Duplex {
  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    socket.getOutputStream().write(bytes, offset, length);
  }

  @Override
  public void read(byte[] target, int offset, int length, Duration patience)
      throws IOException, TimeoutException {
    socket.setSoTimeout((int) patience.toMillis());
    try {
      if (socket.getInputStream().readNBytes(target, offset, length) < length) {
        throw new EOFException("closed");
      }
    } catch (SocketTimeoutException e) {
      throw new TimeoutException();
    }
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException alreadyGone) {
      // There is nothing left to close.
    }
  }
}
