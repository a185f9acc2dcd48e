package org.espalier.node.data;

/** What a column of a data set is for. */
public enum ColumnType {
  /** Identifies a person; used for matching only, never a feature. */
  ID,
  /** The outcome, 0 or 1 in every row. */
  LABEL,
  /** The outcome of a linear model, a number in every row; never a feature. */
  TARGET,
  /** A decimal number; may be missing. */
  NUMBER,
  /** A text from a limited set; may be missing. */
  CATEGORY
}
