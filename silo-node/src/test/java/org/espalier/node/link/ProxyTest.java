package org.espalier.node.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.espalier.node.Problem;
import org.espalier.node.identity.Invite;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A node that reaches others by an HTTP proxy only. */
@Timeout(60)
class ProxyTest {
  @TempDir Path folder;
  private ConnectProxy proxy;
  private TestNode a;
  private TestNode b;

  @BeforeEach
  void start() {
    proxy = new ConnectProxy();
    a = TestNode.listening(folder, "a.example", TestNode.quick());
    b = TestNode.dialling(folder, "b.example", TestNode.quick().withProxy(proxy.address()));
  }

  @AfterEach
  void stop() throws Exception {
    a.close();
    b.close();
    proxy.close();
  }

  private String problem() {
    return b.links.status(a.party).problem().orElse("");
  }

  @Test
  void enrolmentAndLinksGoThroughItAndItSeesTheAddressOnly() {
    a.partnerWith(b);
    b.awaitLink(a);
    assertThat(proxy.asked()).containsExactly("CONNECT 127.0.0.1:" + a.links.port() + " HTTP/1.1");
    assertThat(proxy.sawTlsOnly()).isTrue();
  }

  @Test
  void aProxyThatRefusesIsNamed() throws Exception {
    a.partnerWith(b);
    b.awaitLink(a);
    proxy.refuse();
    TestNode.await(
        "b says who refused",
        () -> problem().contains(proxy.name() + ", which answered with HTTP status 403"));
    try (TestNode c =
        TestNode.dialling(folder, "c.example", TestNode.quick().withProxy(proxy.address()))) {
      Invite invite = a.links.invites().create(c.party);
      assertThatThrownBy(() -> c.links.invites().accept(invite, TestNode.SOON))
          .isInstanceOfSatisfying(
              Problem.class,
              problem ->
                  assertThat(problem.detail().orElse(""))
                      .contains("403", "through " + proxy.name()));
    }
  }

  @Test
  void aProxyThatIsGoneIsNamed() throws Exception {
    a.partnerWith(b);
    b.awaitLink(a);
    proxy.close();
    TestNode.await(
        "b says what it could not reach", () -> problem().contains("through " + proxy.name()));
  }
}
