package org.espalier.node.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetSocketAddress;
import org.espalier.node.Problem;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ServicesConfigTest {
  private static SiloConfig read(String more) {
    return Json.yaml(
        "silo.yaml", "name: bank.example\nlisten: 127.0.0.1:9443\n" + more, SiloConfig.class);
  }

  @Test
  void servicesListenOnLoopbackWithoutMore() {
    SiloConfig config =
        read(
            """
            metrics: {listen: "127.0.0.1:9464"}
            console: {listen: "[::1]:8790"}
            logging: {format: json}
            """);
    assertThat(config.metrics().address().port()).isEqualTo(9464);
    assertThat(config.console().address().host()).isEqualTo("::1");
    assertThat(config.logging().format()).isEqualTo(LoggingConfig.Format.JSON);
    assertThat(read("").metrics()).isNull();
    assertThat(
            read("""
                    metrics: {listen: "10.0.0.5:9464", keystore: k, keystore_passphrase: p, token: t}
                    console: {listen: "10.0.0.5:8790", keystore: k, keystore_passphrase: p,
                      url: "https://silo.bank.example:8790"}
                    """)
                .console()
                .address()
                .tls())
        .isTrue();
  }

  @Test
  void aProxyIsLookedUpWhenItIsDialled() {
    assertThat(read("proxy: proxy.example:3128\n").proxyAddress())
        .contains(InetSocketAddress.createUnresolved("proxy.example", 3128));
    assertThat(read("proxy: '[::1]:3128'\n").proxyAddress().orElseThrow().getHostString())
        .isEqualTo("::1");
    assertThat(read("").proxyAddress()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "metrics: {listen: '10.0.0.5:9464'} | for TLS",
        "console: {listen: '0.0.0.0:8790'} | for TLS",
        "scoring: {listen: 'bank.invalid:9480'} | for TLS",
        "metrics: {listen: '10.0.0.5:9464', keystore: k, keystore_passphrase: p} | metrics.token",
        "console: {listen: '10.0.0.5:8790', keystore: k, keystore_passphrase: p} | console.url",
        "console: {listen: '127.0.0.1:8790', url: 'https://x.example'} | console.url must be http:",
        "console: {listen: '127.0.0.1:8790', keystore: k} | belong together",
        "metrics: {listen: '127.0.0.1:99999'} | host:port",
        "proxy: 'http://proxy.example:3128' | proxy must be host:port",
        "proxy: 'proxy.example' | proxy must be host:port",
        "proxy: 'proxy.example:0' | proxy must be host:port",
        "proxy: 'proxy.example:65536' | proxy must be host:port",
        "metrics: {} | metrics.listen is missing",
        "logging: {format: xml} | logging",
      })
  void whatIsOpenToStrangersIsRefused(String yaml, String why) {
    assertThatThrownBy(() -> read(yaml))
        .isInstanceOfSatisfying(
            Problem.class,
            problem ->
                assertThat(problem.what() + " " + problem.detail().orElse("")).contains(why));
  }
}
