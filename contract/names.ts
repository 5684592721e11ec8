/** Names that the operator, the server and the chart have to agree on. */

export const API_GROUP = 'valence.dev'
export const API_VERSION = 'v1alpha1'

/** Ports of every container of ours. */
export const PORTS = { api: 8000, metrics: 8001 } as const

/** Where the operator mounts things in training, evaluation and serving pods. */
export const MOUNTS = {
  /** The artifact storage: `<artifacts>/<version>/`. Read-write for trainer and evaluator, read-only for serving pods. */
  artifacts: '/var/lib/valence/artifacts',
  /** `pvc://<claim>/<path>` is `<claims>/<claim>/<path>` inside a training pod; mounted read-only. */
  claims: '/var/lib/valence/claims',
  /** The directory of the routing ConfigMap in a serving pod. */
  routing: '/etc/valence/routing',
  scratch: '/tmp',
} as const

export const ROUTING_FILE = 'routing.json'

/** Environment of a serving pod. */
export const SERVER_ENV = {
  /** The artifact directory to load. Required. */
  artifactDir: 'ARTIFACT_DIR',
  /** The digest (`sha256:<hex>` of manifest.json) that the pod is pinned to; another digest is refused. */
  expectedDigest: 'EXPECTED_DIGEST',
  /** fp32 | int8 */
  precision: 'PRECISION',
  routingFile: 'ROUTING_FILE',
  /** The SentimentModel's name: the model name of the Open Inference Protocol. */
  modelName: 'MODEL_NAME',
} as const

/** Headers of requests and answers. */
export const HEADERS = {
  modelVersion: 'x-model-version',
  modelDigest: 'x-model-digest',
  /** Answer: `true` where the text was longer than the model's maximal length and was cut as the tokenizer was trained to. */
  truncated: 'x-input-truncated',
  /** Request: milliseconds that the caller is willing to wait. */
  deadline: 'x-request-timeout-ms',
  requestId: 'x-request-id',
  /** Set on a forwarded request, which is then never forwarded again. */
  forwarded: 'x-valence-forwarded',
  /** On an answer that another version than the one that the split chose has given, in its place: why. */
  fallback: 'x-valence-fallback',
} as const

/** A termination message is cut off by the kubelet beyond this many bytes. */
export const TERMINATION_MESSAGE_LIMIT = 4096
export const TERMINATION_MESSAGE_PATH = '/dev/termination-log'

/** Exit codes of the trainer and the evaluator. */
export const EXIT_CODES = {
  done: 0,
  /** Bad data, spec or artifact: the same input fails again, so it is never retried. */
  invalid: 3,
  /** A source could not be reached or refused the credentials: retried with back-off. */
  sourceUnavailable: 4,
} as const
