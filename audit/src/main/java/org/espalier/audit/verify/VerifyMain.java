package org.espalier.audit.verify;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The verifier as a command that needs nothing of a node. */
public final class VerifyMain {
  private static final int USAGE = 2;
  private static final int MAX_KEY_FILE = 4096;
  private static final int MAX_FILE = 1 << 20;

  /** Hours. */
  private static final long DEFAULT_GRACE = 24;

  private static final String HELP =
      """
      Verifies an audit log or the export of a job, offline.

        java -jar espalier-audit.jar PATH --key VKEY [--state DIR] [--partner VKEY] [--json]
        java -jar espalier-audit.jar PATH --policy FILE [--grace HOURS] [...]
        java -jar espalier-audit.jar --mine FILE --key VKEY --theirs FILE --key VKEY

      PATH        directory of a log, or file of an export
      --key       the verifier key to trust, such as
                  hospital-a.example/silo/audit/1+0a1b2c3d+AbCd...=
                  or a file that holds it. Get it from the owner of the log by
                  another way than the log.
      --state     directory that remembers how far each log had come, so that
                  a log that was cut or replaced is noticed at the next visit
      --policy    file that names the log's key and the witnesses to trust, as
                  C2SP tlog-policy says; without --key the policy's only log
      --grace     hours (24) that events may be old without having been seen by
                  as many witnesses as the policy asks for
      --seen      file with a checkpoint of the log from elsewhere, such as from
                  a witness; may be given several times
      --mine, --theirs   exports of one job from two parties' logs: are verified
                  and held against each other, with the keys of both
      --tsa       PEM file with certificates of time-stamping authorities to trust,
                  and lists of revoked ones: asks for their time stamps as well
                  (needs the jars bcpkix, bcutil and bcprov)
      --partner   key of a partner's log, as --key; of the export of a job what its
                  log says of the same conversations is asked for; several times
      --json      one JSON object instead of lines

      Exit codes: 0 intact, 2 wrong usage or unreadable, 10 altered, 11 truncated
      or missing, 12 too few witnesses, 13 forked, 14 not signed by the trusted key, 15 impossible time.
      """;

  private VerifyMain() {}

  /** Runs the command and ends the process with its exit code. */
  public static void main(String[] args) {
    System.exit(run(args, new PrintStream(System.out, true, UTF_8), System.err));
  }

