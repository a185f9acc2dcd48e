package org.espalier.node.config;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.KeyDeserializer;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.cfg.EnumFeature;
import com.fasterxml.jackson.databind.cfg.MapperBuilder;
import com.fasterxml.jackson.databind.deser.std.FromStringDeserializer;
import com.fasterxml.jackson.databind.exc.InvalidFormatException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.ValueInstantiationException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.ser.std.ToStringSerializer;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.espalier.node.Problem;
import org.espalier.wire.Digests;
import org.espalier.wire.Party;
import org.espalier.wire.Printable;

/**
 * The one way in which this node reads and writes JSON and YAML: keys in snake_case, enumerations
 * in lower case, unknown and doubled keys refused, decimals kept exactly as written.
 */
public final class Json {
  private static final long MAX_FILE = 4L << 20;

  /** Enough for every double in plain notation. */
  private static final int MAX_DIGITS = 400;

  private static final StreamReadConstraints BOUNDS =
      StreamReadConstraints.builder().maxNestingDepth(64).maxStringLength(16 << 20).build();

  private static final ObjectMapper JSON =
      configure(JsonMapper.builder(JsonFactory.builder().streamReadConstraints(BOUNDS).build()));

  private static final ObjectMapper YAML =
      configure(YAMLMapper.builder(YAMLFactory.builder().streamReadConstraints(BOUNDS).build()));

  private Json() {}

  private static ObjectMapper configure(MapperBuilder<?, ?> builder) {
    SimpleModule parties = new SimpleModule();
    parties.addSerializer(Party.class, ToStringSerializer.instance);
    parties.addDeserializer(Party.class, new PartyReader());
    parties.addKeyDeserializer(Party.class, new PartyKeyReader());
    ObjectMapper mapper =
        builder
            .addModule(parties)
            .addModule(new JavaTimeModule())
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
            .enable(
                DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS,
                DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES,
                DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(
                SerializationFeature.WRITE_DATES_AS_TIMESTAMPS,
                SerializationFeature.WRITE_DURATIONS_AS_TIMESTAMPS)
            .configure(EnumFeature.WRITE_ENUMS_TO_LOWERCASE, true)
            .build();
    mapper.enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);
    return mapper;
  }

  public static ObjectNode object() {
    return JsonNodeFactory.instance.objectNode();
  }

  public static JsonNode tree(Object value) {
    return JSON.valueToTree(value);
  }

  /**
   * @throws Problem naming the line and the key if the text is no JSON
   */
  public static JsonNode parse(String name, String text) {
    try {
      JsonNode node = JSON.readTree(text);
      return node == null ? JsonNodeFactory.instance.missingNode() : node;
    } catch (JsonProcessingException e) {
      throw unreadable(name, JSON, text, JsonNode.class, e);
    }
  }

  /**
   * @param name how an error calls the document, such as a file name
   * @throws Problem naming the line and the key if the text does not fit {@code type}
   */
  public static <T> T yaml(String name, String text, Class<T> type) {
    try {
      T value = YAML.readValue(text, type);
      if (value == null) {
        throw Problem.refused(name + " is empty");
      }
      return value;
    } catch (JsonProcessingException e) {
      throw unreadable(name, YAML, text, type, e);
    }
  }

  public static <T> T yaml(Path file, Class<T> type) {
    return yaml(file.getFileName().toString(), text(file), type);
  }

