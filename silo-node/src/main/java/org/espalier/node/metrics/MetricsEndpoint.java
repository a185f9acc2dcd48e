package org.espalier.node.metrics;

import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.espalier.node.config.MetricsConfig;
import org.espalier.node.http.HttpService;

/**
 * {@code GET /metrics}, {@code /healthz} (the process answers) and {@code /readyz} (the node can do
 * work; if not, a line for each reason). The latter two need no token and say no more.
 */
public final class MetricsEndpoint implements AutoCloseable {
  private static final HttpService.Limits LIMITS = new HttpService.Limits(8, 64);
  private static final String BEARER = "Bearer ";

  private final NodeMetrics metrics;
  private final Supplier<Map<String, Boolean>> readiness;
  private final Set<String> hosts;
  private final byte[] token;
  private HttpService service;

  private MetricsEndpoint(
      MetricsConfig config,
      Path home,
      NodeMetrics metrics,
      Supplier<Map<String, Boolean>> readiness) {
    this.metrics = metrics;
    this.readiness = readiness;
    // Elsewhere than on loopback there is a token, which a stranger's page does not have.
    this.hosts = config.address().isLoopback() ? HttpService.loopback(config.address()) : null;
    this.token =
        config.token() == null
            ? null
            : (BEARER + HttpService.secret("metrics", home.resolve(config.token())))
                .getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Listens from now on.
   *
   * @param home paths of the configuration are relative to it
   * @param readiness by what is checked whether it is all right
   * @throws org.espalier.node.Problem if that is not possible
   */
  public static MetricsEndpoint start(
      MetricsConfig config,
      Path home,
      NodeMetrics metrics,
      Supplier<Map<String, Boolean>> readiness) {
    MetricsEndpoint endpoint = new MetricsEndpoint(config, home, metrics, readiness);
    endpoint.service =
        HttpService.start("metrics", config.address(), home, LIMITS, endpoint.new Answers());
    return endpoint;
  }

  /** Where it listens. */
  public String url() {
    return service.url();
  }

  @Override
  public void close() {
    service.close();
  }

  private final class Answers extends Handler.Abstract {
    @Override
    public boolean handle(Request request, Response response, Callback callback) {
      if (hosts != null && !HttpService.isFor(request, hosts)) {
        HttpService.answer(response, callback, 421, "this host is not served here");
      } else if (!HttpMethod.GET.is(request.getMethod())) {
        HttpService.answer(response, callback, 405, "GET only");
      } else {
        switch (Request.getPathInContext(request)) {
          case "/metrics" -> metrics(request, response, callback);
          case "/healthz" -> HttpService.answer(response, callback, 200, "ok");
          case "/readyz" -> ready(response, callback);
          default ->
              HttpService.answer(response, callback, 404, "GET /metrics, /healthz or /readyz");
        }
      }
      return true;
    }
  }

  private void metrics(Request request, Response response, Callback callback) {
    String said = request.getHeaders().get(HttpHeader.AUTHORIZATION);
    byte[] shown = said == null ? new byte[0] : said.getBytes(StandardCharsets.UTF_8);
    if (token != null && !MessageDigest.isEqual(token, shown)) {
      response.getHeaders().put(HttpHeader.WWW_AUTHENTICATE, "Bearer");
      HttpService.answer(response, callback, 401, "Authorization: Bearer TOKEN");
      return;
    }
    if (token != null) {
      HttpService.keep(request, response);
    }
    HttpService.answer(
        response, callback, 200, PrometheusTextFormatWriter.CONTENT_TYPE, metrics.text());
  }

  private void ready(Response response, Callback callback) {
    Map<String, Boolean> checks = readiness.get();
    boolean ready = !checks.containsValue(false);
    HttpService.answer(
        response,
        callback,
        ready ? 200 : 503,
        checks.entrySet().stream()
            .map(check -> check.getKey() + (check.getValue() ? " ok" : " failed"))
            .collect(Collectors.joining("\n")));
  }
}
