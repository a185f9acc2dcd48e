package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.page.Format;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "partner",
    header = "Enrol partner institutions, look at them, cut them off.",
    description = {
      "",
      "Examples:",
      "  silo partner invite insurer.example > invitation.txt     at the bank",
      "  silo partner accept invitation.txt                       at the insurer",
      "  silo partner confirm insurer.example                     at the bank, after a call",
      "  silo partner confirm bank.example                        at the insurer",
      "  silo partner list",
    },
    subcommands = {
      PartnerCommands.Invite.class,
      PartnerCommands.Accept.class,
      PartnerCommands.Confirm.class,
      PartnerCommands.Revoke.class,
      PartnerCommands.Forget.class,
      PartnerCommands.ListPartners.class,
    })
final class PartnerCommands extends GroupCommand {

  static void print(Console console, JsonNode partners) {
    Table table = new Table("PARTNER", "STATE", "LINK", "NEWS", "RTT", "IDENTITY", "");
    for (JsonNode p : partners) {
      boolean connected = p.path("connected").asBoolean();
      table.row(
          p.path("name").asText(),
          p.path("state").asText(),
          Table.colored(
              connected ? "connected" : "down", connected ? console::good : console::warning),
          p.hasNonNull("news_age_seconds")
              ? Format.span(p.path("news_age_seconds").asDouble()) + " ago"
              : "never",
          p.hasNonNull("rtt_ms") && p.path("rtt_ms").asDouble() >= 0
              ? "%.1f ms".formatted(p.path("rtt_ms").asDouble())
              : "-",
          Format.shortened(p.path("fingerprint").asText("")),
          p.path("detail").asText(""));
    }
    table.print(console);
  }

  @Command(
      name = "invite",
      header = "Print an invitation for a partner: one line, for one use, for a day.",
      description = {
        "",
        "Example:",
        "  silo partner invite insurer.example > invitation.txt",
        "",
        "The line holds a secret. Hand it over as you would a password.",
      })
  static final class Invite extends SiloCommand {
    @Parameters(paramLabel = "NAME", description = "The partner's name, as in its own silo init.")
    String name;

    @Override
    public Integer call() {
      show(
          ask("partner.invite", args().put("name", name)),
          r -> {
            console().print(r.path("line").asText());
            say(
                "For "
                    + name
                    + " only, once, until "
                    + Format.time(r.path("expires"))
                    + " UTC. It holds a secret: hand it over as you would a password.");
          });
      nextAt(name, "silo partner accept FILE-WITH-THE-LINE");
      return 0;
    }
  }

  @Command(
      name = "accept",
      header = "Accept a partner's invitation.",
      description = {
        "",
        "Examples:",
        "  silo partner accept invitation.txt",
        "  silo partner accept - < invitation.txt",
        "  silo partner accept                      asks for the line",
      })
  static final class Accept extends SiloCommand {
    private static final int MAX_INPUT = 8192;

    @Parameters(
        arity = "0..1",
        paramLabel = "FILE",
        description = "The file with the line; - is standard input.")
    String file;

    @Override
    public Integer call() {
      JsonNode result = ask("partner.accept", args().put("line", line().strip()));
      String name = result.path("name").asText();
      show(
          result,
          r -> {
            console().print("Partner " + name + " is " + r.path("state").asText());
            console().print("Identity " + r.path("fingerprint").asText());
            console().print("Words " + r.path("words").asText());
          });
      next("silo partner confirm " + name, "when the words were read to each other by telephone");
      return 0;
    }

    private String line() {
      if (file == null && mayAsk()) {
        return console().ask("Paste the invitation:");
      }
      if (file == null) {
        throw usage("no invitation was given").next("silo partner accept FILE");
      }
      if (file.startsWith("espalier-invite:")) {
        throw usage("an invitation does not belong on the command line")
            .detail("it holds a secret, and other users of this machine can read command lines")
            .next("silo partner accept FILE, or silo partner accept and paste it");
      }
      return file.equals("-") ? standardInput() : Json.text(Path.of(file));
    }

