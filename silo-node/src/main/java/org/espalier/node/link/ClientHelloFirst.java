package org.espalier.node.link;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.ThreadLocalRandom;
import org.eclipse.jetty.io.AbstractConnection;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.AbstractConnectionFactory;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.util.BufferUtil;

/**
 * Begins TLS on a connection only when a whole ClientHello has come (RFC 8446, sections 4 and 5.1).
 * Anyone may connect, and TLS with its buffers is what a connection costs: who says nothing gets a
 * socket and no more, who stops within the hello some bytes.
 */
final class ClientHelloFirst extends AbstractConnectionFactory {
  private static final int RECORD_HEADER = 5;
  private static final int MESSAGE_HEADER = 4;
  private static final int MESSAGE_LENGTH = 0xffffff;
  private static final int CLIENT_HELLO = 1;
  private static final int HANDSHAKE = 22;
  private static final int MAJOR_VERSION = 3;

  /** Of a longer hello TLS gets so much and the rest as it comes. */
  private static final int MAX_HELLO = 2048;

  private final SslConnectionFactory tls;
  private final FailedHandshakes failures;

  ClientHelloFirst(SslConnectionFactory tls, FailedHandshakes failures) {
    super("hello");
    this.tls = tls;
    this.failures = failures;
    installBean(tls);
  }

  @Override
  public Connection newConnection(Connector connector, EndPoint endPoint) {
    return configure(new Waiting(connector, endPoint), connector, endPoint);
  }

  private final class Waiting extends AbstractConnection implements Connection.UpgradeFrom {
    private final Connector connector;
    private ByteBuffer hello = BufferUtil.EMPTY_BUFFER;

    Waiting(Connector connector, EndPoint endPoint) {
      super(endPoint, connector.getExecutor());
      this.connector = connector;
      // Strangers that came together do not go together, which would delay partners for a moment.
      long longest = connector.getIdleTimeout();
      endPoint.setIdleTimeout(ThreadLocalRandom.current().nextLong(longest / 2, longest + 1));
    }

    @Override
    public void onOpen() {
      super.onOpen();
      fillInterested();
    }

    @Override
    public void onFillable() {
      if (hello.capacity() == 0) {
        hello = BufferUtil.allocate(MAX_HELLO);
      }
      try {
        int read;
        do {
          read = getEndPoint().fill(hello);
        } while (read > 0 && !isWhole());
        if (read < 0) {
          close();
        } else if (read == 0) {
          fillInterested();
        } else if (isTls()) {
          getEndPoint().setIdleTimeout(connector.getIdleTimeout());
          getEndPoint().upgrade(tls.newConnection(connector, getEndPoint()));
        } else {
          failures.failed(getEndPoint(), "this is not TLS");
          close();
        }
      } catch (IOException | RuntimeException | Error e) {
        getEndPoint().close(e);
      }
    }

    private boolean isTls() {
      return hello.get(0) == HANDSHAKE && hello.get(1) == MAJOR_VERSION;
    }

    /**
     * The hello, in however many records if they come at once; also what is no hello, which more
     * bytes would not change.
     */
    private boolean isWhole() {
      int length = hello.remaining();
      if (length < 2) {
        return false;
      }
      if (!isTls() || length == MAX_HELLO) {
        return true;
      }
      return length >= RECORD_HEADER + MESSAGE_HEADER
          && (hello.get(RECORD_HEADER) != CLIENT_HELLO
              || length - RECORD_HEADER - MESSAGE_HEADER
                  >= (hello.getInt(RECORD_HEADER) & MESSAGE_LENGTH));
    }

    @Override
    public ByteBuffer onUpgradeFrom() {
      return hello;
    }

    /** Nothing was said that an orderly end would be owed for. */
    @Override
    public void onFillInterestedFailed(Throwable cause) {
      getEndPoint().close(cause);
    }
  }
}
