package org.espalier.node.cli;

/** Answers of a node as the control socket gives them. */
final class Answers {
  static final String STATUS =
      """
      {"name":"bank.example","version":"0.1.0","pid":%PID%,"url":"https://127.0.0.1:9443","port":9443,
       "fingerprint":"SHA256:aaaa","certificate_ends":"2030-01-01T00:00:00Z","uptime_seconds":7300,
       "partners":[{"name":"insurer.example","state":"confirmed","fingerprint":"SHA256:bbbb",
         "connected":true,"news_age_seconds":1.5,"rtt_ms":0.8,"skew_ms":3,"detail":"runs version 0.1.0"}],
       "datasets":2,"jobs":{"DONE":3,"RUNNING":1},
       "audit":{"origin":"bank.example/silo/audit/1","size":1234}}"""
          .replace("%PID%", Long.toString(ProcessHandle.current().pid()));

  static final String PARTNERS =
      """
      {"partners":[
        {"name":"insurer.example","state":"pending","fingerprint":"SHA256:bbbb",
         "words":"aardvark adviser accrue aggregate zulu yesteryear","connected":false,
         "detail":"compare words"},
        {"name":"clinic.example","state":"pending","fingerprint":"SHA256:cccc","words":null,
         "connected":false,"detail":"compare fingerprints"},
        {"name":"telecom.example","state":"invited","fingerprint":null,"connected":false,"detail":""}]}""";

  static final String DATASET =
      """
      {"name":"loans","file":"/data/loans.csv","rows":1000,"positives":300,
       "columns":[{"name":"customer_no","type":"id","missing":0},
                  {"name":"income","type":"number","missing":25},
                  {"name":"default","type":"label","missing":0}],
       "sha256":"00ff","added":"2026-02-03T04:05:06.789Z"}""";

  static final String MATCH =
      """
      {"rows":1000,"rules":[{"number":1,"usable":997,"distinct":997,"nulls":3,"duplicates":0,
        "null_rate":0.003,"duplicate_rate":0,"columns":[
          {"column":"name","missing":1,"unusable":0,"normalisers":["nfkc"],
           "shapes":[{"shape":"8 letters","rows":900,"share":0.9},
                     {"shape":"9 letters","rows":100,"share":0.1}]},
          {"column":"born","missing":2,"unusable":0,"normalisers":[],"shapes":[]}]}]}""";

  static final String COHORT =
      """
      {"digest":"%s","job":"J-1a2b3c4d","attempt":1,"created":"2026-02-03T04:05:06.789Z",
       "parties":["bank.example","insurer.example"],"size":812,"alignment":"cc","match":"dd",
       "protocol":"oprf","dataset":"loans","sha256":"00ff","matched_by_rule":[800,12],
       "usable":true,"dataset_now":"loans-2026","used_by":[{"job":"J-99998888","state":"DONE"}]}"""
          .formatted("1a2b3c4d".repeat(8));

  static final String COHORTS =
      """
      {"cohorts":[%s,{"digest":"%s","usable":false,"why_not":"its file was changed or is damaged"}]}"""
          .formatted(COHORT, "55667788".repeat(8));

  static final String SPEC =
      """
      {"kind":"train","name":"default-risk","purpose":"credit-risk-research",
       "label":{"party":"bank.example","column":"default"},
       "parties":{"bank.example":{"dataset":"loans","columns":[]},
                  "insurer.example":{"dataset":"claims","columns":["age"]}},
       "match":[[{"column":{"bank.example":"customer_no","insurer.example":"policy_holder"},
                  "normalise":["digits"]}]],
       "alignment":{"protocol":"ecdh","min_intersection":1000,"duplicates":"reject"},
       "preparation":{"impute":true,"standardise":true,"min_per_category":10},
       "model":{"type":"logistic","l2":0.01},
       "training":{"level":"gradients","max_passes":15,"tolerance":0.000001,"accept":["span"]},
       "evaluation":{"holdout":0.2}}""";

  private static final String LEARNS =
      """
      [{"learner":"bank.example","text":"the summed logits of each pass"},
       {"learner":"insurer.example","text":"its own gradient of each pass"},
       {"learner":"every party","text":"which of its own people are known to all parties"}]""";

