package org.espalier.protocols.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.espalier.protocols.prepare.Encoding;
import org.espalier.protocols.prepare.Preparation;
import org.espalier.protocols.prepare.PreparationSpec;

/** A {@link Preparation} as part of a model artefact. */
final class PreparationJson {
  private PreparationJson() {}

  static ObjectNode write(Preparation preparation) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    PreparationSpec spec = preparation.spec();
    json.put("standardise", spec.standardise())
        .put("impute", spec.impute())
        .put("min_per_category", spec.minPerCategory());
    ArrayNode columns = json.putArray("columns");
    for (Encoding encoding : preparation.encodings()) {
      ObjectNode column = columns.addObject().put("column", encoding.column());
      if (encoding instanceof Encoding.Numeric numeric) {
        column
            .put("kind", "number")
            .put("missing", numeric.missing())
            .put("centre", numeric.centre())
            .put("scale", numeric.scale());
      } else {
        write((Encoding.Categorical) encoding, column.put("kind", "category"));
      }
    }
    ArrayNode dropped = json.putArray("dropped");
    for (Preparation.Dropped d : preparation.dropped()) {
      dropped.addObject().put("column", d.column()).put("reason", d.reason());
    }
    return json;
  }

  private static void write(Encoding.Categorical categorical, ObjectNode column) {
    ArrayNode levels = column.putArray("levels");
    for (Encoding.Level level : categorical.levels()) {
      levels
          .addObject()
          .put("text", level.text())
          .put("centre", level.centre())
          .put("scale", level.scale());
    }
    column.put("reference", categorical.reference()).put("merged", categorical.merged());
  }

  static Preparation read(StrictObject json) {
    PreparationSpec spec =
        new PreparationSpec(
            json.bool("standardise"), json.bool("impute"), json.integer("min_per_category", 1));
    List<Encoding> encodings =
        json.list("columns", (path, value) -> encoding(new StrictObject(path, value)));
    List<Preparation.Dropped> dropped =
        json.list("dropped", (path, value) -> dropped(new StrictObject(path, value)));
    json.end();
    return new Preparation(spec, encodings, dropped);
  }

  private static Encoding encoding(StrictObject json) {
    String column = json.text("column");
    String kind = json.text("kind");
    Encoding encoding =
        switch (kind) {
          case "number" ->
              new Encoding.Numeric(
                  column,
                  json.has("missing") ? json.number("missing") : null,
                  json.number("centre"),
                  json.number("scale"));
          case "category" ->
              new Encoding.Categorical(
                  column,
                  json.list("levels", PreparationJson::level),
                  json.has("reference") ? json.text("reference") : null,
                  json.integer("merged", 0));
          default -> throw StrictObject.refuse(json.path("kind"), "is unknown");
        };
    json.end();
    return encoding;
  }

  private static Encoding.Level level(String path, JsonNode value) {
    StrictObject json = new StrictObject(path, value);
    Encoding.Level level =
        new Encoding.Level(
            json.has("text") ? json.text("text") : null,
            json.number("centre"),
            json.number("scale"));
    json.end();
    return level;
  }

  private static Preparation.Dropped dropped(StrictObject json) {
    Preparation.Dropped dropped = new Preparation.Dropped(json.text("column"), json.text("reason"));
    json.end();
    return dropped;
  }
}