  static int run(String[] args, PrintStream out, PrintStream err) {
    String path = null;
    String mine = null;
    String theirs = null;
    List<String> keys = new ArrayList<>();
    List<String> partners = new ArrayList<>();
    String state = null;
    String policyFile = null;
    String tsa = null;
    long grace = DEFAULT_GRACE;
    List<String> seen = new ArrayList<>();
    boolean json = false;
    for (int i = 0; i < args.length; i++) {
      boolean more = i + 1 < args.length;
      switch (args[i]) {
        case "--help", "-h" -> {
          out.print(HELP);
          return 0;
        }
        case "--json" -> json = true;
        case "--key" -> {
          if (!more) {
            return usage(err, "--key needs a key");
          }
          keys.add(args[++i]);
        }
        case "--mine", "--theirs" -> {
          if (!more) {
            return usage(err, args[i] + " needs a file");
          }
          if (args[i].equals("--mine")) {
            mine = args[++i];
          } else {
            theirs = args[++i];
          }
        }
        case "--partner" -> {
          if (!more) {
            return usage(err, "--partner needs a key");
          }
          partners.add(args[++i]);
        }
        case "--state" -> {
          if (!more) {
            return usage(err, "--state needs a directory");
          }
          state = args[++i];
        }
        case "--policy" -> {
          if (!more) {
            return usage(err, "--policy needs a file");
          }
          policyFile = args[++i];
        }
        case "--tsa" -> {
          if (!more) {
            return usage(err, "--tsa needs a file");
          }
          tsa = args[++i];
        }
        case "--grace" -> {
          if (!more || !args[i + 1].matches("[0-9]{1,6}")) {
            return usage(err, "--grace needs a number of hours");
          }
          grace = Long.parseLong(args[++i]);
        }
        case "--seen" -> {
          if (!more) {
            return usage(err, "--seen needs a file");
          }
          seen.add(args[++i]);
        }
        default -> {
          if (args[i].startsWith("-") || path != null) {
            return usage(err, "unknown argument " + Texts.shown(args[i]));
          }
          path = args[i];
        }
      }
    }
    if (mine != null || theirs != null) {
      return reconcile(mine, theirs, keys, path != null, json, out, err);
    }
    if (path == null || (keys.isEmpty() && policyFile == null)) {
      return usage(err, path == null ? "what is to be verified?" : "--key is missing");
    }
    if (keys.size() > 1) {
      return usage(err, "one --key only");
    }
    try {
      WitnessPolicy policy =
          policyFile == null ? null : WitnessPolicy.parse(bytes(Path.of(policyFile)));
      TrustedKey trusted =
          keys.isEmpty() ? policy.onlyLog() : TrustedKey.parse(keyText(keys.get(0)));
      Verifier verifier = Verifier.trusting(trusted);
      if (policy != null) {
        verifier = verifier.witnessed(policy, Duration.ofHours(grace));
      }
      if (tsa != null) {
        verifier = verifier.stamped(TimeStampTrust.parse(bytes(Path.of(tsa))));
      }
      List<byte[]> elsewhere = new ArrayList<>();
      for (String file : seen) {
        elsewhere.add(bytes(Path.of(file)));
      }
      verifier = verifier.against(elsewhere);
      List<TrustedKey> others = new ArrayList<>();
      for (String partner : partners) {
        others.add(TrustedKey.parse(keyText(partner)));
      }
      verifier = verifier.withPartners(others);
      if (state != null) {
        verifier = verifier.remembering(Path.of(state));
      }
      Verification result = verifier.verify(Path.of(path));
      if (json) {
        out.println(result.toJson().toPrettyString());
      } else {
        result.lines().forEach(out::println);
      }
      return result.exitCode();
    } catch (IllegalArgumentException e) {
      return usage(err, e.getMessage());
    } catch (IOException e) {
      err.println("cannot verify " + Texts.shown(path) + ": " + e.getMessage());
      return USAGE;
    }
  }

  private static int reconcile(
      String mine,
      String theirs,
      List<String> keys,
      boolean path,
      boolean json,
      PrintStream out,
      PrintStream err) {
    if (mine == null || theirs == null || keys.size() != 2 || path) {
      return usage(err, "--mine and --theirs go together, with the --key of each in this order");
    }
    try {
      Reconciliation result =
          Reconciler.bundles(
              Path.of(mine),
              TrustedKey.parse(keyText(keys.get(0))),
              Path.of(theirs),
              TrustedKey.parse(keyText(keys.get(1))),
              Clock.systemUTC());
      if (json) {
        out.println(result.toJson().toPrettyString());
      } else {
        result.lines().forEach(out::println);
      }
      return result.verdict().exitCode();
    } catch (IllegalArgumentException e) {
      return usage(err, e.getMessage());
    } catch (IOException e) {
      err.println("cannot compare: " + e.getMessage());
      return USAGE;
    }
  }

  private static byte[] bytes(Path file) throws IOException {
    try (var in = Files.newInputStream(file)) {
      return in.readNBytes(MAX_FILE);
    }
  }

  private static String keyText(String argument) throws IOException {
    try {
      Path file = Path.of(argument);
      if (Files.isRegularFile(file)) {
        try (var in = Files.newInputStream(file)) {
          return new String(in.readNBytes(MAX_KEY_FILE), UTF_8).split("\n", -1)[0];
        }
      }
    } catch (InvalidPathException e) {
      // Then it is the key itself.
      return argument;
    }
    return argument;
  }

  private static int usage(PrintStream err, String problem) {
    err.println(problem);
    err.println("try --help");
    return USAGE;
  }
}
