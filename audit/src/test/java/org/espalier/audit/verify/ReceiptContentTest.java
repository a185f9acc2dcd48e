package org.espalier.audit.verify;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** A partner writes what no node writes into its receipt. */
class ReceiptContentTest {
  private static final String HASH = "a".repeat(64);
  private static final String WHOLE =
      """
      {"alignment":{"cohort":"C-1","digest":"%s","size":300},"attempt":1,\
      "bytes":{"bank.example":{"received":1,"sent":2}},\
      "checkpoint":{"origin":"clinic.example/silo/audit/1","root":"47DEQpj8HBSa+/TImW+5JA==","size":9},\
      "job":"J-1a2b3c4d","party":"clinic.example","spec":"%s",\
      "transcripts":{"align":{"bank.example":"%s"}}}"""
          .formatted(HASH, HASH, HASH);

  private static void refused(String from, String to, String text) throws IOException {
    assertThat(WHOLE).contains(from);
    String changed = WHOLE.replace(from, to);
    assertThat(ReceiptContent.read(changed.getBytes(UTF_8))).as(to).isNull();
    assertThatThrownBy(() -> ReceiptContent.require(new JsonMapper().readTree(changed)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(text)
        .hasMessageNotContaining("evil");
  }

  @Test
  void onlyWhatANodeWritesIsAReceipt() throws IOException {
    assertThat(ReceiptContent.read(WHOLE.getBytes(UTF_8))).isNotNull();
    refused("{\"ali", "{\"evil\":" + "[".repeat(17) + "]".repeat(17) + ",\"ali", "of no meaning");
    refused("{\"ali", "{\"evil\":" + "9".repeat(101) + ",\"ali", "of no meaning");
    refused("\"size\":300", "\"size\":" + "9".repeat(101), "no size of a cohort");
    refused("\"size\":300", "\"size\":300,\"evil\":1", "of no meaning in its alignment");
    refused("\"attempt\":1", "\"attempt\":4294967297", "names no attempt");
    refused("\"attempt\":1", "\"attempt\":1000001", "names no attempt");
    refused("\"attempt\":1", "\"attempt\":0", "names no attempt");
    refused("\"attempt\":1", "\"attempt\":\"1\"", "names no attempt");
    refused("\"attempt\":1", "\"attempt\":1.0", "names no attempt");
    refused("\"align\":{", "\"evil phase\":{", "no phase");
    refused("{\"bank.example\":\"" + HASH + "\"}", "\"evil\"", "no phase");
    refused("\"" + HASH + "\"}}}", "\"00\"}}}", "no hash of a conversation");
    refused("\"" + HASH + "\"}}}", "[\"evil\"]}}}", "no hash of a conversation");
    refused("\"sent\":2", "\"sent\":-2", "no number of bytes");
    refused("\"sent\":2", "\"sent\":2,\"evil\":2", "of no meaning in its number of bytes");
    refused("\"size\":9", "\"size\":9223372036854775808", "no checkpoint");
    refused("silo/audit/1", "silo/audit/\\u202eevil", "no checkpoint");
    assertThat(ReceiptContent.read((WHOLE + " {}").getBytes(UTF_8))).isNull();
    assertThat(ReceiptContent.read("[]".getBytes(UTF_8))).isNull();
    assertThat(ReceiptContent.read(new byte[0])).isNull();
    String twice = WHOLE.replace("{\"ali", "{\"attempt\":1,\"ali");
    assertThat(ReceiptContent.read(twice.getBytes(UTF_8))).isNull();
  }

  @Test
  void theLongestPassesAndTheNextDoesNot() {
    byte[] longest = Arrays.copyOf(WHOLE.getBytes(UTF_8), ReceiptContent.MAX_BYTES);
    Arrays.fill(longest, WHOLE.length(), longest.length, (byte) ' ');
    assertThat(ReceiptContent.read(longest)).isNotNull();
    byte[] next = Arrays.copyOf(longest, longest.length + 1);
    next[longest.length] = ' ';
    assertThat(ReceiptContent.read(next)).isNull();
  }
}
