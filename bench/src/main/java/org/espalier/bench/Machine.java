package org.espalier.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What a benchmark ran on.
 *
 * @param memoryBytes of the machine; 0 where the system does not tell
 * @param load of the last minute; negative where the system does not tell
 */
record Machine(
    String processor, int cores, long memoryBytes, String system, String java, double load) {

  static Machine now() {
    return new Machine(
        processorName(),
        Runtime.getRuntime().availableProcessors(),
        1024 * number(line(Path.of("/proc/meminfo"), "MemTotal")),
        System.getProperty("os.name") + " " + System.getProperty("os.version"),
        System.getProperty("java.version"),
        loadNow());
  }

  static double loadNow() {
    return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
  }

  private static String processorName() {
    String name = line(Path.of("/proc/cpuinfo"), "model name");
    return name.isEmpty() ? System.getProperty("os.arch") : name;
  }

  private static long number(String text) {
    String digits = text.replaceAll("[^0-9]", "");
    return digits.isEmpty() ? 0 : Long.parseLong(digits);
  }

  /** What follows the colon of the first line that begins so; empty if there is none. */
  private static String line(Path file, String name) {
    try {
      for (String line : Files.readAllLines(file)) {
        if (line.startsWith(name)) {
          return line.substring(line.indexOf(':') + 1).trim();
        }
      }
    } catch (IOException notOnThisSystem) {
      return "";
    }
    return "";
  }

  @Override
  public String toString() {
    return "%d cores of %s, %.0f GiB, %s, Java %s, load %.1f"
        .formatted(cores, processor, memoryBytes / 0x1p30, system, java, load);
  }
}
