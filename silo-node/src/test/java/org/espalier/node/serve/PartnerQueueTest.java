package org.espalier.node.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.job.Peers;
import org.espalier.wire.Duplex;
import org.espalier.wire.Party;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every question ends in time, whatever the partner does. */
class PartnerQueueTest {
  private static final Party INSURER = new Party("insurer.example");

  private final List<Integer> sizes = Collections.synchronizedList(new ArrayList<>());
  private Function<JsonNode, JsonNode> answers;
  private boolean connected = true;
  private PartnerQueue queue;

  private final class Stub implements Peers {
    @Override
    public Party self() {
      return new Party("bank.example");
    }

    @Override
    public byte[] sign(byte[] statement) {
      throw new AssertionError();
    }

    @Override
    public boolean verify(Party signer, byte[] statement, byte[] signature) {
      throw new AssertionError();
    }

    @Override
    public void requirePartner(Party party) {}

    @Override
    public JsonNode request(Party partner, String method, JsonNode body, Duration timeout) {
      sizes.add(body.path("questions").size());
      return answers.apply(body);
    }

    @Override
    public boolean isConnected(Party partner) {
      return connected;
    }

    @Override
    public Duplex open(Party partner, String stream, Duration patience) {
      throw new AssertionError();
    }
  }

  private PartnerQueue open(Duration patience) {
    queue = new PartnerQueue(new Stub(), INSURER, "S-00000001", Json.object(), patience);
    return queue;
  }

  @AfterEach
  void close() {
    queue.close();
  }

  private static Question question(int number) {
    return new Question("%032x".formatted(number), 0, List.of(new byte[16]));
  }

  private static JsonNode numbered(JsonNode body) {
    ObjectNode reply = Json.object();
    reply.putObject("seeds");
    for (JsonNode question : body.path("questions")) {
      long number = Long.parseLong(question.path("request").asText(), 16);
      reply.withArray("answers").addObject().put("part", number).put("rule", 0);
    }
    return reply;
  }

  private static NoScore failure(CompletableFuture<?> asked) {
    CompletionException e = catchThrowableOfType(CompletionException.class, asked::join);
    return (NoScore) e.getCause();
  }

  @Test
  void whatWaitsSharesAMessage() throws InterruptedException {
    CountDownLatch busy = new CountDownLatch(1);
    answers =
        body -> {
          try {
            busy.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return numbered(body);
        };
    PartnerQueue asked = open(Duration.ofSeconds(20));
    List<CompletableFuture<PartnerQueue.Part>> all = new ArrayList<>();
    for (int i = 0; i < 500; i++) {
      all.add(asked.ask(question(i)));
    }
    busy.countDown();
    for (int i = 0; i < 500; i++) {
      assertThat(all.get(i).join().part()).isEqualTo(i);
    }
    assertThat(sizes.stream().mapToInt(Integer::intValue).sum()).isEqualTo(500);
    assertThat(sizes).hasSizeLessThan(100).allMatch(size -> size <= Question.MOST);
  }

  @Test
  void aSlowPartnerIsLateAndNotAskedWhatNobodyWaitsFor() throws InterruptedException {
    CountDownLatch ever = new CountDownLatch(1);
    answers =
        body -> {
          try {
            ever.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return numbered(body);
        };
    PartnerQueue asked = open(Duration.ofMillis(100));
    List<CompletableFuture<PartnerQueue.Part>> all = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      all.add(asked.ask(question(i)));
    }
    for (CompletableFuture<PartnerQueue.Part> one : all) {
      assertThat(one.join()).isNull(); // which is what late says
    }
    assertThat(asked.late().getMessage()).isEqualTo("insurer.example did not answer within 100 ms");
    int sent = sizes.stream().mapToInt(Integer::intValue).sum();
    ever.countDown();
    assertThat(asked.ask(question(7)).join().part()).isEqualTo(7);
    assertThat(sizes.stream().mapToInt(Integer::intValue).sum()).isEqualTo(sent + 1);
  }

  @Test
  void atTheEndWhatIsUnderWayIsAnsweredAndNothingElseIs() throws InterruptedException {
    CountDownLatch sent = new CountDownLatch(1);
    CountDownLatch closed = new CountDownLatch(1);
    List<Boolean> interrupted = Collections.synchronizedList(new ArrayList<>());
    answers =
        body -> {
          sent.countDown();
          try {
            closed.await();
          } catch (InterruptedException e) {
            interrupted.add(true);
          }
          return numbered(body);
        };
    PartnerQueue asked = open(Duration.ofSeconds(20));
    CompletableFuture<PartnerQueue.Part> underWay = asked.ask(question(3));
    sent.await();
    asked.close();
    closed.countDown();
    assertThat(underWay.join().part()).isEqualTo(3);
    assertThat(interrupted).isEmpty();
    assertThat(failure(asked.ask(question(4))).getMessage()).isEqualTo("scoring has stopped");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{\"answers\": []}",
        "{\"answers\": {\"a\": {\"part\": 5, \"rule\": 0}}}",
        "{\"answers\": [{}]}",
        "{\"answers\": [{\"part\": -1, \"rule\": 0}]}",
        "{\"answers\": [{\"part\": 281474976710656, \"rule\": 0}]}",
        "{\"answers\": [{\"part\": 1.5e300, \"rule\": 0}]}",
        "{\"answers\": [{\"part\": 5}]}",
        "{\"answers\": [{\"part\": 5, \"rule\": 0}, {\"part\": 5, \"rule\": 0}]}",
      })
  void nonsenseIsNoAnswer(String reply) {
    answers = body -> Json.parse("reply", reply);
    assertThat(failure(open(Duration.ofSeconds(5)).ask(question(1))).kind())
        .isEqualTo(NoScore.Kind.UNAVAILABLE);
  }

  @Test
  void refusalsSayWhoAndWhatHelps() {
    Map<String, NoScore.Kind> kinds =
        Map.of(
            "unknown", NoScore.Kind.UNKNOWN_PERSON,
            "nothing", NoScore.Kind.UNKNOWN_PERSON,
            "repeated", NoScore.Kind.AMBIGUOUS_PERSON,
            "quota", NoScore.Kind.QUOTA);
    PartnerQueue asked = open(Duration.ofSeconds(5));
    kinds.forEach(
        (word, kind) -> {
          answers = body -> Json.parse("reply", "{\"answers\": [{\"no\": \"" + word + "\"}]}");
          NoScore why = failure(asked.ask(question(1)));
          assertThat(why.kind()).isEqualTo(kind);
          assertThat(why.party()).contains(INSURER);
        });
    answers =
        body -> {
          throw Problem.refused("the policy does not allow it").at(INSURER);
        };
    assertThat(failure(asked.ask(question(1))).kind()).isEqualTo(NoScore.Kind.REFUSED);
    connected = false;
    NoScore down = failure(asked.ask(question(1)));
    assertThat(down.kind().status()).isEqualTo(503);
    assertThat(down.toJson().path("next").asText()).contains("silo doctor insurer.example");
  }
}
