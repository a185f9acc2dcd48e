package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.OutputType;
import org.openqa.selenium.WebDriverException;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogType;

/** Debian's Chromium, without a window; a test without it is skipped and says so. */
final class ConsoleBrowser implements AutoCloseable {
  private static final Path CHROMIUM = Path.of("/usr/bin/chromium");
  private static final Path DRIVER = Path.of("/usr/bin/chromedriver");
  private static final Path SCREENS = Path.of("target", "console");
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final int[] WIDTHS = {360, 1280};

  private final ChromeDriver driver;
  private final String checks;

  private ConsoleBrowser(ChromeDriver driver, String checks) {
    this.driver = driver;
    this.checks = checks;
  }

  static ConsoleBrowser open() throws IOException {
    assumeTrue(
        Files.isExecutable(CHROMIUM) && Files.isExecutable(DRIVER),
        "needs a browser: apt-get install chromium chromium-driver");
    Logger.getLogger("org.openqa.selenium").setLevel(Level.SEVERE);
    ChromeOptions options = new ChromeOptions();
    options.setBinary(CHROMIUM.toString());
    options.addArguments(
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--window-size=1280,900");
    ChromeDriverService service =
        new ChromeDriverService.Builder()
            .usingDriverExecutable(new File(DRIVER.toString()))
            .build();
    Files.createDirectories(SCREENS);
    try (var in = ConsoleBrowser.class.getResourceAsStream("accessibility.js")) {
      return new ConsoleBrowser(
          new ChromeDriver(service, options),
          new String(in.readAllBytes(), StandardCharsets.UTF_8));
    }
  }

  /** A whole address, or a path of the page that is shown. */
  void go(String where) {
    driver.get(where.startsWith("/") ? where(where) : where);
  }

  private String where(String path) {
    String now = driver.getCurrentUrl();
    return now.substring(0, now.indexOf('/', "http://".length())) + path;
  }

  String url() {
    return driver.getCurrentUrl();
  }

  String title() {
    return driver.getTitle();
  }

  private String text() {
    try {
      Object text = driver.executeScript("return document.body ? document.body.innerText : ''");
      return String.valueOf(text);
    } catch (WebDriverException betweenTwoPages) {
      return "";
    }
  }

  int count(String css) {
    return driver.findElements(By.cssSelector(css)).size();
  }

  void click(String css) {
    driver.findElement(By.cssSelector(css)).click();
  }

  void type(String css, String text) {
    driver.findElement(By.cssSelector(css)).sendKeys(text);
  }

  /** Waits until texts are there: a page follows its click a moment later. */
  void await(String... texts) throws InterruptedException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!Stream.of(texts).allMatch(text()::contains)) {
      if (System.nanoTime() > end) {
        assertThat(text()).contains(texts);
      }
      Thread.sleep(50);
    }
  }

  /**
   * Looks at the page as it is, narrow and wide, light and dark: nothing sticks out at the side,
   * everything has a name and contrast, nothing was refused by the content policy, and there is
   * something to be seen. Leaves screenshots in {@code target/console}.
   */
  void examine(String name) throws IOException {
    for (int width : WIDTHS) {
      driver.executeCdpCommand(
          "Emulation.setDeviceMetricsOverride",
          Map.of("width", width, "height", 900, "deviceScaleFactor", 1, "mobile", false));
      Object wide = driver.executeScript("return document.documentElement.scrollWidth");
      assertThat(((Number) wide).intValue()).as("%s at %d", name, width).isLessThanOrEqualTo(width);
      byte[] png = driver.getScreenshotAs(OutputType.BYTES);
      Files.write(SCREENS.resolve(name + "-" + width + ".png"), png);
      assertThat(colours(png)).as("colours of %s at %d", name, width).isGreaterThan(20);
    }
    for (String scheme : List.of("dark", "light")) {
      driver.executeCdpCommand(
          "Emulation.setEmulatedMedia",
          Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
      Object found = driver.executeScript(checks);
      assertThat((List<?>) found).as("%s, %s", name, scheme).isEmpty();
      if (scheme.equals("dark")) {
        Files.write(SCREENS.resolve(name + "-dark.png"), driver.getScreenshotAs(OutputType.BYTES));
      }
    }
    driver.findElement(By.tagName("body")).sendKeys(Keys.TAB);
    assertThat(driver.switchTo().activeElement().getText()).contains("Skip to the content");
    assertThat(driver.manage().logs().get(LogType.BROWSER).getAll())
        .as("what the browser complains of on %s", name)
        .noneMatch(entry -> entry.getLevel().equals(Level.SEVERE));
  }

  private static int colours(byte[] png) throws IOException {
    BufferedImage image = ImageIO.read(new ByteArrayInputStream(png));
    Set<Integer> colours = new HashSet<>();
    for (int y = 0; y < image.getHeight(); y += 2) {
      for (int x = 0; x < image.getWidth(); x += 2) {
        colours.add(image.getRGB(x, y));
      }
    }
    return colours.size();
  }

  @Override
  public void close() {
    driver.quit();
  }
}
