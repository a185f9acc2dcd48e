package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.espalier.node.config.Json;

/** What is different about a job from the last one of its kind that all parties approved. */
public final class JobChanges {
  private JobChanges() {}

  /**
   * {@code against} the id of the newest approved job of the same kind, purpose and parties that is
   * older, and {@code settings} of {@code key, before, after}; an empty object if there is none.
   */
  public static ObjectNode of(Jobs jobs, Job job) {
    Optional<Job> last =
        jobs.list().stream()
            .filter(
                known ->
                    !known.id().equals(job.id())
                        && known.created().isBefore(job.created())
                        && known.spec().kind().equals(job.spec().kind())
                        && known.spec().purpose().equals(job.spec().purpose())
                        && known.spec().parties().keySet().equals(job.spec().parties().keySet())
                        && known.undecided().isEmpty()
                        && known.decisions().values().stream().allMatch(Job.Decision::approved))
            .findFirst(); // newest first
    ObjectNode json = Json.object();
    if (last.isEmpty()) {
      return json;
    }
    json.put("against", last.get().id());
    json.set("settings", settings(last.get().spec().toJson(), job.spec().toJson()));
    return json;
  }

  /** Where two trees differ: {@code key, before, after}, either null where it is missing. */
  public static ArrayNode settings(JsonNode before, JsonNode after) {
    TreeMap<String, JsonNode> old = new TreeMap<>();
    TreeMap<String, JsonNode> fresh = new TreeMap<>();
    flatten("", before, old);
    flatten("", after, fresh);
    SortedSet<String> keys = new TreeSet<>(old.keySet());
    keys.addAll(fresh.keySet());
    ArrayNode changes = Json.object().arrayNode();
    for (String key : keys) {
      if (!java.util.Objects.equals(old.get(key), fresh.get(key))) {
        ObjectNode change = changes.addObject().put("key", key);
        change.set("before", old.get(key));
        change.set("after", fresh.get(key));
      }
    }
    return changes;
  }

  private static void flatten(String path, JsonNode node, Map<String, JsonNode> into) {
    if (node.isObject() && !node.isEmpty()) {
      node.properties()
          .forEach(
              field ->
                  flatten(
                      path.isEmpty() ? field.getKey() : path + "." + field.getKey(),
                      field.getValue(),
                      into));
    } else if (!node.isNull()) {
      into.put(path, node);
    }
  }
}
