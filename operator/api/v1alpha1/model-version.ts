/** ModelVersion: one resolved set of inputs, what became of it, and the verdict. Written by the operator only. */
import { z } from 'zod'
import { API_GROUP, API_VERSION } from '../../../contract/names.ts'
import { GOLDEN_TEXTS } from '../../../contract/termination.ts'
import { field } from '../field.ts'
import { objectMeta } from '../object-meta.ts'
import { parse, type Parsed } from '../parse.ts'
import { blocked, conditions, observedGeneration, time } from './condition.ts'
import { evaluationDataset } from './dataset.ts'
import { PRECISIONS } from './serving.ts'
import { labels, source } from './source.ts'

export const MODEL_VERSION_KIND = 'ModelVersion'

export const modelVersionSpec = field(
  z.strictObject({
    model: field(z.string().min(1).max(40), 'Name of the SentimentModel.'),
    role: field(
      z.enum(['baseline']),
      'baseline: the naive model to compare with. It is judged on parity alone and never answers /predict. Absent: a version that may become stable.',
    ).optional(),
    labels,
    source,
    evaluation: field(
      z.strictObject({ dataset: evaluationDataset }),
      'Rows to measure on, where spec.gates.evaluation of the model names some.',
    ).optional(),
    claimName: field(
      z.string().max(253),
      'The PersistentVolumeClaim that its artifact is written to. No part of the identity.',
    ).optional(),
  }),
  "The resolved inputs: what was asked, which is the version's identity. Frozen.",
  {
    transitions: [
      { cel: 'self == oldSelf', message: 'the spec of a ModelVersion is frozen: change the SentimentModel instead' },
    ],
  },
)
export type ModelVersionSpec = z.infer<typeof modelVersionSpec>

export const VERSION_PHASES = ['Queued', 'Training', 'Evaluating', 'Accepted', 'Rejected', 'Failed'] as const
export type VersionPhase = (typeof VERSION_PHASES)[number]

const VERSION_CONDITIONS = ['Trained', 'Evaluated', 'Accepted', 'Blocked'] as const

const ATTEMPT_KINDS = ['train', 'evaluate'] as const

const ratio = (description: string) => field(z.number().min(0).max(1), description)
const count = (description: string) => field(z.int().min(0), description)
const positive = (description: string) => field(z.number().min(0), description)

const attempt = field(
  z.object({
    kind: field(z.enum(ATTEMPT_KINDS), 'What was run: train (or import), or evaluate.'),
    number: field(z.int().min(1), 'Number of the attempt, counted for each kind from 1.'),
    job: field(z.string().max(63), 'Name of the Job.'),
    startedAt: time('When the Job was created.'),
    finishedAt: time('When it ended.').optional(),
    result: field(
      z.enum(['Succeeded', 'Failed', 'Superseded']),
      'How it ended. Superseded: stopped by the operator because something else is asked for now; not a failure. Absent: it has not ended.',
    ).optional(),
    reason: field(z.string().min(1).max(63), 'Why it failed, as one word.').optional(),
    message: field(z.string().max(4096), 'Why it failed, as a sentence.').optional(),
    permanent: field(z.boolean(), 'The same input fails again, so it is never retried.').optional(),
    inputHash: field(
      z.string().max(64),
      'Stands for spec.job as it was then: failures are counted for each way of running it.',
    ),
  }),
  'One Job that was run for the version.',
)
export type Attempt = z.infer<typeof attempt>

const quality = (description: string) =>
  field(
    z.object({
      accuracy: ratio('Accuracy on the evaluation rows.'),
      macroF1: ratio('Macro-averaged F1 on the evaluation rows.'),
    }),
    description,
  )

const batchChange = (description: string) =>
  field(
    z.object({ maxScoreChange: ratio('Largest change of a probability with the texts that share the run.') }),
    description,
  )

const labelChanges = (description: string) =>
  field(
    z.object({
      disagreements: count('Texts with another label.'),
      negToPos: count("Of these: the candidate's label stands after stable's in the order of spec.labels."),
      posToNeg: count("Of these: the candidate's label stands before stable's."),
      meanDistance: ratio('Mean total variation distance of the two answers: 0 the same, 1 nothing in common.'),
      rightToWrong: count(
        'Rows that stable had right and the candidate has wrong (negative flips). Absent without evaluation rows.',
      ).optional(),
      wrongToRight: count(
        'Rows that stable had wrong and the candidate has right. Absent without evaluation rows.',
      ).optional(),
    }),
    description,
  )

