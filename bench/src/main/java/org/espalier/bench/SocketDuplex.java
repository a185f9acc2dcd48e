package org.espalier.bench;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeoutException;
import org.espalier.wire.Duplex;

/** A bare TCP connection, without TLS, so that figures of protocols compare with those of peers. */
final class SocketDuplex implements Duplex {
  private final Socket socket;
  private final InputStream in;
  private final OutputStream out;

  /** Takes the connected socket over. */
  SocketDuplex(Socket socket) throws IOException {
    this.socket = socket;
    socket.setTcpNoDelay(true);
    in = socket.getInputStream();
    out = socket.getOutputStream();
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    out.write(bytes, offset, length);
  }

  @Override
  public void read(byte[] target, int offset, int length, Duration patience)
      throws IOException, TimeoutException {
    Objects.checkFromIndexSize(offset, length, target.length);
    // 0 would be "for ever" to the socket.
    socket.setSoTimeout((int) Math.min(Integer.MAX_VALUE, Math.max(1, patience.toMillis())));
    try {
      for (int done = 0; done < length; ) {
        int n = in.read(target, offset + done, length - done);
        if (n < 0) {
          throw new EOFException("the peer has closed the connection");
        }
        done += n;
      }
    } catch (SocketTimeoutException e) {
      throw new TimeoutException("nothing arrived for " + patience);
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