  static final String PLAN =
      """
      {"job":%s,"digest":"0123456789abcdef0123","passed":true,
       "checks":[{"name":"ok","passed":true,"text":"2 parties, bank.example holds the label"}],
       "learns":%s,
       "alignment":{"protocol":"ecdh","why":"the job names it",
         "costs":{"ecdh":{"seconds":61.0,"bytes":184549376},"oprf":{"seconds":5.5,"bytes":41943040}}},
       "estimate":{"rows_assumed":1000,"passes":15,"seconds":5.2,
         "bottleneck":"computing at bank.example, 4.1 of 5.2 s",
         "phases":{
           "align":{"bank.example":{"seconds":1,"computing":0.9,"sent":96000,"received":98304},
                    "insurer.example":{"seconds":1,"computing":0.8,"sent":98304,"received":96000}},
           "train":{"bank.example":{"seconds":4.2,"computing":3.2,"sent":2097152,"received":1048576},
                    "insurer.example":{"seconds":4,"computing":3,"sent":1048576,"received":2097152}}},
         "parties":{
           "bank.example":{"computing":4.1,"sent":2193152,"received":1146880,
             "memory_bytes":524288000,"disk_bytes":1048576,"kept_bytes":32768},
           "insurer.example":{"computing":3.8,"sent":1146880,"received":2193152,
             "memory_bytes":419430400,"disk_bytes":1048576,"kept_bytes":32768}},
         "note":"rough estimate"}}"""
          .formatted(SPEC, LEARNS);

  static final String DONE = job("J-1a2b3c4d", "DONE", "");
  static final String PROPOSED = job("J-1a2b3c4d", "PROPOSED", "\"insurer.example\"");

  static final String REPORT =
      """
      {"attempt":1,"seconds":{"check":0.1,"align":1.5,"train":4.5},
       "bytes":{"insurer.example":{"sent":1048576,"received":2097152}},"peak_memory_bytes":104857600,
       "forecast":{
         "phases":{"align":{"seconds":{"predicted":1.2,"actual":1.5,"ratio":0.8},
                            "sent":{"predicted":96000,"actual":96000,"ratio":1.0},
                            "received":{"predicted":96000,"actual":48000,"ratio":2.0}},
                   "prepare":{"seconds":{"predicted":0.01,"actual":0.0},
                              "sent":{"predicted":0,"actual":0},"received":{"predicted":0,"actual":0}}},
         "memory_bytes":{"predicted":209715200,"actual":104857600,"ratio":2.0},
         "passes":{"predicted":10,"actual":9,"ratio":1.111},"note":"assumes that all is well"},
       "alignment":{"size":812,"digest":"ab"},
       "receipts":{"insurer.example":"agreed"},
       "training":{"passes":9,"converged":true,"objective":0.48125,"training_rows":650,"holdout_rows":162,
         "gap":0.00001,"gap_at_most":0.000123,"findings":["leave some columns out"]},
       "metrics":{"rows":162,"positives":50,"auc":0.78123,"auc_95":[0.7,0.85],"ks":0.44,"log_loss":0.51,
         "accuracy":0.75,"brier":0.17,"calibration_p":0.4,"calibration":[]},
       "learned":%s}"""
          .formatted(LEARNS);

  static final String SHOW =
      DONE.substring(0, DONE.length() - 1)
          + ",\"checks\":[],\"learns\":%s,\"report\":%s,\"receipts\":{}}".formatted(LEARNS, REPORT);

  static final String WAITED = "{\"job\":%s,\"report\":%s}".formatted(DONE, REPORT);

  static final String FAILED =
      """
      {"job":%s}"""
          .formatted(
              DONE.replace("\"DONE\"", "\"FAILED\"")
                  .replace(
                      "\"decisions\"",
                      """
                      "cause":{"kind":"job_failed","what":"the intersection is too small",
                        "party":"insurer.example","next":"silo job show J-1a2b3c4d"},"decisions\""""));

  static final String RUNNING =
      """
      {"state":"RUNNING","progress":{"phase":"train","step":"pass","done":5,"total":15,
       "elapsed_seconds":2.5,"eta_seconds":5.0,"objective":0.512345,"attempt":1,
       "partners":{"insurer.example":{"state":"RUNNING","phase":"train","news_age_seconds":0.4}},
       "bytes":{"insurer.example":{"sent":1048576,"received":2097152}}}}""";

  static final String ALIGNING =
      """
      {"state":"RUNNING","progress":{"phase":"align","step":"keys","done":0,"total":-1,
       "elapsed_seconds":0.2,"partners":{},"bytes":{}}}""";

  static final String PATH =
      """
      {"folds":5,"choose":"best","l2":0.1,"values":[
        {"l2":1,"mean_loss":0.6,"standard_error":0.01,"passes":5,"converged":true,"losses":[]},
        {"l2":0.1,"mean_loss":0.5,"standard_error":0.02,"passes":4,"converged":true,"losses":[]},
        {"l2":0.01,"mean_loss":0.55,"standard_error":0.03,"passes":2,"converged":false,
         "losses":[]}]}""";

