package org.espalier.protocols.neural;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.neural.top.Bottom;
import org.espalier.protocols.neural.top.BottomTraining;
import org.espalier.protocols.neural.top.TopLayers;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;

/**
 * Level {@code split}: every party has layers of its own over its columns, and what they make of a
 * person, h numbers, travels to the label party in clear, of several feature parties their sum. The
 * slopes of each person's loss travel back in clear to all. Nothing is encrypted: it is the fastest
 * level, and discloses the most.
 *
 * <p>Adding the parts up loses nothing against putting them beside each other under one more layer:
 * that layer's rows are what the parties' last layers are.
 *
 * <p>Adversary: semi-honest. Specification with what each party sees: docs/protocols/split.md.
 * Sources: Vepakomma et al., Split learning for health (arXiv 1812.00564); merging by sums:
 * Ceballos et al. (arXiv 2008.04137); zero-sum masks: Bonawitz et al. (CCS 2017).
 */
final class SplitTraining implements SourceProtocol {
  private final Prg first;

  SplitTraining() {
    this(Prg.fresh());
  }

  /**
   * @param first draws the first weights
   */
  SplitTraining(Prg first) {
    this.first = first;
  }

  @Override
  public LabelSource label(
      SourceJob job,
      Map<Party, Channel> featureParties,
      Matrix own,
      TopLayers top,
      EpochListener listener) {
    job.requireLabel(featureParties, own);
    SplitLabel role = new SplitLabel(job, featureParties, own, top, first);
    int epochs = role.train(listener);
    Bottom bottom = role.bottom();
    return new LabelSource(
        bottom.hidden(),
        bottom.last().weights(),
        bottom.last().bias(),
        epochs,
        List.of(),
        parametersRun(job, epochs));
  }

  @Override
  public FeatureSource feature(
      SourceJob job,
      Channel label,
      Map<Party, Channel> others,
      Matrix own,
      Progress progress,
      IntConsumer beforeEpoch) {
    job.requireFeature(own);
    SplitFeature role = new SplitFeature(job, label, others, own, first);
    int epochs = role.train(progress, beforeEpoch);
    Bottom bottom = role.bottom();
    return new FeatureSource(
        bottom.hidden(), bottom.last().weights(), epochs, parametersRun(job, epochs));
  }

  /**
   * A party's own layers, to be trained.
   *
   * @param inputs of all parties' last layers
   * @param first draws the first weights
   * @param bias whether the bias at the cut is this party's
   */
  static BottomTraining begin(
      SourceSpec spec, Batches batches, Matrix own, int inputs, Prg first, boolean bias) {
    Bottom bottom =
        Bottom.random(
            own.columns(),
            spec.split().hidden(),
            spec.hidden(),
            inputs,
            spec.split().activation(),
            first);
    return new BottomTraining(own, bottom, batches.mostRows(), spec.split().descent(spec), bias);
  }

  private static Map<String, Object> parametersRun(SourceJob job, int epochs) {
    SplitSpec split = job.spec().split();
    Map<String, Object> ran = new LinkedHashMap<>();
    ran.put("level", Level.SPLIT.wireName());
    ran.put("bottom", split.hidden());
    ran.put("hidden", job.spec().hidden());
    ran.put("cut_bits", Cut.FRACTION);
    ran.put("gradient_noise", split.gradientNoise());
    ran.put("activation_noise", split.activationNoise());
    ran.put("rows", job.rows());
    ran.put("batches", Batches.count(job.rows(), job.spec()));
    ran.put("epochs", epochs);
    return Collections.unmodifiableMap(ran);
  }
}
