/** SentimentModel: what the user asks for, and how far it is. */
import { z } from 'zod'
import { API_GROUP, API_VERSION } from '../../../contract/names.ts'
import { field } from '../field.ts'
import { objectMeta } from '../object-meta.ts'
import { parse, type Parsed } from '../parse.ts'
import { blocked, conditions, observedGeneration, time } from './condition.ts'
import { gates } from './gates.ts'
import { job } from './job.ts'
import { command, MAX_COMMANDS, MAX_REJECTED, rejected, rollout, rolloutStatus, routingStatus } from './rollout.ts'
import { PRECISIONS, serving } from './serving.ts'
import { finishedModel, labels, source } from './source.ts'
import { storage } from './storage.ts'

export const SENTIMENT_MODEL_KIND = 'SentimentModel'

/** `<model>-<10 hex>-train-<n>` and the names of its pods stay within 63 characters, as labels and host names must. */
const MAX_NAME = 40

export const sentimentModelSpec = field(
  z.strictObject({
    labels,
    source,
    job: job.prefault({}),
    baseline: finishedModel(
      'baseline',
      'A finished checkpoint to compare with: a version of its own with its own pods, always at POST /predict/naive and never in the traffic of /predict.',
    ).optional(),
    storage: storage.prefault({ size: '10Gi' }),
    gates: gates.prefault({}),
    serving: serving.prefault({}),
    rollout: rollout.prefault({}),
    history: field(
      z.strictObject({
        keepVersions: field(
          z.int().min(1).max(50),
          'ModelVersions to keep beside the serving ones; older ones are deleted.',
        ).default(5),
      }),
      'What is kept of the past.',
    ).prefault({}),
    monitoring: field(
      z.strictObject({
        serviceMonitor: field(
          z.enum(['Auto', 'Enabled', 'Disabled']),
          'A ServiceMonitor for the serving pods. Auto: where the cluster has the Prometheus operator. Enabled: it must, and its absence is shown as Blocked.',
        ).default('Auto'),
      }),
      'How the serving pods are observed.',
    ).prefault({}),
  }),
  'What to train or import, what quality it must reach, and how it is served.',
  {
    rules: [
      {
        at: ['gates', 'evaluation'],
        cel: '!has(self.source.import) || has(self.gates.evaluation) || !(has(self.gates.minAccuracy) || has(self.gates.minMacroF1))',
        message:
          'gates.minAccuracy and gates.minMacroF1 of an imported model need gates.evaluation.dataset: an import brings no rows to measure on',
        holds: ({ source, gates }) =>
          source.import === undefined ||
          gates.evaluation !== undefined ||
          (gates.minAccuracy === undefined && gates.minMacroF1 === undefined),
      },
    ],
  },
)
export type SentimentModelSpec = z.infer<typeof sentimentModelSpec>

export const MODEL_PHASES = [
  'Pending',
  'Training',
  'Evaluating',
  'Progressing',
  'Paused',
  'RolledBack',
  'Aborted',
  'Ready',
  'Degraded',
  'Blocked',
  'Failed',
  'Deleting',
] as const
export type ModelPhase = (typeof MODEL_PHASES)[number]

const MODEL_CONDITIONS = ['Ready', 'Trained', 'Gated', 'Progressing', 'Promoted', 'Blocked', 'Autoscaled'] as const

export const MAX_PROMOTIONS = 50

const versionName = (description: string) => field(z.string().max(63), description)
const digest = field(z.string().max(71), "The sha256 of the artifact's manifest: sha256:<hex>.")
const accuracy = field(z.number().min(0).max(1), 'Accuracy on the evaluation rows in the served precision, 0 to 1.')
const replicas = (description: string) => field(z.int().min(0), description)

const servedVersion = {
  version: versionName('Name of the ModelVersion.'),
  digest: digest.optional(),
  precision: field(z.enum(PRECISIONS), 'The weights that are served.').optional(),
  accuracy: accuracy.optional(),
  replicas: replicas('Serving pods that there are.').optional(),
  readyReplicas: replicas('Serving pods that are ready.').optional(),
}

