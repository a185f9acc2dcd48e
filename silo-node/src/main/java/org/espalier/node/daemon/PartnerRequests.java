package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import org.espalier.node.LogContext;
import org.espalier.node.Problem;
import org.espalier.node.job.JobService;
import org.espalier.node.link.Links;
import org.espalier.node.link.Refusal;
import org.espalier.wire.Party;

/** Serves what partners' nodes ask; what is refused is counted in the audit log. */
final class PartnerRequests {
  private final DeniedRequests denied;

  PartnerRequests(DeniedRequests denied) {
    this.denied = denied;
  }

  void serve(Links links, Map<String, JobService.PartnerMethod> methods) {
    methods.forEach(
        (name, method) -> links.serve(name, (caller, body) -> answer(name, method, caller, body)));
  }

  private JsonNode answer(String name, JobService.PartnerMethod method, Party caller, JsonNode body)
      throws Refusal {
    LogContext on = LogContext.of().partner(caller).command(name).job(body.path("job").asText());
    try {
      return method.answer(caller, body);
    } catch (Problem e) {
      denied.denied(caller, name, e.kind().code());
      throw Refusals.refusal(e);
    } catch (RuntimeException e) {
      denied.denied(caller, name, "internal");
      throw e;
    } finally {
      on.close();
    }
  }
}
