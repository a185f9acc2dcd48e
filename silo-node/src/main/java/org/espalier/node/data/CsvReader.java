package org.espalier.node.data;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.espalier.node.Problem;

/**
 * RFC 4180, strictly: UTF-8, comma, quotes doubled inside quotes, CRLF or LF. Reads one record at a
 * time with bounded memory; whatever does not fit is refused with its line.
 *
 * <p>Looks for separators among bytes, which is safe in UTF-8 and several times as fast as among
 * characters; a field is decoded when its end is known.
 */
final class CsvReader {
  private static final int MAX_FIELD = 64 << 10;
  private static final int MAX_FIELDS = 10_000;

  /** UTF-8 takes at most three bytes for each of Java's characters. */
  private static final int MAX_BYTES = 3 * MAX_FIELD;

  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());
  private static final long ONES = 0x0101010101010101L;
  private static final long SIGNS = 0x8080808080808080L;

  /**
   * The comma and what is below it: quote, carriage return, line feed, and some that do no harm.
   */
  private static final long TO_COMMA = (',' + 1) * ONES;

  private final String name;
  private final InputStream in;
  private final CharsetDecoder utf8 =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT);
  private final List<String> record = new ArrayList<>();
  private byte[] buffer = new byte[1 << 16];

  /** Where what is still needed begins. */
  private int start;

  /** What is read next. */
  private int at;

  /** Behind the last byte that has come. */
  private int end;

  /** Its sign bits tell whether the field has bytes beyond ASCII. */
  private long seen;

  /** What a quoted field says. */
  private byte[] unquoted = new byte[256];

  private boolean begun;
  private long line = 1;
  private long recordLine = 1;

  /**
   * @param name what errors call the file
   */
  CsvReader(String name, InputStream bytes) {
    this.name = name;
    this.in = bytes;
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
      throw Problem.refused(name + " is not UTF-8").detail("line " + recordLine).because(e);
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
    recordLine = line;
    if (!begun) {
      begun = true;
      skipByteOrderMark();
    }
    start = at;
    if (at == end && !fill()) {
      return null;
    }
    int separator;
    do {
      if (record.size() == MAX_FIELDS) {
        throw broken("more than " + MAX_FIELDS + " fields");
      }
      separator = field();
    } while (separator == ',');
    line++;
    return record;
  }

  private void skipByteOrderMark() throws IOException {
    while (end < 3) {
      if (!fill()) {
        return;
      }
    }
    if (buffer[0] == (byte) 0xEF && buffer[1] == (byte) 0xBB && buffer[2] == (byte) 0xBF) {
      at = 3;
    }
  }

  /** Reads more, what is needed first in the buffer; false at the end of the file. */
  private boolean fill() throws IOException {
    System.arraycopy(buffer, start, buffer, 0, end - start);
    at -= start;
    end -= start;
    start = 0;
    if (end == buffer.length) {
      if (end > MAX_BYTES) {
        throw tooLong();
      }
      buffer = Arrays.copyOf(buffer, 2 * end);
    }
    int count = in.read(buffer, end, buffer.length - end);
    end += Math.max(0, count);
    return count > 0;
  }

  /** Adds a field; returns the separator behind it: a comma, a line feed or -1. */
  private int field() throws IOException {
    start = at;
    if ((at < end || fill()) && buffer[at] == '"') {
      return quoted();
    }
    seen = 0;
    int separator = -1;
    do {
      if (toSeparator()) {
        separator = buffer[at];
        break;
      }
    } while (fill());
    if (separator == '"') {
      throw broken("a quote inside a field that does not start with one");
    }
    record.add(text(buffer, start, at - start));
    if (separator >= 0) {
      at++;
    }
    return separator == '\r' ? lineFeed() : separator;
  }

  /** Goes on to a comma, a quote or the end of a line; false if none has come yet. */
  private boolean toSeparator() {
    int i = at;
    while (i < end) {
      for (; i <= end - 8; i += 8) {
        long word = (long) LONGS.get(buffer, i);
        if (((word - TO_COMMA) & ~word & SIGNS) != 0) {
          break;
        }
        seen |= word;
      }
      for (int stop = Math.min(end, i + 8); i < stop; i++) {
        int b = buffer[i];
        if (b == ',' || b == '\n' || b == '\r' || b == '"') {
          at = i;
          return true;
        }
        seen |= b;
      }
    }
    at = i;
    return false;
  }

  private String text(byte[] bytes, int from, int length) throws CharacterCodingException {
    String text =
        (seen & SIGNS) == 0
            ? new String(bytes, from, length, StandardCharsets.ISO_8859_1)
            : utf8.decode(ByteBuffer.wrap(bytes, from, length)).toString();
    if (text.length() > MAX_FIELD) {
      throw tooLong();
    }
    return text;
  }

  private int quoted() throws IOException {
    int size = 0;
    seen = 0;
    at++;
    while (true) {
      int b = nextByte();
      if (b < 0) {
        throw size > MAX_FIELD ? tooLong() : broken("a quoted field without an end");
      }
      if (b == '"') {
        b = nextByte();
        if (b != '"') {
          record.add(text(unquoted, 0, size));
          if (b == '\r') {
            return lineFeed();
          }
          if (b == ',' || b == '\n' || b < 0) {
            return b;
          }
          throw broken("text after a closing quote");
        }
      } else if (b == '\n') {
        line++;
      }
      if (size == unquoted.length) {
        if (size > MAX_BYTES) {
          throw tooLong();
        }
        unquoted = Arrays.copyOf(unquoted, 2 * size);
      }
      seen |= (byte) b;
      unquoted[size++] = (byte) b;
    }
  }

  /** A byte of which nothing needs to be kept, 0 to 255, or -1 at the end. */
  private int nextByte() throws IOException {
    start = at;
    return at < end || fill() ? buffer[at++] & 0xff : -1;
  }

  /** After a carriage return. */
  private int lineFeed() throws IOException {
    int b = nextByte();
    if (b != '\n' && b >= 0) {
      throw broken("a carriage return without a line feed");
    }
    return '\n';
  }

  private Problem tooLong() {
    return broken("a field longer than " + MAX_FIELD + " characters");
  }

  private Problem broken(String why) {
    return Problem.refused(name + " is not proper CSV").detail("line " + recordLine + ": " + why);
  }
}