export const sentimentModelStatus = field(
  z.object({
    observedGeneration: observedGeneration.optional(),
    phase: field(
      z.enum(MODEL_PHASES),
      'Where the model is, in one word. Programs should read the conditions.',
    ).optional(),
    stable: field(
      z.object({
        ...servedVersion,
        selector: field(
          z.string().max(512),
          'Label selector of its pods, as text: what an autoscaler measures. Those of a candidate are not among them.',
        ).optional(),
      }),
      'The version that answers.',
    ).optional(),
    scaling: field(
      z.object({
        autoscaler: field(z.string().max(63), 'Name of the HorizontalPodAutoscaler that sets spec.serving.replicas.'),
        replicas: replicas('Pods of a version with all of the traffic, as the autoscaler wants it at present.'),
        held: field(
          z.object({
            replicas: replicas('Pods at least.'),
            until: time('Until when. Absent: as long as the rollout is under way.').optional(),
          }),
          'What autoscaling does not go below for now: the stable version has to be able to take back all of the traffic.',
        ).optional(),
      }),
      'How many pods there are to be, with spec.serving.autoscaling.',
    ).optional(),
    candidate: field(
      z.object({
        version: versionName('Name of the ModelVersion.'),
        phase: field(z.string().max(63), "The ModelVersion's phase, or Starting while its pods become ready."),
        readyReplicas: replicas('Serving pods that are ready.').optional(),
      }),
      'The version of the current spec, while it is not stable.',
    ).optional(),
    baseline: field(z.object(servedVersion), 'The version behind POST /predict/naive.').optional(),
    weight: field(z.number().min(0).max(100), 'Percent of requests that the candidate gets.').optional(),
    verdict: field(
      z.enum(['Pass', 'Hold', 'RollBack', 'Abort']),
      'What the evidence says of the candidate, or how its rollout ended.',
    ).optional(),
    rollout: rolloutStatus.optional(),
    routing: routingStatus.optional(),
    rejected: field(z.array(rejected).max(MAX_REJECTED), 'Versions that a rollout has given up, the latest last.', {
      listType: 'atomic',
    }).optional(),
    commands: field(
      z.array(command).max(MAX_COMMANDS),
      'Requests by annotation that have been carried out, the latest last.',
      {
        listType: 'atomic',
      },
    ).optional(),
    training: field(
      z.object({
        version: versionName('Name of the ModelVersion in training.'),
        attempt: field(z.int().min(1), 'Number of the attempt.'),
        progress: field(z.number().min(0).max(1), 'Share of the training steps that are done, 0 to 1.').optional(),
        loss: field(z.number().min(0), 'Training loss at present.').optional(),
        etaSeconds: field(z.number().min(0), 'Estimated seconds to the end of the training.').optional(),
        message: field(z.string().max(4096), 'What is going on.'),
      }),
      'The run in progress.',
    ).optional(),
    blocked: blocked.optional(),
    promotions: field(
      z
        .array(
          field(
            z.object({
              version: versionName('The version that became stable.'),
              digest,
              from: versionName('The version that was stable before.').optional(),
              time: time('When the traffic moved.'),
              reason: field(
                z.string().max(128),
                'Why, as one word: FirstVersion, NewVersion, EvidencePassed, PromotedByHand, StableBroken, Pinned.',
              ),
            }),
            'One change of the stable version.',
          ),
        )
        .max(MAX_PROMOTIONS),
      'Changes of the stable version, the latest last; older ones are dropped.',
      { listType: 'atomic' },
    ).optional(),
    conditions: conditions(MODEL_CONDITIONS).optional(),
  }),
  'What is observed. Written by the operator only.',
)
export type SentimentModelStatus = z.infer<typeof sentimentModelStatus>

export const sentimentModel = field(
  z.strictObject({
    apiVersion: z.literal(`${API_GROUP}/${API_VERSION}`),
    kind: z.literal(SENTIMENT_MODEL_KIND),
    metadata: objectMeta,
    spec: sentimentModelSpec,
    status: sentimentModelStatus.optional(),
  }),
  'A sentiment model: trained or imported, measured against its gates, versioned and served.',
  {
    rules: [
      {
        cel: `size(self.metadata.name) <= ${MAX_NAME} && self.metadata.name.matches("^[a-z]([a-z0-9-]*[a-z0-9])?$")`,
        message: `metadata.name must be at most ${MAX_NAME} characters, lowercase letters, digits and "-", and begin with a letter: names are derived from it, such as <name>-<10 hexadecimal digits>-train-<n>`,
        holds: ({ metadata }) => metadata.name.length <= MAX_NAME && /^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(metadata.name),
      },
      {
        at: ['spec', 'serving', 'version'],
        cel: '!has(self.spec.serving.version) || self.spec.serving.version.startsWith(self.metadata.name + "-")',
        message: 'serving.version must be a version of this model: its name begins with metadata.name and "-"',
        holds: ({ metadata, spec }) =>
          spec.serving.version === undefined || spec.serving.version.startsWith(`${metadata.name}-`),
      },
    ],
  },
)
export type SentimentModel = z.infer<typeof sentimentModel>

/** A SentimentModel as the API server gave it: typed and with all defaults, or what is wrong with each field. */
export const parseSentimentModel = (raw: unknown): Parsed<SentimentModel> => parse(sentimentModel, raw)
