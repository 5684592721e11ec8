import { z } from 'zod'
import { datasetSpec } from '../../../contract/job-spec.ts'
import { field, matches } from '../field.ts'
import { revision, revisionRule, datasetUri } from './location.ts'

const recipe = datasetSpec.parse({ uri: '' })

/** Data of one use: `split` is read by default, and `samples` rows of it where the field is absent (undefined: all). */
function dataset(description: string, defaults: { split: string; samples: number | undefined }) {
  const samples = field(
    z.int().min(1).max(1_000_000_000),
    'Rows to draw after the shuffle; fewer where the split has fewer.' +
      (defaults.samples === undefined ? ' Absent: all.' : ''),
  )
  return field(
    z.strictObject({
      uri: datasetUri(
        'dataset.uri',
        'Where the rows are: hf://<owner>/<name>[/<config>] on the Hugging Face Hub, pvc://<claim>/<path> on a PersistentVolumeClaim of this namespace, or file:///<path> in the trainer image. A file (jsonl, tsv, csv or parquet, also .gz), or a directory or repository with a file for each split.',
      ),
      revision: revision().optional(),
      split: field(z.string().min(1).max(63), 'The split to read.').default(defaults.split),
      textColumn: field(z.string().min(1).max(253), 'The column with the text.').default(recipe.textColumn),
      labelColumn: field(
        z.string().min(1).max(253),
        'The column with the class: its index in spec.labels, or its name.',
      ).default(recipe.labelColumn),
      samples: defaults.samples === undefined ? samples.optional() : samples.default(defaults.samples),
      shuffleSeed: field(z.int().min(0).max(2_147_483_647), 'Seed of the shuffle before the draw.').default(
        recipe.shuffleSeed,
      ),
      digest: field(
        z.string().max(71),
        'Expected sha256 over the resolved data files, as sha256:<64 hexadecimal digits>. Other data fails the run instead of training on it.',
        {
          rules: [matches(/^sha256:[0-9a-f]{64}$/, 'dataset.digest must be sha256:<64 lowercase hexadecimal digits>')],
        },
      ).optional(),
    }),
    description,
    { rules: [revisionRule('dataset')] },
  )
}

/** The article's recipe draws 10,000 rows. */
const TRAINING_SAMPLES = 10_000

export const trainingDataset = dataset('The labelled rows to learn from.', {
  split: recipe.split,
  samples: TRAINING_SAMPLES,
})

export const evaluationDataset = dataset('Labelled rows that no training sees, with the same classes as spec.labels.', {
  split: 'test',
  samples: undefined,
})
