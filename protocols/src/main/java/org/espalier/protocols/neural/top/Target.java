package org.espalier.protocols.neural.top;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * How outcomes appear to a network.
 *
 * @param classes the outcomes that there are, ascending; empty unless {@code MULTICLASS}
 * @param mean of the training outcomes, which the network sees less this
 * @param scale and divided by this, above 0; 0 and 1 unless {@code REGRESSION}
 */
public record Target(Task task, List<Double> classes, double mean, double scale) {
  /** The most classes. */
  public static final int MOST_CLASSES = 100;

  public Target {
    Objects.requireNonNull(task);
    classes = List.copyOf(classes);
    if (task == Task.MULTICLASS
        ? classes.size() < 2 || classes.size() > MOST_CLASSES
        : !classes.isEmpty()) {
      throw new IllegalArgumentException(
          classes.size() + " classes of a " + task.wireName() + " network");
    }
    for (int k = 0; k < classes.size(); k++) {
      if (!Double.isFinite(classes.get(k)) || (k > 0 && classes.get(k - 1) >= classes.get(k))) {
        throw new IllegalArgumentException("classes are different numbers in ascending order");
      }
    }
    if (!Double.isFinite(mean)
        || !(scale > 0 && scale < Double.POSITIVE_INFINITY)
        || (task != Task.REGRESSION && (mean != 0 || scale != 1))) {
      throw new IllegalArgumentException("an outcome's mean of " + mean + ", scale " + scale);
    }
  }

  /**
   * Of training outcomes.
   *
   * @throws IllegalArgumentException if they are none of the task, or all the same
   */
  public static Target of(Task task, double[] outcomes) {
    double[] distinct = Arrays.stream(outcomes).distinct().limit(MOST_CLASSES + 1L).toArray();
    if (distinct.length < 2) {
      throw new IllegalArgumentException("the outcome is the same for everybody");
    }
    Arrays.sort(distinct);
    return switch (task) {
      case BINARY -> {
        if (distinct.length != 2 || distinct[0] != 0 || distinct[1] != 1) {
          throw new IllegalArgumentException("an outcome is neither 0 nor 1");
        }
        yield new Target(task, List.of(), 0, 1);
      }
      case MULTICLASS -> {
        if (distinct.length > MOST_CLASSES) {
          throw new IllegalArgumentException("there are more than " + MOST_CLASSES + " classes");
        }
        yield new Target(task, Arrays.stream(distinct).boxed().toList(), 0, 1);
      }
      case REGRESSION -> {
        double mean = Arrays.stream(outcomes).average().orElseThrow();
        double squares = Arrays.stream(outcomes).map(y -> (y - mean) * (y - mean)).sum();
        yield new Target(task, List.of(), mean, Math.sqrt(squares / outcomes.length));
      }
    };
  }

  /** Units of the last layer. */
  public int outputs() {
    return Math.max(1, classes.size());
  }

  /**
   * An outcome as the loss takes it.
   *
   * @throws IllegalArgumentException if it is no class of those that there are
   */
  double encode(double y) {
    if (task != Task.MULTICLASS) {
      return (y - mean) / scale;
    }
    return index(y);
  }

  /**
   * Which class an outcome is, from 0.
   *
   * @throws IllegalArgumentException if it is none of those that there are
   */
  public int index(double y) {
    int index = classes.indexOf(y);
    if (index < 0) {
      throw new IllegalArgumentException("no class of the training people is " + y);
    }
    return index;
  }

  /** Turns the outputs of a row into what they predict, in the outcome's unit. */
  public void predict(double[] outputs, int at) {
    task.predict(outputs, at, outputs());
    if (task == Task.REGRESSION) {
      outputs[at] = mean + scale * outputs[at];
    }
  }
}
