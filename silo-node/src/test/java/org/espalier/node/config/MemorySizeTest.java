package org.espalier.node.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.espalier.node.Problem;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MemorySizeTest {
  @ParameterizedTest
  @CsvSource({"2GiB, 2GiB", "4 GiB, 4GiB", "768MiB, 768MiB", "2048M, 2GiB", "1G, 1GiB"})
  void sizesAreReadAsPeopleWriteThem(String text, String size) {
    assertThat(MemorySize.parse(text)).hasToString(size);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "2", "2TiB", "-2GiB", "256MiB", "1025GiB", "9999999GiB", "2 giga"})
  void othersAreRefused(String text) {
    assertThatThrownBy(() -> MemorySize.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("memory must be");
  }

  @Test
  void aNodesFileMayHaveOne(@TempDir Path folder) throws IOException {
    SiloHome home = new SiloHome(folder);
    String file = "name: bank.example\nlisten: 127.0.0.1:9443\n";
    Files.writeString(home.config(), file + "memory: 2GiB\n");
    assertThat(home.load().memory().heap()).isEqualTo(3L << 29);
    assertThat(home.load().sliceMemory()).isEqualTo(1L << 29);
    Files.writeString(home.config(), file);
    assertThat(home.load().memory()).isNull();
    assertThat(home.load().sliceMemory()).isPositive();
    Files.writeString(home.config(), file + "memory: a lot\n");
    assertThatThrownBy(home::load)
        .isInstanceOf(Problem.class)
        .hasMessageContaining("memory must be a size");
  }
}
