package org.espalier.audit;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.equivalentTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import org.espalier.audit.merkle.Hashing;

@AnalyzeClasses(
    packages = "org.espalier.audit",
    importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  @ArchTest
  static final ArchRule theVerifierSharesTheHashFunctionsOnly =
      classes()
          .that()
          .resideInAPackage("..audit.verify..")
          .should()
          .onlyDependOnClassesThat(
              resideInAnyPackage(
                      "org.espalier.audit.verify..",
                      "java..",
                      "com.fasterxml.jackson..",
                      "javax.security.auth.x500..",
                      "org.bouncycastle..")
                  .or(equivalentTo(Hashing.class)));

  @ArchTest
  static final ArchRule onlyWitnessesUseTheVerifier =
      noClasses()
          .that()
          .resideOutsideOfPackages("..audit.verify..", "..audit.witness..", "..audit.timestamp..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("..audit.verify..");

  @ArchTest
  static final ArchRule theModuleStandsOnItsOwn =
      classes()
          .should()
          .onlyDependOnClassesThat(
              resideInAnyPackage(
                  "org.espalier.audit..",
                  "java..",
                  "javax.crypto..",
                  "com.fasterxml.jackson..",
                  "javax.security.auth.x500..",
                  "org.bouncycastle.."));
}
