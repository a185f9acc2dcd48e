package org.espalier.audit.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.espalier.audit.Logs;
import org.espalier.audit.MemoryFolder;
import org.espalier.audit.event.Actor;
import org.espalier.audit.event.EventType;
import org.espalier.audit.verify.Verification;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Attack 24: a person is erased, and what is left says nothing of it and still verifies. */
class PersonStoreTest {
  @TempDir(factory = MemoryFolder.class)
  Path folder;

  @Test
  void anErasedPersonIsGoneAndTheLogStillVerifies() throws Exception {
    Path log = folder.resolve("log");
    Path people = folder.resolve("people");
    Path state = folder.resolve("state");
    PersonStore store = PersonStore.open(people);
    try (AuditLog writer = Logs.open(log)) {
      String anna = store.pseudonym("anna");
      Actor actor =
          new Actor(
              Actor.Kind.HUMAN,
              anna,
              "unix-socket",
              null,
              store.session("anna", "S-17"),
              store.address("anna", "10.1.2.3"));
      writer.fact(EventType.AUDIT_REVIEWED, e -> e.actor(actor));
      writer.fact(
          EventType.JOB_APPROVED,
          e ->
              e.job("J-1", 0, null)
                  .approval("bank.example", "approve", "c2ln")
                  .personApproval(anna, "approves as analyst", "c2ln"));
      writer.checkpoint();
      assertThat(Logs.verify(log, state).ok()).isTrue();
      byte[] root = Logs.verify(log).root();

      LoggedEvent before = store.shown(writer.reader().event(0));
      assertThat(before.line()).contains("actor=anna");
      assertThat(before.json().at("/actor/opened/address").asText()).isEqualTo("10.1.2.3");
      assertThat(before.json().at("/actor/opened/session").asText()).isEqualTo("S-17");
      assertThat(store.shown(writer.reader().event(1)).json().at("/approvals/1/opened/pseudonym"))
          .hasToString("\"anna\"");
      assertThat(store.commitments("anna")).hasSize(3).contains(anna);

      writer.fact(EventType.ERASURE_DONE, e -> e.actor(actor).reason("request").erasure(anna, 2));
      assertThat(store.erase(anna)).isTrue();
      assertThat(store.erase(anna)).isFalse();
      for (PersonStore each : List.of(store, PersonStore.open(people))) {
        LoggedEvent after = each.shown(writer.reader().event(0));
        assertThat(after.line()).contains("actor=erased").doesNotContain("anna");
        assertThat(after.json().at("/actor/opened/address").asText()).isEqualTo("erased");
        assertThat(each.value(anna)).isEmpty();
        assertThat(each.commitments("anna")).isEmpty();
      }
      writer.checkpoint();
      Verification result = Logs.verify(log, state);
      assertThat(result.ok()).as("%s", result.lines()).isTrue();
      assertThat(writer.reader().event(0).bytes()).isEqualTo(before.bytes());
      assertThat(root).hasSize(32);
      // Who is there again is somebody else as far as the log goes.
      assertThat(store.pseudonym("anna")).isNotEqualTo(anna);
      store.erase(store.pseudonym("anna"));
    }
    for (Path file : Logs.files(folder)) {
      assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1))
          .as("%s", file)
          .doesNotContain("anna", "10.1.2.3", "S-17");
    }
  }

  /** A bare hash falls to a list of names; what is in the log does not, without its key. */
  @Test
  void aListOfNamesOpensNoPseudonym() throws Exception {
    List<String> names = List.of("carol", "anna", "bob");
    PersonStore store = PersonStore.open(folder.resolve("people"));
    String inLog = store.pseudonym("anna").substring("hmac-sha256:".length());

    String bare = HexFormat.of().formatHex(sha256("anna"));
    assertThat(names.stream().filter(name -> hex(sha256(name)).equals(bare)))
        .containsExactly("anna");
    for (String name : names) {
      assertThat(hex(sha256(name))).isNotEqualTo(inLog);
      for (String key : List.of("", "anna", "espalier.audit-person/1", "\0".repeat(32))) {
        assertThat(hex(hmac(key, name))).isNotEqualTo(inLog);
        assertThat(hex(hmac(key, "espalier.audit-person/1\0pseudonym\0" + name)))
            .isNotEqualTo(inLog);
      }
    }
    // Another node's key makes another pseudonym, so that logs cannot be joined by it.
    assertThat(PersonStore.open(folder.resolve("others")).pseudonym("anna")).doesNotContain(inLog);
    // With the key anybody can check the name, as long as the key is there.
    Path file = Logs.files(folder.resolve("people")).get(0);
    String key = Files.readString(file).replaceAll(".*\"key\":\"([^\"]*)\".*", "$1");
    byte[] raw = java.util.Base64.getDecoder().decode(key);
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(raw, "HmacSHA256"));
    assertThat(hex(mac.doFinal(bytes("espalier.audit-person/1\0pseudonym\0anna"))))
        .isEqualTo(inLog);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
  }

  /** Whoever changes the store cannot make the log name somebody else. */
  @Test
  void aPseudonymOpensToOneNameOnly() throws Exception {
    Path people = folder.resolve("people");
    String anna = PersonStore.open(people).pseudonym("anna");
    Path file = Logs.files(people).get(0);
    Files.writeString(file, Files.readString(file).replace("anna", "carl"));
    PersonStore changed = PersonStore.open(people);
    assertThat(changed.value(anna)).isEmpty();
    try (AuditLog log = Logs.open(folder.resolve("log"))) {
      log.fact(
          EventType.AUDIT_REVIEWED, e -> e.actor(Actor.of(Actor.Kind.HUMAN, anna, "unix-socket")));
      assertThat(changed.shown(log.reader().event(0)).line()).contains("actor=unknown");
    }
    Files.writeString(file, "{}");
    assertThatThrownBy(() -> PersonStore.open(people)).hasMessageContaining("no file of a store");
  }

  /** Erased values come back with an old copy of the folder, and go again by what the log says. */
  @Test
  void anOldCopyOfTheStoreIsErasedAgain() throws Exception {
    Path people = folder.resolve("people");
    PersonStore store = PersonStore.open(people);
    String anna = store.pseudonym("anna");
    String bob = store.pseudonym("bob");
    Path copy = Logs.copy(people, folder.resolve("copy"));
    store.erase(anna);
    PersonStore old = PersonStore.open(copy);
    assertThat(old.value(anna)).contains("anna");
    assertThat(old.erase(anna)).isTrue();
    assertThat(old.value(anna)).isEmpty();
    assertThat(old.value(bob)).contains("bob");
  }

  @Test
  void nothingPersonalIsLoggedInTheClear() {
    assertThatThrownBy(() -> Actor.of(Actor.Kind.HUMAN, "anna", "unix-socket"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageNotContaining("anna");
    assertThatThrownBy(
            () -> new Actor(Actor.Kind.HUMAN, Logs.PERSON, "mtls", null, null, "10.1.2.3"))
        .isInstanceOf(IllegalArgumentException.class);
    try (AuditLog log = Logs.open(folder.resolve("log"))) {
      assertThatThrownBy(
              () ->
                  log.fact(
                      EventType.JOB_APPROVED,
                      e -> e.job("J-1", 0, null).personApproval("anna", "approves", "c2ln")))
          .isInstanceOf(IllegalArgumentException.class);
      assertThat(log.size()).isZero();
    }
  }

  private static byte[] sha256(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes(text));
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static byte[] hmac(String key, String text) throws Exception {
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(bytes(key.isEmpty() ? "\0" : key), "HmacSHA256"));
    return mac.doFinal(bytes(text));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }

  @Test
  void whatAWriteLeftBehindIsRemoved() throws Exception {
    Path folder = this.folder.resolve("left");
    PersonStore store = PersonStore.open(folder);
    String pseudonym = store.pseudonym("anna");
    Path file;
    try (Stream<Path> files = Files.list(folder)) {
      file = files.findFirst().orElseThrow();
    }
    byte[] bytes = Files.readAllBytes(file);
    // A disk error: nothing can take this place.
    Files.delete(file);
    Files.createDirectories(file.resolve("in the way"));
    assertThatThrownBy(() -> store.session("anna", "s1")).isInstanceOf(IOException.class);
    Path fresh = folder.resolve(file.getFileName() + ".new");
    assertThat(fresh).doesNotExist();
    // A crash.
    Logs.delete(file);
    Files.write(file, bytes);
    Files.write(fresh, bytes);
    PersonStore.clean(folder);
    assertThat(fresh).doesNotExist();
    assertThat(PersonStore.open(folder).value(pseudonym)).contains("anna");
  }
}
