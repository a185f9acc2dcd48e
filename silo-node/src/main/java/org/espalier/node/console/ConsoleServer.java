package org.espalier.node.console;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.server.FormFields;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Fields;
import org.espalier.node.Problem;
import org.espalier.node.config.ConsoleConfig;
import org.espalier.node.control.Caller;
import org.espalier.node.http.HttpService;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves the console. Nothing of it changes anything but who may look. Every request passes the
 * same gates, in this order: the host it was meant for, the way in, the session, the origin of what
 * is not a mere question.
 */
public final class ConsoleServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ConsoleServer.class);
  private static final int MAX_FIELDS = 8;
  private static final int MAX_FORM = 64 << 10;
  private static final HttpService.Limits LIMITS = new HttpService.Limits(16, 128);

  /** What the pages may ask the node. */
  private static final Set<String> ALLOWED =
      Set.of(
          "overview",
          "status",
          "partner.list",
          "job.list",
          "job.show",
          "job.standing",
          "job.curve",
          "job.logs",
          "cohort.list",
          "cohort.show",
          "audit.tail",
          "audit.witness",
          "audit.verified",
          "policy.check");

  private static final String POLICY =
      "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';"
          + " form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

  private static final Map<String, String> FILES =
      Map.of(
          "/console.css", "text/css; charset=utf-8",
          "/console.js", "text/javascript; charset=utf-8",
          "/icon.svg", "image/svg+xml");

  /** What a page asks the node. */
  @FunctionalInterface
  public interface Node {
    /**
     * @throws Problem what the node refuses
     */
    JsonNode ask(String command, ObjectNode args);
  }

  private final Sessions sessions;
  private final Set<String> hosts;
  private final URI url;
  private final Pages pages;
  private HttpService service;

  private ConsoleServer(ConsoleConfig config, String party, Node node, Clock clock) {
    this.sessions = new Sessions(clock);
    this.url = config.url();
    this.hosts =
        url == null
            ? HttpService.loopback(config.address())
            : Set.of(url.getHost().toLowerCase(Locale.ROOT));
    this.pages =
        new Pages(
            party,
            (command, args) -> {
              if (!ALLOWED.contains(command)) {
                throw new IllegalArgumentException(command + " is nothing to look at");
              }
              return node.ask(command, args);
            });
  }

  /**
   * Listens from now on.
   *
   * @param home paths of the configuration are relative to it
   * @param party whose node it is
   * @throws Problem if that is not possible
   */
  public static ConsoleServer start(
      ConsoleConfig config, Path home, String party, Node node, Clock clock) {
    ConsoleServer server = new ConsoleServer(config, party, node, clock);
    server.service =
        HttpService.start("console", config.address(), home, LIMITS, server.new Gate());
    return server;
  }

  /** What a browser dials; without a way in. */
  public String url() {
    String said = url == null ? service.url() : url.toString();
    return said.endsWith("/") ? said.substring(0, said.length() - 1) : said;
  }

  /**
   * A new address by which one browser gets in, once and within two minutes; what is read there is
   * read by who asks for it now.
   */
  public String invitation() {
    return url() + "/enter?code=" + sessions.code(Caller.current());
  }

  @Override
  public void close() {
    service.close();
  }

  private String cookie() {
    return service.tls() ? "__Host-silo" : "silo";
  }

  private final class Gate extends Handler.Abstract {
    @Override
    public boolean handle(Request request, Response response, Callback callback) {
      protect(response);
      String path = Request.getPathInContext(request);
      boolean post = HttpMethod.POST.is(request.getMethod());
      Optional<String> secret = session(request);
      Optional<Sessions.Entry> session = secret.flatMap(sessions::find);
      if (session.isPresent()) {
        HttpService.keep(request, response);
      }
      if (!HttpService.isFor(request, hosts)) {
        HttpService.answer(response, callback, 421, "this host is not served here");
      } else if (!post && !HttpMethod.GET.is(request.getMethod())) {
        HttpService.answer(response, callback, 405, "GET only");
      } else if (FILES.containsKey(path)) {
        file(path, response, callback);
      } else if (path.equals("/enter")) {
        enter(request, response, callback);
      } else if (session.isEmpty()) {
        page(response, callback, 401, pages.noEntry());
      } else if (post && !sameOrigin(request)) {
        HttpService.answer(response, callback, 403, "not from this page");
      } else if (post && path.equals("/leave")) {
        sessions.end(secret.get());
        setCookie(response, "", 0);
        page(response, callback, 200, pages.left());
      } else {
        look(session.get().user(), request, path, post, response, callback);
      }
      return true;
    }
  }

  private static void protect(Response response) {
    response.getHeaders().put("Content-Security-Policy", POLICY);
    response.getHeaders().put("Referrer-Policy", "same-origin");
    response.getHeaders().put("X-Frame-Options", "DENY");
    response.getHeaders().put("Cross-Origin-Opener-Policy", "same-origin");
    response.getHeaders().put("Cross-Origin-Resource-Policy", "same-origin");
  }

  private static void page(Response response, Callback callback, int status, String html) {
    HttpService.answer(
        response,
        callback,
        status,
        "text/html; charset=utf-8",
        html.getBytes(StandardCharsets.UTF_8));
  }

  private static void file(String path, Response response, Callback callback) {
    try (InputStream in =
        Objects.requireNonNull(ConsoleServer.class.getResourceAsStream(path.substring(1)))) {
      HttpService.answer(response, callback, 200, FILES.get(path), in.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void enter(Request request, Response response, Callback callback) {
    String code = Request.extractQueryParameters(request).getValue("code");
    Optional<String> session = code == null ? Optional.empty() : sessions.redeem(code);
    if (session.isEmpty()) {
      page(response, callback, 401, pages.noEntry());
      return;
    }
    setCookie(response, session.get(), Sessions.SESSION.toSeconds());
    response.getHeaders().put(HttpHeader.LOCATION, "/");
    HttpService.answer(response, callback, 303, "in");
  }

  private void setCookie(Response response, String value, long seconds) {
    response
        .getHeaders()
        .add(
            HttpHeader.SET_COOKIE,
            "%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict%s"
                .formatted(cookie(), value, seconds, service.tls() ? "; Secure" : ""));
  }

  private Optional<String> session(Request request) {
    return Request.getCookies(request).stream()
        .filter(cookie -> cookie.getName().equals(cookie()))
        .map(cookie -> cookie.getValue())
        .findFirst();
  }

  /** Where a form was sent from; browsers say so with every form. */
  private static boolean sameOrigin(Request request) {
    String origin = request.getHeaders().get(HttpHeader.ORIGIN);
    String host = request.getHeaders().get(HttpHeader.HOST);
    return origin != null && origin.equals((request.isSecure() ? "https://" : "http://") + host);
  }

  private static Fields form(Request request) {
    try {
      return FormFields.getFields(request, MAX_FIELDS, MAX_FORM);
    } catch (RuntimeException e) {
      throw Problem.refused("the form cannot be read, or has more than " + MAX_FORM + " bytes")
          .because(e);
    }
  }

  private void look(
      Optional<Caller> user,
      Request request,
      String path,
      boolean post,
      Response response,
      Callback callback) {
    String html;
    int status = 200;
    try {
      Fields fields = post ? form(request) : Request.extractQueryParameters(request);
      html = Caller.during(user, () -> pages.of(path, post, fields));
      if (html == null) {
        status = 404;
        html = pages.problem(Problem.notFound("there is no page " + path));
      }
    } catch (Problem e) {
      status = e.kind() == Problem.Kind.NOT_FOUND ? 404 : 409;
      html = pages.problem(e);
    } catch (RuntimeException e) {
      LOG.error("page {} failed", path, e);
      status = 500;
      html =
          pages.problem(
              Problem.of(Problem.Kind.INTERNAL, "the page could not be made")
                  .detail("node.log of the node says more"));
    }
    page(response, callback, status, html);
  }
}
