package org.espalier.node.serve;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Promise;
import org.eclipse.jetty.util.thread.Invocable;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.ScoringConfig;
import org.espalier.node.http.HttpService;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The HTTP endpoint: {@code POST /v1/score/S-...} with a token. It has no threads waiting for
 * partners, so a slow partner costs memory for its open requests only, and these are bounded.
 */
public final class ScoreEndpoint implements AutoCloseable {
  /** Largest body of a request. */
  static final int MAX_BODY = 64 << 10;

  private static final Logger LOG = LoggerFactory.getLogger(ScoreEndpoint.class);
  private static final String PATH = "/v1/score/";
  private static final String BEARER = "Bearer ";
  private static final int THREADS = 32;
  private static final int MAX_CONNECTIONS = 1024;
  private static final int MAX_OPEN = 4096;

  private static final JsonMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(8)
                          .maxDocumentLength(MAX_BODY)
                          .maxNumberLength(100)
                          .maxNameLength(256)
                          .build())
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .build())
          .enable(
              DeserializationFeature.FAIL_ON_TRAILING_TOKENS,
              DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .build();

  private final Servings servings;
  private final Clients clients;
  private final Runnable denied;
  private final AtomicInteger open = new AtomicInteger();
  private HttpService service;

  private ScoreEndpoint(Servings servings, Clients clients, Runnable denied) {
    this.servings = servings;
    this.clients = clients;
    this.denied = denied;
  }

  /**
   * Listens from now on.
   *
   * @param home paths of the configuration are relative to it
   * @param denied is told of every request without a known token
   * @throws Problem if that is not possible
   */
  public static ScoreEndpoint start(
      ScoringConfig config, Path home, Servings servings, Clients clients, Runnable denied) {
    ScoreEndpoint endpoint = new ScoreEndpoint(servings, clients, denied);
    endpoint.service =
        HttpService.start(
            "scoring",
            config.address(),
            home,
            new HttpService.Limits(THREADS, MAX_CONNECTIONS),
            endpoint.new Score());
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

  /** Every request passes here; the token is looked at before anything else. */
  private final class Score extends Handler.Abstract.NonBlocking {
    @Override
    public boolean handle(Request request, Response response, Callback callback) {
      Exchange exchange = new Exchange(response, callback);
      try {
        String client = client(request);
        HttpService.keep(request, response);
        String path = Request.getPathInContext(request);
        if (!path.startsWith(PATH) || !HttpMethod.POST.is(request.getMethod())) {
          throw new NoScore(
              NoScore.Kind.NO_SUCH_PATH, null, "no such path", "POST " + PATH + "S-...");
        }
        if (request.getLength() > MAX_BODY) {
          throw tooLarge();
        }
        if (!exchange.begin()) {
          throw new NoScore(
              NoScore.Kind.UNAVAILABLE,
              null,
              MAX_OPEN + " requests are open already",
              "fewer at once");
        }
        String serving = path.substring(PATH.length());
        Content.Source.asByteArrayAsync(
            request,
            MAX_BODY,
            Promise.Invocable.from(
                Invocable.InvocationType.NON_BLOCKING,
                body -> exchange.score(serving, client, body),
                failure -> exchange.failed(unreadable(failure))));
      } catch (NoScore e) {
        exchange.failed(e);
      }
      return true;
    }
  }

  private String client(Request request) {
    String said = request.getHeaders().get(HttpHeader.AUTHORIZATION);
    return Optional.ofNullable(said)
        .filter(text -> text.startsWith(BEARER))
        .flatMap(text -> clients.holder(text.substring(BEARER.length())))
        .orElseThrow(
            () -> {
              denied.run();
              return new NoScore(
                  NoScore.Kind.TOKEN,
                  null,
                  "no client has this token",
                  "Authorization: Bearer TOKEN, from silo serve client add NAME");
            });
  }

  private static NoScore tooLarge() {
    return new NoScore(
        NoScore.Kind.TOO_LARGE,
        null,
        "a request has at most " + MAX_BODY + " bytes",
        "fewer people in a request");
  }

  private static NoScore unreadable(Throwable failure) {
    return failure instanceof IllegalStateException
        ? tooLarge()
        : NoScore.malformed("the body could not be read");
  }

  /** One request and its answer. */
  private final class Exchange {
    private final long began = System.nanoTime();
    private final Response response;
    private final Callback callback;
    private String id = "";
    private boolean counted;

    Exchange(Response response, Callback callback) {
      this.response = response;
      this.callback = callback;
    }

    boolean begin() {
      counted = true;
      return open.incrementAndGet() <= MAX_OPEN;
    }

    void score(String serving, String client, byte[] body) {
      try {
        ObjectNode asked = parse(body);
        JsonNode given = asked.remove("request_id");
        id = given == null ? UUID.randomUUID().toString() : given.asText();
        CompletableFuture<ObjectNode> answer = servings.score(serving, client, id, asked);
        var unused =
            answer.whenComplete(
                (scored, failure) -> {
                  if (failure == null) {
                    end(200, "scored", scored);
                  } else {
                    failed(failure);
                  }
                });
      } catch (RuntimeException e) {
        failed(e);
      }
    }

    private static ObjectNode parse(byte[] body) {
      try {
        if (JSON.readTree(body) instanceof ObjectNode object) {
          return object;
        }
      } catch (JsonProcessingException e) {
        throw NoScore.malformed(
            "the body is not the JSON that is expected: " + e.getOriginalMessage());
      } catch (IOException e) {
        throw NoScore.malformed("the body could not be read");
      }
      throw NoScore.malformed("the body is a JSON object");
    }

    void failed(Throwable failure) {
      Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
      NoScore why;
      if (cause instanceof NoScore known) {
        why = known;
      } else {
        LOG.error("a request for scores failed", cause);
        why =
            new NoScore(
                NoScore.Kind.INTERNAL, null, "internal error", "node.log of the node says more");
      }
      ObjectNode json = Json.object();
      if (!id.isEmpty()) {
        json.put("request_id", id);
      }
      json.set("error", why.toJson());
      end(why.kind().status(), why.kind().code(), json);
    }

    private void end(int status, String outcome, ObjectNode json) {
      if (counted) {
        open.decrementAndGet();
      }
      servings.metrics().count(outcome, System.nanoTime() - began);
      if (status == NoScore.Kind.TOKEN.status()) {
        response.getHeaders().put(HttpHeader.WWW_AUTHENTICATE, "Bearer");
      }
      byte[] bytes = Json.write(json).getBytes(StandardCharsets.UTF_8);
      HttpService.answer(response, callback, status, "application/json", bytes);
    }
  }
}
