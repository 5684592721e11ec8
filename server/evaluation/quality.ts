/** Accuracy, macro F1 and the confusion matrix of one precision. */

export interface Quality {
  rows: number
  accuracy: number
  macroF1: number
  /** confusion[truth][predicted], in the order of the labels. */
  confusion: number[][]
  perLabel: { label: string; precision: number; recall: number; f1: number; support: number }[]
}

/**
 * F1 of a label is 2 tp / (2 tp + fp + fn). The macro average is over the labels that occur, in the truth or in the
 * predictions, as scikit-learn's f1_score(average="macro"): for truth [0,0,1,1] and predictions [0,1,1,1] it is
 * (2/3 + 4/5) / 2 = 0.7333.
 */
export function quality(truth: readonly number[], predicted: readonly number[], labels: readonly string[]): Quality {
  if (truth.length === 0 || truth.length !== predicted.length) {
    throw new RangeError(`${truth.length} labels against ${predicted.length} predictions`)
  }
  const confusion = labels.map(() => labels.map(() => 0))
  truth.forEach((label, index) => {
    const row = confusion[label]
    const column = predicted[index]
    if (row?.[column ?? -1] === undefined || column === undefined)
      throw new RangeError(`row ${index} has an unknown label`)
    row[column] = (row[column] ?? 0) + 1
  })
  const at = (row: number, column: number): number => confusion[row]?.[column] ?? 0
  const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0)
  const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)

  const measured = labels.map((label, index) => {
    const hits = at(index, index)
    const support = sum(confusion[index] ?? [])
    const predictions = sum(labels.map((_, row) => at(row, index)))
    return {
      occurs: support + predictions > 0,
      entry: {
        label,
        precision: ratio(hits, predictions),
        recall: ratio(hits, support),
        f1: ratio(2 * hits, support + predictions),
        support,
      },
    }
  })
  const occurring = measured.filter(({ occurs }) => occurs)
  return {
    rows: truth.length,
    accuracy: sum(labels.map((_, index) => at(index, index))) / truth.length,
    macroF1: sum(occurring.map(({ entry }) => entry.f1)) / occurring.length,
    confusion,
    perLabel: measured.map(({ entry }) => entry),
  }
}
