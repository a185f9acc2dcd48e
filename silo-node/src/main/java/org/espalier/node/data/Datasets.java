package org.espalier.node.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.security.InvalidKeyException;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.store.Store;

/** The data sets that this node may use in jobs. The files stay where they are. */
public final class Datasets {
  private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9._-]{0,62}");
  private static final String SELECT =
      "SELECT name, file, schema_json, scan_json, added FROM datasets";

  private final Store store;
  private final SecureRandom random = new SecureRandom();

  public Datasets(Store store) {
    this.store = store;
  }

  /**
   * Reads and checks the whole file, then registers it; the same name again replaces the entry.
   *
   * @throws Problem naming the first bad row and column
   */
  public Dataset add(String name, Path file, TableSchema schema) {
    if (!NAME.matcher(name).matches()) {
      throw Problem.refused("a data set name matches " + NAME.pattern());
    }
    Dataset.requireNoLink(name, file);
    DatasetScan scan = new CsvFile(name, file, schema).read((row, values) -> {});
    if (scan.rows() == 0) {
      throw Problem.refused(name + " has no row").detail(file + " holds only a header line");
    }
    Dataset dataset = new Dataset(name, file, schema, scan, Instant.now());
    byte[] key = new byte[32];
    random.nextBytes(key);
    store.update(
        "INSERT INTO datasets (name, file, schema_json, scan_json, commitment_key, added)"
            + " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET file = excluded.file,"
            + " schema_json = excluded.schema_json, scan_json = excluded.scan_json,"
            + " added = excluded.added",
        name,
        dataset.file().toString(),
        Json.write(Json.tree(schema)),
        Json.write(Json.tree(scan)),
        key,
        dataset.added().toString());
    return dataset;
  }

  public List<Dataset> list() {
    return store.all(SELECT + " ORDER BY name", Datasets::read);
  }

  /**
   * @throws Problem if there is no such data set
   */
  public Dataset get(String name) {
    return store
        .one(SELECT + " WHERE name = ?", Datasets::read, name)
        .orElseThrow(
            () ->
                Problem.notFound("no data set named " + name)
                    .next("silo dataset add " + name + " --file FILE --schema SCHEMA"));
  }

  /**
   * What the audit log may hold of a file: HMAC-SHA-256 of its digest under a random key of the
   * data set, because a bare hash of a small table can be found by trying.
   */
  public String commitment(String name) {
    Dataset dataset = get(name);
    byte[] key =
        store
            .one("SELECT commitment_key FROM datasets WHERE name = ?", r -> r.getBytes(1), name)
            .orElseThrow();
    return commitment(key, dataset.scan().sha256());
  }

  /** Every commitment by which the log may know a file: one under the key of each data set. */
  public Set<String> commitments(String sha256) {
    return store
        .all("SELECT commitment_key FROM datasets", r -> commitment(r.getBytes(1), sha256))
        .stream()
        .collect(Collectors.toUnmodifiableSet());
  }

  private static String commitment(byte[] key, String sha256) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(key, "HmacSHA256"));
      return HexFormat.of().formatHex(mac.doFinal(HexFormat.of().parseHex(sha256)));
    } catch (NoSuchAlgorithmException | InvalidKeyException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Dataset read(ResultSet row) throws SQLException {
    return new Dataset(
        row.getString("name"),
        Path.of(row.getString("file")),
        Json.convert("schema", json(row, "schema_json"), TableSchema.class),
        Json.convert("scan", json(row, "scan_json"), DatasetScan.class),
        Instant.parse(row.getString("added")));
  }

  private static JsonNode json(ResultSet row, String column) throws SQLException {
    return Json.parse(column, row.getString(column));
  }
}
