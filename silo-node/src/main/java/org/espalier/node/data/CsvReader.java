package org.espalier.node.data;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.espalier.node.Problem;

/**
 * RFC 4180, strictly: UTF-8, comma, quotes doubled inside quotes, CRLF or LF. Reads one record at a
 * time with bounded memory; whatever does not fit is refused with its line.
 */
final class CsvReader {
  private static final int MAX_FIELD = 64 << 10;
  private static final int MAX_FIELDS = 10_000;

  private final String name;
  private final Reader in;
  private final StringBuilder field = new StringBuilder();
  private final List<String> record = new ArrayList<>();
  private long line = 1;
  private long recordLine = 1;

  /**
   * @param name what errors call the file
   */
  CsvReader(String name, InputStream bytes) {
    this.name = name;
    this.in =
        new BufferedReader(
            new InputStreamReader(
                bytes,
                StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)),
            1 << 16);
  }

  /** The line on which the last record began, from 1. */
  long line() {
    return recordLine;
  }

  /**
   * The next record, or null at the end of the file. The list is reused by the next call.
   *
   * @throws Problem at the first place that breaks the format
   */
  List<String> next() {
    try {
      return read();
    } catch (CharacterCodingException e) {
      throw Problem.refused(name + " is not UTF-8")
          .detail("near line " + line + ", in the next 8 KiB")
          .because(e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * @throws Problem if a header of one column looks like one whose columns are separated otherwise
   */
  static void requireCommas(String name, String header) {
    for (char separator : new char[] {';', '\t', '|'}) {
      if (header.indexOf(separator) >= 0) {
        throw Problem.refused(name + " is not separated by commas")
            .detail(
                "its header has "
                    + (separator == '\t' ? "tabs" : "'" + separator + "'")
                    + " and no comma")
            .next("export it with commas, and with points in decimal numbers");
      }
    }
  }

  private List<String> read() throws IOException {
    record.clear();
    field.setLength(0);
    recordLine = line;
    int c = in.read();
    if (line == 1 && c == '\uFEFF') {
      c = in.read();
    }
    if (c < 0) {
      return null;
    }
    while (true) {
      if (c == '"' && field.length() == 0) {
        c = quoted();
      } else {
        c = plain(c);
      }
      if (record.size() == MAX_FIELDS) {
        throw broken("more than " + MAX_FIELDS + " fields");
      }
      record.add(field.toString());
      field.setLength(0);
      if (c == ',') {
        c = in.read();
        continue;
      }
      line++;
      return record;
    }
  }

  /** Reads up to the separator, which it returns: a comma, a line feed or -1. */
  private int plain(int first) throws IOException {
    int c = first;
    while (c != ',' && c != '\n' && c >= 0) {
      if (c == '\r') {
        return lineFeed();
      }
      if (c == '"') {
        throw broken("a quote inside a field that does not start with one");
      }
      append(c);
      c = in.read();
    }
    return c;
  }

  private int quoted() throws IOException {
    while (true) {
      int c = in.read();
      if (c < 0) {
        throw broken("a quoted field without an end");
      }
      if (c == '"') {
        c = in.read();
        if (c == ',' || c == '\n' || c < 0) {
          return c;
        }
        if (c == '\r') {
          return lineFeed();
        }
        if (c != '"') {
          throw broken("text after a closing quote");
        }
      } else if (c == '\n') {
        line++;
      }
      append(c);
    }
  }

  private int lineFeed() throws IOException {
    int c = in.read();
    if (c != '\n' && c >= 0) {
      throw broken("a carriage return without a line feed");
    }
    return '\n';
  }

  private void append(int c) {
    if (field.length() == MAX_FIELD) {
      throw broken("a field longer than " + MAX_FIELD + " characters");
    }
    field.append((char) c);
  }

  private Problem broken(String why) {
    return Problem.refused(name + " is not proper CSV").detail("line " + recordLine + ": " + why);
  }
}
