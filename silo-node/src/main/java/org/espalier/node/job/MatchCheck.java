package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.data.ColumnType;
import org.espalier.node.data.Dataset;
import org.espalier.psi.keys.MatchReport;
import org.espalier.wire.Party;

/** How well a data set's own match keys would do, seen without any partner. */
public final class MatchCheck {
  private MatchCheck() {}

  /** The match rules by themselves, as job files have them. */
  private record Match(List<List<JobSpec.KeyPart>> match) {}

  /**
   * @param match rules as in a job file
   * @throws Problem if they do not fit the data set
   */
  public static JsonNode of(Dataset dataset, Party self, JsonNode match) {
    ObjectNode wrapped = Json.object().set("match", match);
    List<List<JobSpec.KeyPart>> rules = Json.convert("match", wrapped, Match.class).match();
    for (List<JobSpec.KeyPart> rule : rules) {
      for (JobSpec.KeyPart part : rule) {
        String column = part.column().at(self);
        if (!dataset.schema().names(ColumnType.ID).contains(column)) {
          throw Problem.refused("data set " + dataset.name() + " has no id column " + column);
        }
      }
    }
    return report(dataset, rules, self);
  }

  private static JsonNode report(Dataset dataset, List<List<JobSpec.KeyPart>> rules, Party self) {
    return Json.tree(MatchReport.of(new CsvKeys(dataset), AlignPhase.key(rules, self)));
  }
}