  /** At detail aggregate: the curve's ends have no threshold. */
  static final String MODEL_REPORT =
      """
      {"schema":"espalier.job-report/1","party":"bank.example",
       "job":{"id":"J-1a2b3c4d","name":"default-risk","purpose":"credit-risk-research",
         "proposer":"bank.example","attempt":1,"began":"2026-02-03T04:05:06Z",
         "ended":"2026-02-03T05:05:06.5Z"},
       "card":{
         "model":{"type":"logistic","level":"gradients","l2":0.01,"weights":"own",
           "minimised":"mean log-loss + 0.01/2 * squared norm","passes":3,"converged":true,
           "end":"within the tolerance","objective":0.48125,"gap":0.00001},
         "people":{"cohort":"500-999","training":"500-999","holdout":"100-199"},
         "parties":[
           {"party":"bank.example","dataset":"loans","label":"default","columns":["income","housing"],
            "dropped":[{"column":"rare","reason":"constant"}],"prepared_columns":4},
           {"party":"insurer.example","dataset":"claims","columns":["age"]},
           {"party":"telecom.example","dataset":"contracts"}],
         "settings":{"evaluation":{"holdout":0.2,"reveal":"metrics","thresholds":[0.1,0.5]}},
         "learned":%s,
         "parameters":{"cipher":"BFV 4096","security_bits":128},
         "findings":["leave some columns out"],
         "limits":["the figures are of everybody together"]},
       "metrics":{"rows":160,"positives":40,"auc":0.78123,"auc_95":[0.7,0.85],"ks":0.5,
         "log_loss":0.51,"accuracy":0.75,"brier":0.17,"average_precision":0.6,"calibration_p":0.4,
         "calibration":[
           {"rows":80,"positives":10,"lowest":null,"highest":null,"predicted":0.15,"observed":0.125},
           {"rows":80,"positives":30,"lowest":null,"highest":null,"predicted":0.35,"observed":0.375}],
         "ks_threshold":0.25,
         "curve":[
           {"threshold":null,"flagged":0,"hits":0,"recall":0,"false_positive_rate":0,"precision":null},
           {"threshold":0.25,"flagged":80,"hits":30,"recall":0.75,
            "false_positive_rate":0.416666,"precision":0.375},
           {"threshold":null,"flagged":160,"hits":40,"recall":1,"false_positive_rate":1,
            "precision":0.25}],
         "gains":[
           {"rows":80,"positives":30,"observed":0.375,"lift":1.5,"share_flagged":0.5,"gain":0.75,
            "cumulative_lift":1.5},
           {"rows":80,"positives":10,"observed":0.125,"lift":0.5,"share_flagged":1,"gain":1,
            "cumulative_lift":1}],
         "confusion":[
           {"threshold":0.1,"withheld":"fewer than 20 people are on one side"},
           {"threshold":0.5,"true_positives":20,"false_positives":10,"false_negatives":20,
            "true_negatives":110,"precision":0.66666,"recall":0.5,"specificity":0.91666,
            "f1":0.571428,"accuracy":0.8125}],
         "psi":0.0312,"psi_bins":[{"training":0.5,"holdout":0.55},{"training":0.5,"holdout":0.45}],
         "detail":"aggregate"},
       "passes":[
         {"pass":1,"objective":0.61,"estimated_gap":0.1,"seconds":1.5},
         {"pass":2,"objective":0.49,"estimated_gap":0.001,"seconds":1.4},
         {"pass":3,"objective":0.48125,"estimated_gap":0.00001,"seconds":1.6}],
       "cost":{"seconds":{"align":1.5,"train":4.5},
         "bytes":{"insurer.example":{"sent":1048576,"received":2097152}},
         "peak_memory_bytes":104857600,
         "forecast":{"phases":{"align":{"seconds":{"predicted":1.2,"actual":1.5,"ratio":0.8}}},
           "note":"assumes that all is well"}},
       "digests":{"job":"sha256:0123456789abcdef","cohort":"sha256:ab",
         "checkpoints":{"bank.example":{"origin":"bank.example/silo/audit/1","size":77,"root":"cm9vdA=="}},
         "receipts":{"insurer.example":"agreed"}}}"""
          .formatted(LEARNS);

  static final String MODEL =
      """
      {"schema":"espalier.model-slice/1","job":"J-1a2b3c4d","party":"bank.example","role":"label",
       "family":"logistic","level":"gradients","objective":"mean log-loss + 0.005 |w|^2","rows":650,
       "passes":9,"features":["income","housing=own","amount"],"weights":[0.125,-0.75,0.5],
       "intercept":-1.5,"preparation":{},"parameters_run":{}}""";

  private Answers() {}

  static String job(String id, String state, String undecided) {
    return """
        {"id":"%s","kind":"%s","name":"default-risk","purpose":"credit-risk-research","state":"%s",
         "attempt":1,"proposer":"bank.example","digest":"0123456789abcdef0123",
         "created":"2026-02-03T04:05:06Z","updated":"2026-02-03T05:05:06Z",
         "decisions":{"bank.example":{"approved":true,"reason":null,"at":"2026-02-03T04:05:06Z"}},
         "undecided":[%s],"spec":%s}"""
        .formatted(id, id.startsWith("P") ? "predict" : "train", state, undecided, SPEC)
        .strip();
  }
}
