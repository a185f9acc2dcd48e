package org.espalier.protocols.prepare;

/** One named column of a raw table. Columns own the arrays they are given and never change them. */
public sealed interface Column permits NumberColumn, CategoryColumn {
  String name();

  /** Number of rows. */
  int size();
}
