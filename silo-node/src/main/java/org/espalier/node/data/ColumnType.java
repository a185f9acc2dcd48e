package org.espalier.node.data;

/** What a column of a data set is for. */
public enum ColumnType {
  /** Identifies a person; used for matching only, never a feature. */
  ID,
  /** The outcome, 0 or 1 in every row. */
  LABEL,
  /** An outcome that is a number, in every row; never a feature. */
  TARGET,
  /** How much a row counts, a number above 0 in every row; never a feature. */
  WEIGHT,
  /** What a row's outcome is proportional to, a number above 0 in every row; never a feature. */
  EXPOSURE,
  /** A decimal number; may be missing. */
  NUMBER,
  /** A text from a limited set; may be missing. */
  CATEGORY
}