    private String standardInput() {
      try (InputStream in = console().in()) {
        return new String(in.readNBytes(MAX_INPUT), StandardCharsets.UTF_8);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  @Command(
      name = "confirm",
      header = "Say that the partner read the same words to you.",
      description = {
        "",
        "Examples:",
        "  silo partner confirm insurer.example",
        "  silo partner confirm insurer.example --words \"WORD WORD WORD WORD WORD WORD\"",
        "  silo partner confirm insurer.example --fingerprint FINGERPRINT",
        "",
        "Both nodes show the same six words after silo partner accept, unless somebody is between",
        "them. Call the partner at a number that you know, read your words to each other, and never",
        "compare them by the channel that carried the invitation. Until both sides confirm, no data",
        "set or job can be touched.",
      })
  static final class Confirm extends SiloCommand {
    @Parameters(paramLabel = "NAME", description = "The partner.")
    String name;

    @Option(
        names = "--words",
        paramLabel = "WORDS",
        description = "The six words that the partner told you; nothing is asked then.")
    String words;

    @Option(
        names = "--fingerprint",
        paramLabel = "FINGERPRINT",
        description = "The identity that the partner told you; nothing is asked then.")
    String fingerprint;

    @Override
    public Integer call() {
      ObjectNode args = args().put("name", name);
      if (words == null && fingerprint == null) {
        compare(args);
      }
      if (words != null) {
        args.put("words", words);
      }
      if (fingerprint != null) {
        args.put("fingerprint", fingerprint);
      }
      return show(
          ask("partner.confirm", args),
          r -> console().print("Partner " + name + " is " + r.path("state").asText()));
    }

    /** Shows the words, or the identity where an older program enrolled without words. */
    private void compare(ObjectNode args) {
      JsonNode known = known();
      boolean spoken = known.hasNonNull("words");
      String key = spoken ? "words" : "fingerprint";
      String shown = known.path(key).asText();
      if (!mayAsk()) {
        throw usage("the %s of %s must be compared".formatted(spoken ? "words" : "identity", name))
            .detail("there is nobody to ask")
            .next(withHome("silo partner confirm %s --%s %S".formatted(name, key, key)));
      }
      console().say((spoken ? "Words with " : "Identity of ") + name + ": " + shown);
      confirm(
          "Confirm only if " + name + " read the same to you.",
          name,
          false,
          "silo partner confirm " + name);
      args.put(key, shown);
    }

    private JsonNode known() {
      for (JsonNode partner : ask("partner.list", args()).path("partners")) {
        if (partner.path("name").asText().equals(name)) {
          if (!partner.hasNonNull("fingerprint")) {
            throw Problem.wrongState(name + " has not accepted its invitation yet")
                .next("silo partner list");
          }
          return partner;
        }
      }
      throw Problem.notFound("no partner named " + name).next("silo partner list");
    }
  }

  @Command(
      name = "revoke",
      header = "Cut a partner off at once; its connections and jobs end.",
      description = {
        "",
        "Examples:",
        "  silo partner revoke insurer.example",
        "  silo partner revoke insurer.example --yes      for scripts",
      })
  static final class Revoke extends SiloCommand {
    @Parameters(paramLabel = "NAME", description = "The partner.")
    String name;

    @Option(names = "--yes", description = "Do not ask.")
    boolean yes;

    @Override
    public Integer call() {
      confirm(
          name + " will be cut off; to work with it again, forget it and enrol it anew.",
          name,
          yes,
          "silo partner revoke " + name);
      return show(
          ask("partner.revoke", args().put("name", name)),
          r -> console().print("Partner " + name + " is " + r.path("state").asText()));
    }
  }

  @Command(
      name = "forget",
      header = "Remove a revoked or invited partner, so that it can enrol anew.",
      description = {
        "",
        "Examples:",
        "  silo partner forget insurer.example",
        "  silo partner forget insurer.example --yes      for scripts",
      })
  static final class Forget extends SiloCommand {
    @Parameters(paramLabel = "NAME", description = "The partner.")
    String name;

    @Option(names = "--yes", description = "Do not ask.")
    boolean yes;

    @Override
    public Integer call() {
      confirm(
          "The pinned identity of " + name + " will be gone; the next one must be compared again.",
          name,
          yes,
          "silo partner forget " + name);
      return show(
          ask("partner.forget", args().put("name", name)),
          r -> console().print("Partner " + name + " is forgotten"));
    }
  }

  @Command(
      name = "list",
      header = "List the partners: state, link, age of the last news.",
      description = {"", "Example:", "  silo partner list"})
  static final class ListPartners extends SiloCommand {
    @Override
    public Integer call() {
      JsonNode result = ask("partner.list", args());
      show(
          result,
          r -> {
            if (r.path("partners").isEmpty()) {
              say("No partners yet.");
            } else {
              PartnerCommands.print(console(), r.path("partners"));
            }
          });
      if (result.path("partners").isEmpty()) {
        next("silo partner invite NAME");
      }
      return 0;
    }
  }
}
