package org.espalier;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.time.Instant;

/** The one direction of dependency, between modules and inside the node. */
@AnalyzeClasses(packages = "org.espalier", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  private static final String NODE = "org.espalier.node..";
  private static final String AUDIT = "org.espalier.audit..";
  private static final String PROTOCOLS = "org.espalier.protocols..";
  private static final String PSI = "org.espalier.psi..";
  private static final String HE = "org.espalier.he..";
  private static final String WIRE = "org.espalier.wire..";

  // ---- modules --------------------------------------------------------------------------------

  @ArchTest
  static final ArchRule WIRE_STANDS_ALONE =
      none(WIRE, NODE, AUDIT, PROTOCOLS, PSI, HE, "com.fasterxml..", "org.eclipse..");

  @ArchTest static final ArchRule AUDIT_STANDS_ALONE = none(AUDIT, NODE, PROTOCOLS, PSI, HE, WIRE);

  @ArchTest
  static final ArchRule ENCRYPTION_KNOWS_NO_PARTIES =
      none(HE, NODE, AUDIT, PROTOCOLS, PSI, WIRE, "java.net..");

  @ArchTest static final ArchRule ALIGNMENT_KNOWS_WIRE_ONLY = none(PSI, NODE, AUDIT, PROTOCOLS, HE);

  @ArchTest
  static final ArchRule PROTOCOLS_KNOW_NO_NODE =
      none(PROTOCOLS, NODE, AUDIT, PSI, "org.eclipse..", "java.sql..", "java.net..");

  /** Mathematics stays below: of encryption the node knows what doctor reports. */
  @ArchTest
  static final ArchRule ONLY_DOCTOR_KNOWS_ENCRYPTION =
      noClasses()
          .that()
          .resideInAPackage(NODE)
          .and()
          .doNotHaveSimpleName("Doctor")
          .should()
          .dependOnClassesThat()
          .resideInAPackage(HE);

  // ---- inside the node ------------------------------------------------------------------------

  @ArchTest
  static final ArchRule PACKAGES_HAVE_NO_CYCLES =
      slices().matching("org.espalier.(node.*)..").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule NOTHING_DEPENDS_ON_THE_COMMAND_LINE =
      noClasses()
          .that()
          .resideInAPackage(NODE)
          .and()
          .resideOutsideOfPackages("org.espalier.node.cli..", "org.espalier.node.demo..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.espalier.node.cli..", "org.espalier.node.demo..");

  /** What a running node holds is asked through its socket. */
  @ArchTest
  static final ArchRule THE_COMMAND_LINE_ASKS_THE_NODE =
      none("org.espalier.node.cli..", within("link"), within("store"), within("identity"));

  @ArchTest
  static final ArchRule THE_PROCESS_IS_ON_TOP =
      noClasses()
          .that()
          .resideInAnyPackage(
              within("job"),
              within("link"),
              within("control"),
              within("identity"),
              within("data"),
              within("store"),
              within("config"))
          .should()
          .dependOnClassesThat()
          .resideInAPackage(within("daemon"));

  /** Jobs reach partners and the log through their own interfaces only. */
  @ArchTest
  static final ArchRule JOBS_KNOW_NO_TRANSPORT =
      none(
          within("job"),
          within("link"),
          within("identity"),
          within("control"),
          "org.espalier.audit.log..",
          "org.eclipse..");

  @ArchTest
  static final ArchRule LINKS_KNOW_NO_JOBS =
      none(within("link"), within("job"), within("data"), within("store"), PROTOCOLS, PSI);

  @ArchTest
  static final ArchRule CONFIGURATION_IS_AT_THE_BOTTOM =
      none(
          within("config"),
          within("job"),
          within("link"),
          within("identity"),
          within("data"),
          within("store"),
          within("control"));

  /** How long something lasts within a process must not follow a clock that is set. */
  @ArchTest
  static final ArchRule WAITING_DOES_NOT_FOLLOW_THE_WALL_CLOCK =
      noClasses()
          .that()
          .haveNameMatching(
              "org.espalier.node.(job.(JobService|Standings)|daemon.StandingCommands)(\\$.*)?")
          .should()
          .callMethod(Instant.class, "now");

  private static String within(String part) {
    return "org.espalier.node." + part + "..";
  }

  private static ArchRule none(String from, String... to) {
    return noClasses()
        .that()
        .resideInAPackage(from)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(to)
        .as(from + " does not depend on " + String.join(", ", to));
  }
}