const against = field(
  z.object({
    comparable: field(
      z.boolean(),
      'Whether the two could be compared. false: reason and message say why not, and nothing else is set.',
    ),
    version: field(
      z.string().max(63),
      'The version that was stable when the evaluation began. Another one may be stable by now.',
    ),
    manifestSha256: field(z.string().max(71), "The digest of that version's artifact.").optional(),
    precision: field(z.enum(PRECISIONS), 'The weights that it was judged with: those that it served.').optional(),
    rows: count('Texts that both judged: the evaluation rows or, without them, the parity texts.').optional(),
    fp32: labelChanges('This version in fp32 against the stable one.').optional(),
    int8: labelChanges('This version in int8 against the stable one.').optional(),
    reason: field(
      z.string().min(1).max(63),
      'Why they could not be compared, as one word: LabelsDiffer, ArtifactInvalid.',
    ).optional(),
    message: field(z.string().max(256), 'The same as a sentence.').optional(),
  }),
  'This version against the one that was stable when the evaluation began: the disagreement that a canary is to expect. It decides no gate. Absent: there was no stable version, or this is a baseline.',
)

const goldenText = field(
  z.object({
    text: field(z.string().min(1).max(GOLDEN_TEXTS.bytes), 'The text.'),
    label: field(z.string().max(63), 'The label that PyTorch, fp32 and int8 gave.'),
  }),
  'A text and its answer.',
)

const gateResult = field(
  z.object({
    name: field(
      z.string().min(1).max(63),
      'Name of the gate, as in spec.gates: minAccuracy, parity.maxLogitDifference. int8.cost is no bound of the spec: whether int8 took no more CPU time than fp32, which auto goes by.',
    ),
    wanted: field(z.string().max(128), 'The bound: ">= 0.86".'),
    measured: field(z.string().max(128), 'What the evaluation gave.'),
    passed: field(z.boolean(), 'Whether the bound is kept.'),
  }),
  'One bound and what was measured.',
)
export type GateResult = z.infer<typeof gateResult>

