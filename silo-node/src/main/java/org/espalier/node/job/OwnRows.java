package org.espalier.node.job;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.espalier.node.data.Dataset;
import org.espalier.psi.Alignment;
import org.espalier.psi.keys.RowsOfPeople;

/**
 * This party's rows of a cohort: one for each person, but at the label party where the job lets it
 * have several.
 *
 * @param rows of the data set, person after person
 * @param people of each row its person's place in the cohort; null: each row is the next person
 */
@SuppressWarnings("ArrayRecordComponent") // as large as a cohort
record OwnRows(int[] rows, int[] people) {
  /** Reads the data set where rows of the same people are to be found. */
  static OwnRows of(JobRun run, Dataset dataset, Alignment alignment) {
    JobSpec spec = run.job().spec();
    if (!spec.alignment().severalRows() || !run.self().equals(spec.labelParty())) {
      return new OwnRows(alignment.rows(), null);
    }
    run.progress().update("rows of the same people", 0, -1);
    RowsOfPeople found =
        RowsOfPeople.of(new CsvKeys(dataset), AlignPhase.key(spec.match(), run.self()), alignment);
    return new OwnRows(found.rows(), found.people());
  }

  /** The place in the cohort of the person of a row. */
  int person(int row) {
    return people == null ? row : people[row];
  }

  /**
   * The own rows of a part of the cohort.
   *
   * @param rows their places among all own rows
   * @param people of each the number of its person in the part; null: each row is the next person
   */
  record Part(int[] rows, int[] people) {
    /** Values of these rows. */
    double[] of(double[] values) {
      return Prepared.of(rows, values);
    }

    /** Of each row its person's, {@code each} numbers a person. */
    double[] spread(double[] ofPeople, int each) {
      if (people == null) {
        return ofPeople;
      }
      double[] all = new double[people.length * each];
      for (int i = 0; i < people.length; i++) {
        System.arraycopy(ofPeople, people[i] * each, all, i * each, each);
      }
      return all;
    }
  }

  Part all() {
    return new Part(IntStream.range(0, rows.length).toArray(), people);
  }

  /**
   * @param places of people in the cohort, ascending
   */
  Part part(int[] places) {
    if (people == null) {
      return new Part(places, null);
    }
    int[] in = new int[people.length];
    int[] of = new int[people.length];
    int count = 0;
    int person = 0;
    for (int row = 0; row < people.length; row++) {
      while (person < places.length && places[person] < people[row]) {
        person++;
      }
      if (person < places.length && places[person] == people[row]) {
        in[count] = row;
        of[count++] = person;
      }
    }
    return new Part(Arrays.copyOf(in, count), Arrays.copyOf(of, count));
  }
}
