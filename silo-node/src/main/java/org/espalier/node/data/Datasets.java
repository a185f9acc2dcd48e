package org.espalier.node.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.security.InvalidKeyException;
import java.security.NoSuchAlgorithmException;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
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
  private final byte[] secret;

  /**
   * @param secret of the node, always the same and in no database: by it the audit log knows a file
   *     again, whatever happened to the database
   */
  public Datasets(Store store, byte[] secret) {
    this.store = store;
    this.secret = secret.clone();
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
    store.update(
        "INSERT INTO datasets (name, file, schema_json, scan_json, commitment_key, added)"
            + " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET file = excluded.file,"
            + " schema_json = excluded.schema_json, scan_json = excluded.scan_json,"
            + " added = excluded.added",
        name,
        dataset.file().toString(),
        Json.write(Json.tree(schema)),
        Json.write(Json.tree(scan)),
        new byte[0], // only data sets of earlier versions have a key of their own
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
   * Forgets a data set; its file stays where it is. What was counted on the file still counts, also
   * if it is added again.
   *
   * @throws Problem if there is no such data set
   */
  public void remove(String name) {
    store.transaction(
        () -> {
          get(name);
          store.update(
              "INSERT INTO removed_dataset_keys SELECT commitment_key FROM datasets"
                  + " WHERE name = ? AND length(commitment_key) > 0",
              name);
          return store.update("DELETE FROM datasets WHERE name = ?", name);
        });
  }

  /**
   * What the audit log may hold of a file: HMAC-SHA-256 of its digest under a secret of the node,
   * because a bare hash of a small table can be found by trying.
   */
  public String commitment(String name) {
    return commitment(secret, get(name).scan().sha256());
  }

  /**
   * Every commitment by which the log may know a file: under the node's secret, and under the key
   * that each data set of an earlier version had, removed or not, which is only in the database.
   */
  public Set<String> commitments(String sha256) {
    List<byte[]> former =
        store.all(
            "SELECT commitment_key FROM datasets"
                + " UNION SELECT commitment_key FROM removed_dataset_keys",
            row -> row.getBytes(1));
    return Stream.concat(Stream.of(secret), former.stream().filter(key -> key.length > 0))
        .map(key -> commitment(key, sha256))
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
