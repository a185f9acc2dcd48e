package org.espalier.audit.verify;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;

/** JSON that others wrote: bounded, no key twice, and nothing after it. */
final class StrictJson {
  private StrictJson() {}

  /**
   * @param longest document, and so longest text in it
   * @param deepest nesting
   * @param digits of the longest number
   */
  static JsonMapper mapper(int longest, int deepest, int digits) {
    return JsonMapper.builder(
            JsonFactory.builder()
                .streamReadConstraints(
                    StreamReadConstraints.builder()
                        .maxDocumentLength(longest)
                        .maxStringLength(longest)
                        .maxNestingDepth(deepest)
                        .maxNumberLength(digits)
                        .build())
                .build())
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
        .build();
  }
}