export const modelVersionStatus = field(
  z.object({
    observedGeneration: observedGeneration.optional(),
    phase: field(z.enum(VERSION_PHASES), 'Where the version is, in one word.').optional(),
    attempts: field(z.array(attempt).max(64), 'Every Job that was run for the version, in order.', {
      listType: 'map',
      listMapKeys: ['kind', 'number'],
    }).optional(),
    retryAt: time('When the next attempt begins, after a failed one.').optional(),
    progress: field(
      z.object({
        ratio: ratio('Share of the training steps that are done.'),
        step: count('Optimizer steps that are done.').optional(),
        loss: positive('Training loss at present.').optional(),
        etaSeconds: positive('Estimated seconds to the end of the training.').optional(),
      }),
      'How far the running trainer is.',
    ).optional(),
    artifact: field(
      z.object({
        claimName: field(z.string().max(253), 'The PersistentVolumeClaim that holds it.'),
        path: field(z.string().max(512), 'Its directory in the claim.'),
        manifestSha256: field(
          z.string().max(71),
          'The sha256 of its manifest, sha256:<hex>: the digest of the version.',
        ),
      }),
      'The finished artifact. Absent: there is none.',
    ).optional(),
    training: field(
      z.object({
        accuracy: ratio('Accuracy of PyTorch on the held-out rows.').optional(),
        macroF1: ratio('Macro-averaged F1 of PyTorch on the held-out rows.').optional(),
        loss: positive('Loss on the held-out rows.').optional(),
        trainRows: count('Rows that were trained on.').optional(),
        evaluationRows: count('Rows that were held out.').optional(),
        seconds: positive('Wall time of the training loop, in seconds.').optional(),
        samplesPerSecond: positive('Rows trained per second.').optional(),
      }),
      'What the trainer measured.',
    ).optional(),
    evaluation: field(
      z.object({
        report: field(z.string().max(253), 'The file with the whole report, beside the manifest of the artifact.'),
        manifestSha256: field(z.string().max(71), 'The digest of the artifact that was measured.'),
        parity: field(
          z.object({
            texts: count('Texts that were compared.'),
            tokenMismatches: count('Texts whose token ids differ.'),
            maxLogitDifference: positive('Largest absolute difference of a logit, fp32.'),
            labelAgreement: ratio("Share of texts with PyTorch's label, fp32."),
          }),
          'The serving engine against PyTorch.',
        ),
        rows: count('Evaluation rows.'),
        fp32: quality('Quality in fp32.').optional(),
        int8: quality('Quality in int8.').optional(),
        int8Agreement: field(
          z.object({
            labelAgreement: ratio('Share of texts where int8 gives the label of fp32.'),
            maxLogitDifference: positive('Largest absolute difference of a logit.'),
            maxScoreDifference: ratio(
              'Largest difference of a probability. Absent: measured by an older evaluator.',
            ).optional(),
          }),
          'int8 against fp32, on the evaluation rows or, without them, on the parity texts.',
        ),
        batched: field(
          z.object({
            texts: count('Texts that shared a run with others.'),
            fp32: batchChange('In fp32.'),
            int8: batchChange('In int8.'),
          }),
          'Parity texts and some of the evaluation rows, each answered alone and in a run with others. Absent: measured by an older evaluator, or there is a single text.',
        ).optional(),
        cost: field(
          z.object({
            tokens: count('Length of the text: the mean of the evaluation rows or, without them, of the parity texts.'),
            fp32Milliseconds: positive('In fp32.'),
            int8Milliseconds: positive('In int8.'),
            cpuFlags: field(
              z.array(field(z.string().max(16), 'An instruction set, as /proc/cpuinfo names it.')).max(16),
              "Those of the CPU's instruction sets that int8 depends on. One of avx512_vnni, avx_vnni, amx_int8, asimddp and i8mm makes it fast. Absent: not known.",
              { listType: 'atomic' },
            ).optional(),
          }),
          "CPU time of a run of one text on the evaluator's CPU. Absent: measured by an older evaluator, or it could not be.",
        ).optional(),
        against: against.optional(),
        golden: field(
          z.array(goldenText).max(GOLDEN_TEXTS.count),
          'Short texts that any pod of this version has to answer so, spread over the labels. Absent: measured before there were any.',
          { listType: 'atomic' },
        ).optional(),
      }),
      'What the evaluator measured through the engine that serves.',
    ).optional(),
    accuracy: ratio('Accuracy on the evaluation rows in the chosen precision.').optional(),
    precision: field(z.enum(PRECISIONS), 'The weights to serve, as the gates chose.').optional(),
    gates: field(z.array(gateResult).max(32), 'Each gate with what was measured.', {
      listType: 'map',
      listMapKeys: ['name'],
    }).optional(),
    blocked: blocked.optional(),
    conditions: conditions(VERSION_CONDITIONS).optional(),
  }),
  'What became of the version. Written by the operator only.',
)
export type ModelVersionStatus = z.infer<typeof modelVersionStatus>

export const modelVersion = field(
  z.strictObject({
    apiVersion: z.literal(`${API_GROUP}/${API_VERSION}`),
    kind: z.literal(MODEL_VERSION_KIND),
    metadata: objectMeta,
    spec: modelVersionSpec,
    status: modelVersionStatus.optional(),
  }),
  'One version of a SentimentModel: its frozen inputs, the attempts to make it, what was measured and the verdict. Written by the operator.',
  {
    rules: [
      {
        cel: 'self.metadata.name.matches("^[a-z0-9-]+-[0-9a-f]{10}$") && self.metadata.name.startsWith(self.spec.model + "-")',
        message: 'metadata.name must be <spec.model>-<10 hexadecimal digits>',
        holds: ({ metadata, spec }) =>
          /^[a-z0-9-]+-[0-9a-f]{10}$/.test(metadata.name) && metadata.name.startsWith(`${spec.model}-`),
      },
    ],
  },
)
export type ModelVersion = z.infer<typeof modelVersion>

/** A ModelVersion as the API server gave it: typed and with all defaults, or what is wrong with each field. */
export const parseModelVersion = (raw: unknown): Parsed<ModelVersion> => parse(modelVersion, raw)
