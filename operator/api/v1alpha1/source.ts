import { z } from 'zod'
import { hyperparameters as contractHyperparameters } from '../../../contract/job-spec.ts'
import { field } from '../field.ts'
import { trainingDataset } from './dataset.ts'
import { decimal } from './decimal.ts'
import { revision, revisionRule, modelUri } from './location.ts'

const recipe = contractHyperparameters.parse({})
const maxSequence = 8192

const baseModel = field(
  z.strictObject({
    uri: modelUri(
      'baseModel.uri',
      'Where the pretrained weights are: hf://<owner>/<name> on the Hugging Face Hub, pvc://<claim>/<path> on a PersistentVolumeClaim of this namespace, or file:///<path> in the trainer image. safetensors only.',
    ),
    revision: revision().optional(),
  }),
  'The pretrained model to start from. It gets a new classification head with one output for each of spec.labels.',
  { rules: [revisionRule('baseModel')] },
)

export const hyperparameters = field(
  z.strictObject({
    epochs: field(z.int().min(1).max(1000), 'Passes over the training rows.').default(recipe.epochs),
    batchSize: field(z.int().min(1).max(4096), 'Rows in each optimizer step.').default(recipe.batchSize),
    learningRate: decimal('learningRate', 'Peak learning rate of AdamW, as a quoted decimal: "2e-5".', {
      above: 0,
      to: 1,
    }).default(recipe.learningRate),
    headLearningRate: decimal(
      'headLearningRate',
      'Learning rate of the new classification head, as a quoted decimal. Absent: learningRate.',
      { above: 0, to: 1 },
    ).optional(),
    weightDecay: decimal('weightDecay', 'Weight decay of AdamW, as a quoted decimal.', { from: 0, to: 1 }).default(
      recipe.weightDecay,
    ),
    warmupRatio: decimal(
      'warmupRatio',
      'Share of all steps over which the learning rate rises from zero, as a quoted decimal.',
      { from: 0, below: 1 },
    ).default(recipe.warmupRatio),
    schedule: field(
      contractHyperparameters.shape.schedule.unwrap(),
      'The learning rate after the warm-up: linear falls to zero at the last step, constant stays.',
    ).default(recipe.schedule),
    dropout: decimal('dropout', 'Dropout of all layers, as a quoted decimal. Absent: as the base model has it.', {
      from: 0,
      below: 1,
    }).optional(),
    maxGradNorm: decimal('maxGradNorm', 'Gradients are clipped to this norm, as a quoted decimal.', {
      above: 0,
    }).default(recipe.maxGradNorm),
    maxLength: field(
      z.int().min(8).max(maxSequence),
      'Tokens of a text, special tokens included; longer texts are truncated, in training and in serving.',
    ).default(recipe.maxLength),
    seed: field(
      z.int().min(0).max(2_147_483_647),
      'Seed of the head, the dropout and the order of the rows. Same seed, data and hardware: the same weights.',
    ).default(recipe.seed),
    precision: field(
      contractHyperparameters.shape.precision.unwrap(),
      'Arithmetic of the training: auto is bf16 on a GPU that has it and fp32 elsewhere.',
    ).default(recipe.precision),
    freeze: field(
      z.strictObject({
        embeddings: field(z.boolean(), 'Leave the embedding table as it is.').default(recipe.freeze.embeddings),
        layers: field(z.int().min(0).max(200), 'Leave this many of the first layers as they are.').default(
          recipe.freeze.layers,
        ),
      }),
      'Parts of the base model that are not trained.',
    ).prefault({}),
    holdoutRatio: decimal(
      'holdoutRatio',
      'Share of the rows held out for evaluation where the data set has no test split, as a quoted decimal.',
      { above: 0, below: 1 },
    ).default(recipe.holdoutRatio),
  }),
  'How the optimizer learns. The defaults are those of the common DistilBERT recipe for movie reviews.',
)

const train = field(
  z.strictObject({
    baseModel,
    dataset: trainingDataset,
    hyperparameters: hyperparameters.prefault({}),
    retrainToken: field(
      z.string().min(1).max(253),
      'Free text that is part of the version: changing it asks for a new run of the same inputs, for example after a data set without a fixed revision has grown.',
    ).optional(),
  }),
  'Fine-tunes a pretrained model on labelled rows, in a Job of this namespace. Everything in here is part of the identity of a version: a change trains a new one, and the same inputs never train twice. How the Job runs (image, GPU, resources) is spec.job.',
)

/** A finished checkpoint; `name` is the field's name in the messages. */
export function finishedModel(name: string, description: string) {
  return field(
    z.strictObject({
      uri: modelUri(
        `${name}.uri`,
        'Where the checkpoint is: hf://<owner>/<name> on the Hugging Face Hub, pvc://<claim>/<path> on a PersistentVolumeClaim of this namespace, or file:///<path> in the trainer image. A Hugging Face sequence-classification model in safetensors with as many outputs as spec.labels has entries.',
      ),
      revision: revision().optional(),
      maxLength: field(
        z.int().min(8).max(maxSequence),
        'Tokens of a text, special tokens included; longer texts are truncated. Absent: as the checkpoint says.',
      ).optional(),
    }),
    description,
    { rules: [revisionRule(name)] },
  )
}

export const source = field(
  z.strictObject({
    train: train.optional(),
    import: finishedModel(
      'import',
      'Takes a finished checkpoint as it is: converted, evaluated, gated and served like a trained one.',
    ).optional(),
  }),
  'Where the model comes from: exactly one of train and import.',
  {
    rules: [
      {
        cel: 'has(self.train) != has(self.import)',
        message: 'source must have exactly one of train and import',
        holds: (value) => (value.train === undefined) !== (value.import === undefined),
      },
    ],
  },
)

export const labels = field(
  z
    .array(
      field(z.string().min(1).max(63), 'The name of a class.', {
        rules: [
          {
            // Not trim(), because JavaScript and CEL disagree on what is a blank.
            cel: String.raw`!self.matches("^\\s|\\s$")`,
            message: 'a label must not begin or end with a blank',
            holds: (label) => !/^[ \t\n\f\r]|[ \t\n\f\r]$/.test(label),
          },
        ],
      }),
    )
    .min(2)
    .max(64),
  'The names of the classes in the order of their index: the first is class 0. For two classes the last one is the positive class. Part of the identity of a version.',
  {
    // Not a set: the order is the class index, and two appliers' items must never be merged.
    listType: 'atomic',
    rules: [
      {
        cel: 'self.all(label, self.exists_one(other, other == label))',
        message: 'labels must be different from each other',
        holds: (values) => new Set(values).size === values.length,
      },
    ],
  },
)