  public static String toYaml(Object value) {
    try {
      return YAML.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * @throws Problem naming the key if the tree does not fit {@code type}
   */
  public static <T> T convert(String name, JsonNode tree, Class<T> type) {
    try {
      return JSON.treeToValue(tree, type);
    } catch (JsonProcessingException e) {
      UnknownKey unknown = unknownKey(JSON, tree, JSON.constructType(type), "");
      throw unknown != null ? unknown.problem(name, -1, e) : unreadable(name, -1, e);
    }
  }

  /** Reads a small text file. */
  public static String text(Path file) {
    try {
      if (Files.size(file) > MAX_FILE) {
        throw Problem.refused(file + " is larger than " + (MAX_FILE >> 20) + " MiB");
      }
      return Files.readString(file);
    } catch (CharacterCodingException e) {
      throw Problem.refused("cannot read " + file + " as UTF-8 text").because(e);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /** What there is to say of a file that cannot be read. */
  public static Problem unreadable(Path file, IOException cause) {
    if (cause instanceof NoSuchFileException) {
      return Problem.notFound("no file " + file).because(cause);
    }
    Problem problem = Problem.refused("cannot read " + file).because(cause);
    if (cause instanceof AccessDeniedException) {
      return problem
          .detail(
              "the account %s may not read it, or may not enter its folder"
                  .formatted(System.getProperty("user.name")))
          .next("ls -ld %s %s".formatted(file.toAbsolutePath().getParent(), file));
    }
    return problem.detail(cause.toString());
  }

  public static String write(JsonNode node) {
    return node.toString();
  }

  public static String pretty(JsonNode node) {
    return node.toPrettyString();
  }

  /**
   * The one byte string of a document: keys sorted, no white space, decimals in plain notation
   * without trailing zeros, so that {@code 1.0e-6} and {@code 0.000001} are the same.
   *
   * @throws Problem if a number has more than 400 digits in plain notation: {@code 1e999999999} is
   *     short to send and fills the memory when written out; or if a text holds half of a surrogate
   *     pair, which has no bytes of its own and would pass for a question mark
   */
  public static byte[] canonical(JsonNode node) {
    StringBuilder out = new StringBuilder();
    canonical(node, out);
    try {
      ByteBuffer bytes = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(out));
      byte[] canonical = new byte[bytes.remaining()];
      bytes.get(canonical);
      return canonical;
    } catch (CharacterCodingException e) {
      throw Problem.refused("a text holds half of a character").because(e);
    }
  }

  private static void canonical(JsonNode node, StringBuilder out) {
    if (node.isObject()) {
      Map<String, JsonNode> sorted = new TreeMap<>();
      node.properties().forEach(field -> sorted.put(field.getKey(), field.getValue()));
      char separator = '{';
      for (Map.Entry<String, JsonNode> field : sorted.entrySet()) {
        out.append(separator).append(JsonNodeFactory.instance.textNode(field.getKey())).append(':');
        canonical(field.getValue(), out);
        separator = ',';
      }
      out.append(sorted.isEmpty() ? "{}" : "}");
    } else if (node.isArray()) {
      out.append('[');
      for (Iterator<JsonNode> items = node.elements(); items.hasNext(); ) {
        canonical(items.next(), out);
        out.append(items.hasNext() ? "," : "");
      }
      out.append(']');
    } else if (node.isNumber()) {
      out.append(plain(node.decimalValue()));
    } else {
      out.append(node);
    }
  }

  private static String plain(BigDecimal number) {
    if (number.signum() == 0) {
      return "0";
    }
    if (number.precision() > MAX_DIGITS || Math.abs((long) number.scale()) > MAX_DIGITS) {
      throw Problem.refused("a number has more than " + MAX_DIGITS + " digits");
    }
    return number.stripTrailingZeros().toPlainString();
  }

  /** SHA-256 of {@link #canonical}. */
  public static byte[] digest(JsonNode node) {
    return Digests.sha256().digest(canonical(node));
  }

  private static Problem unreadable(
      String name, ObjectMapper mapper, String text, Class<?> type, JsonProcessingException e) {
    if (e instanceof JsonMappingException) {
      try {
        JsonNode tree = mapper.readTree(text);
        UnknownKey unknown = unknownKey(mapper, tree, mapper.constructType(type), "");
        if (unknown != null) {
          return unknown.problem(name, line(mapper, text, unknown.pointer()), e);
        }
      } catch (JsonProcessingException broken) {
        // Then the first error is the one to tell.
      }
    }
    JsonLocation where = e.getLocation();
    int line =
        e instanceof JsonMappingException mapping && !mapping.getPath().isEmpty()
            ? line(mapper, text, pointer(mapping))
            : where == null || e instanceof ValueInstantiationException ? -1 : where.getLineNr();
    return unreadable(name, line, e);
  }

  /** A key that a record does not have, and which it has. */
  private record UnknownKey(String pointer, String key, List<String> known) {
    Problem problem(String name, int line, Exception e) {
      String path = pointer.substring(1).replace('/', '.').replace("~1", "/").replace("~0", "~");
      return Problem.refused(
              Printable.of(
                  name
                      + (line > 0 ? " line " + line : "")
                      + ": unknown key '"
                      + key
                      + "'"
                      + (path.equals(key) ? "" : " (" + path + ")")
                      + "; known keys: "
                      + String.join(", ", known)))
          .because(e);
    }
  }

  /**
   * The first unknown key, or null. Without this a mistyped key would be told as the absence of the
   * right one, because records are made before their unknown keys are reported.
   */
  private static UnknownKey unknownKey(
      ObjectMapper mapper, JsonNode node, JavaType type, String pointer) {
    if (node.isArray() && type.isCollectionLikeType()) {
      for (int i = 0; i < node.size(); i++) {
        UnknownKey found =
            unknownKey(mapper, node.get(i), type.getContentType(), pointer + "/" + i);
        if (found != null) {
          return found;
        }
      }
    }
    if (!node.isObject()) {
      return null;
    }
    Map<String, JavaType> known = new LinkedHashMap<>();
    boolean closed = type.getRawClass().isRecord() && !readsItself(type.getRawClass());
    if (closed) {
      for (RecordComponent component : type.getRawClass().getRecordComponents()) {
        known.put(snakeCase(component.getName()), mapper.constructType(component.getGenericType()));
      }
    } else if (!type.isMapLikeType()) {
      return null;
    }
    for (Map.Entry<String, JsonNode> field : node.properties()) {
      String key = field.getKey();
      String where = pointer + "/" + key.replace("~", "~0").replace("/", "~1");
      JavaType of = closed ? known.get(key) : type.getContentType();
      UnknownKey found =
          of == null
              ? new UnknownKey(where, key, List.copyOf(known.keySet()))
              : unknownKey(mapper, field.getValue(), of, where);
      if (found != null) {
        return found;
      }
    }
    return null;
  }

  /** Whether a record is made of the tree by a method of its own. */
  private static boolean readsItself(Class<?> type) {
    return Arrays.stream(type.getDeclaredMethods())
        .anyMatch(method -> method.isAnnotationPresent(JsonCreator.class));
  }

  private static String snakeCase(String name) {
    return ((PropertyNamingStrategies.NamingBase) PropertyNamingStrategies.SNAKE_CASE)
        .translate(name);
  }

  private static String pointer(JsonMappingException e) {
    StringBuilder pointer = new StringBuilder();
    for (JsonMappingException.Reference step : e.getPath()) {
      String key =
          step.getFieldName() == null ? String.valueOf(step.getIndex()) : step.getFieldName();
      pointer.append('/').append(key.replace("~", "~0").replace("/", "~1"));
    }
    return pointer.toString();
  }

  /** Where the offending key is: when the error is found, the parser has read on. */
  private static int line(ObjectMapper mapper, String text, String wanted) {
    try (JsonParser parser = mapper.createParser(text)) {
      while (parser.nextToken() != null) {
        if (parser.getParsingContext().pathAsPointer().toString().contentEquals(wanted)) {
          return parser.currentTokenLocation().getLineNr();
        }
      }
    } catch (IOException broken) {
      return -1; // behind the key, or there would have been another error
    }
    return -1;
  }

  private static Problem unreadable(String name, int line, JsonProcessingException e) {
    StringBuilder what = new StringBuilder(name);
    if (line > 0) {
      what.append(" line ").append(line);
    }
    String path = path(e);
    what.append(path.isEmpty() ? ": " : ": " + path + ": ").append(firstLine(reason(e)));
    return Problem.refused(Printable.of(what.toString())).because(e);
  }

  /** In the words of the file, not in those of Java. */
  private static String reason(JsonProcessingException e) {
    if (e instanceof InvalidFormatException wrong && wrong.getTargetType() != null) {
      String value = "'" + wrong.getValue() + "'";
      Class<?> type = wrong.getTargetType();
      return type.isEnum()
          ? value
              + " is none of "
              + String.join(
                  ", ",
                  Arrays.stream(type.getEnumConstants())
                      .map(constant -> constant.toString().toLowerCase(Locale.ROOT))
                      .toList())
          : value + " is not " + expected(type);
    }
    if (e.getCause() != null) {
      return e.getCause().getMessage();
    }
    if (e instanceof MismatchedInputException wrong && wrong.getTargetType() != null) {
      boolean nothing = wrong.getPath().isEmpty() && wrong.getMessage().startsWith("No content");
      return nothing ? "it is empty" : expected(wrong.getTargetType()) + " is expected";
    }
    return e.getOriginalMessage();
  }

  private static String expected(Class<?> type) {
    if (type == Boolean.class || type == boolean.class) {
      return "true or false";
    } else if (type == Integer.class
        || type == int.class
        || type == Long.class
        || type == long.class) {
      return "a whole number";
    } else if (Number.class.isAssignableFrom(type) || type == double.class) {
      return "a number";
    } else if (type == Duration.class) {
      return "a duration such as PT10M";
    } else if (Collection.class.isAssignableFrom(type)) {
      return "a list such as [a, b]";
    } else if (Map.class.isAssignableFrom(type) || type.isRecord()) {
      return "a map of keys and values";
    }
    return "another kind of value";
  }

  private static String path(JsonProcessingException e) {
    if (!(e instanceof JsonMappingException mapping)) {
      return "";
    }
    StringBuilder path = new StringBuilder();
    for (JsonMappingException.Reference step : mapping.getPath()) {
      if (step.getFieldName() != null) {
        path.append(path.length() == 0 ? "" : ".").append(step.getFieldName());
      } else {
        path.append('[').append(step.getIndex() + 1).append(']');
      }
    }
    return path.toString();
  }

  private static String firstLine(String s) {
    return s == null ? "not readable" : s.lines().findFirst().orElse("not readable");
  }

  private static final class PartyReader extends FromStringDeserializer<Party> {
    private static final long serialVersionUID = 1L;

    PartyReader() {
      super(Party.class);
    }

    @Override
    protected Party _deserialize(String value, DeserializationContext context)
        throws JsonMappingException {
      return party(value, context);
    }
  }

  private static final class PartyKeyReader extends KeyDeserializer {
    @Override
    public Object deserializeKey(String key, DeserializationContext context)
        throws JsonMappingException {
      return party(key, context);
    }
  }

  private static Party party(String name, DeserializationContext context)
      throws JsonMappingException {
    try {
      return new Party(name);
    } catch (IllegalArgumentException e) {
      throw JsonMappingException.from(context, "'" + name + "': " + e.getMessage());
    }
  }
}
