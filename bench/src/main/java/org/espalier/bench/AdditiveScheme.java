package org.espalier.bench;

/**
 * An additively homomorphic scheme whose security rests on factoring, with its key size.
 *
 * @param name as the peer names it
 * @param keyBits of the modulus
 */
record AdditiveScheme(String name, int keyBits) {
  static final String PATTERN = "[A-Za-z]{2,12}-(2048|3072|4096)";

  static AdditiveScheme parse(String text) {
    int at = text.indexOf('-');
    return new AdditiveScheme(text.substring(0, at), Integer.parseInt(text.substring(at + 1)));
  }

  /** Of a modulus that long, at least 2048 bits: NIST SP 800-57 part 1, table 2. */
  int securityBits() {
    return keyBits >= 3072 ? 128 : 112;
  }

  @Override
  public String toString() {
    return name + "-" + keyBits;
  }
}
