package org.espalier.node.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.espalier.node.Problem;
import org.espalier.node.job.JobSpec;
import org.espalier.node.job.Peers;
import org.espalier.protocols.predict.OnlineLogits;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Questions to one feature party. A few threads each send what waits in one message and wait for
 * the answer: with little load a question leaves at once, with more of it questions share messages,
 * so that neither the link's number of open requests nor its cost per message is the limit. What
 * has waited longer than its asker is not sent any more.
 */
final class PartnerQueue implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PartnerQueue.class);
  private static final int THREADS = 4;
  private static final int WAITING = 4096;

  private final Peers peers;
  private final Party partner;
  private final String serving;
  private final ObjectNode head;
  private final Duration patience;
  private final BlockingQueue<Waiting> queue = new ArrayBlockingQueue<>(WAITING);
  private volatile boolean closed;

  /**
   * A feature party's answer.
   *
   * @param part masked
   * @param rule by which it found the person, from 0
   * @param seeds names of the seeds of its masks, by party
   */
  record Part(long part, int rule, Map<String, String> seeds) {}

  private record Waiting(Question question, long deadline, CompletableFuture<Part> answer) {}

  /** Ends a thread, which is not interrupted: it may be writing down what became of a request. */
  private static final Waiting END = new Waiting(null, 0, new CompletableFuture<>());

  /**
   * @param head {@code serving} and {@code spec} of each message
   */
  PartnerQueue(Peers peers, Party partner, String serving, ObjectNode head, Duration patience) {
    this.peers = peers;
    this.partner = partner;
    this.serving = serving;
    this.head = head;
    this.patience = patience;
    for (int i = 0; i < THREADS; i++) {
      Thread thread = new Thread(this::send, "scoring-" + partner);
      thread.setDaemon(true);
      thread.start();
    }
  }

  Party partner() {
    return partner;
  }

  /** Completes with the answer, or with a {@link NoScore}, within the time that was agreed. */
  CompletableFuture<Part> ask(Question question) {
    CompletableFuture<Part> answer = new CompletableFuture<>();
    if (!peers.isConnected(partner)) {
      answer.completeExceptionally(unavailable("there is no link with " + partner));
      return answer;
    }
    if (closed) {
      answer.completeExceptionally(stopped());
      return answer;
    }
    if (!queue.offer(new Waiting(question, System.nanoTime() + patience.toNanos(), answer))) {
      answer.completeExceptionally(
          unavailable(WAITING + " questions to " + partner + " are waiting already"));
      return answer;
    }
    return answer.completeOnTimeout(null, patience.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** What a question says that was not answered in time. */
  NoScore late() {
    return unavailable(partner + " did not answer within " + patience.toMillis() + " ms");
  }

  private NoScore unavailable(String what) {
    return new NoScore(
        NoScore.Kind.UNAVAILABLE,
        partner,
        what,
        "try again; if it stays so, silo doctor " + partner);
  }

  private void send() {
    List<Waiting> batch = new ArrayList<>();
    try {
      while (true) {
        batch.clear();
        batch.add(queue.take());
        queue.drainTo(batch, Question.MOST - 1);
        if (batch.contains(END)) {
          batch.forEach(waiting -> waiting.answer.completeExceptionally(stopped()));
          queue.add(END); // for the next thread
          return;
        }
        long now = System.nanoTime();
        batch.removeIf(waiting -> waiting.answer.isDone() || waiting.deadline - now <= 0);
        if (!batch.isEmpty()) {
          send(batch, now);
        }
      }
    } catch (InterruptedException closing) {
      Thread.currentThread().interrupt();
    }
  }

  private void send(List<Waiting> batch, long now) {
    ObjectNode body = head.deepCopy();
    ArrayNode questions = body.putArray("questions");
    long deadline = now;
    for (Waiting waiting : batch) {
      questions.add(waiting.question.toJson());
      deadline = Math.max(deadline, waiting.deadline);
    }
    try {
      JsonNode reply =
          peers.request(partner, Servings.ASK, body, Duration.ofNanos(Math.max(1, deadline - now)));
      take(batch, reply);
    } catch (Problem e) {
      NoScore why = NoScore.of(partner, serving, e);
      batch.forEach(waiting -> waiting.answer.completeExceptionally(why));
    } catch (RuntimeException e) {
      LOG.error("asking {}", partner, e);
      NoScore why =
          new NoScore(NoScore.Kind.INTERNAL, null, "internal error", "see node.log of this node");
      batch.forEach(waiting -> waiting.answer.completeExceptionally(why));
    }
  }

  private void take(List<Waiting> batch, JsonNode reply) {
    JsonNode answers = reply.path("answers");
    JsonNode names = reply.path("seeds");
    if (!answers.isArray()
        || answers.size() != batch.size()
        || names.size() > JobSpec.MAX_PARTIES) {
      throw Problem.of(Problem.Kind.PARTNER, partner + " answered something else").at(partner);
    }
    Map<String, String> seeds = new TreeMap<>();
    names.properties().forEach(entry -> seeds.put(entry.getKey(), entry.getValue().asText()));
    for (int i = 0; i < batch.size(); i++) {
      JsonNode answer = answers.get(i);
      CompletableFuture<Part> asked = batch.get(i).answer;
      JsonNode said = answer.path("part");
      long part = said.canConvertToLong() && said.isIntegralNumber() ? said.asLong() : -1;
      if (answer.has("no")) {
        asked.completeExceptionally(no(answer.path("no").asText()));
      } else if (part < 0 || part >>> OnlineLogits.BITS != 0 || !answer.path("rule").isInt()) {
        asked.completeExceptionally(unavailable(partner + " answered something else"));
      } else {
        asked.complete(new Part(part, answer.path("rule").asInt(), seeds));
      }
    }
  }

  private NoScore no(String why) {
    return switch (why) {
      case Answering.UNKNOWN ->
          new NoScore(
              NoScore.Kind.UNKNOWN_PERSON,
              partner,
              "person unknown at " + partner,
              "check the key; without this party's part there is no score");
      case Answering.REPEATED ->
          new NoScore(
              NoScore.Kind.AMBIGUOUS_PERSON,
              partner,
              "several rows at " + partner + " have this key",
              "duplicates: first in the serving, or a narrower match key");
      case Answering.QUOTA ->
          new NoScore(
              NoScore.Kind.QUOTA,
              partner,
              "the day's scores at " + partner + " are used up",
              "tomorrow (UTC), or a serving with more scores_per_day");
      default ->
          new NoScore(
              NoScore.Kind.UNKNOWN_PERSON,
              partner,
              partner + " gives no part of the score for this person",
              "its policy does not say why: unknown there, or not unique");
    };
  }

  private NoScore stopped() {
    return unavailable("scoring has stopped");
  }

  @Override
  public void close() {
    closed = true;
    List<Waiting> left = new ArrayList<>();
    queue.drainTo(left);
    left.forEach(waiting -> waiting.answer.completeExceptionally(stopped()));
    queue.add(END);
  }
}
