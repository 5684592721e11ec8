/** Callers of a model inside the cluster: one pod, and what it has counted. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Pod } from '../../operator/kube/resource.ts'

export interface TrafficFailure {
  at: string
  /** What came instead. */
  why: string
  /** Absent: there was no answer. */
  status?: number
}

export interface TrafficCount {
  sent: number
  answered: number
  /** Requests that did not end in a 200 with a sentiment. */
  failed: number
  /** Of these, the first. */
  failures: TrafficFailure[]
  /** Requests whose caller gave up before an answer: no failures. */
  left: number
  /** Answers by version. */
  versions: Record<string, number>
  /** Answers that stable gave in a candidate's place, by reason. */
  fallbacks: Record<string, number>
  /** Up to the answer, of all requests but those that were given up: one that failed is beyond all others. */
  latencyMs: { median: number; p99: number }
}

export interface TrafficOptions {
  /** Callers that ask one request after the other. */
  callers?: number
  pauseMs?: number
  /** Nothing is sent before a POST to `askPath` says how much. */
  isIdle?: boolean
  /** How many failures are kept: the first ones tell what the matter is. */
  keptFailures?: number
  /** This share of the callers waits for no answer longer than so. */
  impatient?: { share: number; afterMs: number }
}

export interface PodOptions extends TrafficOptions {
  /** The pod ends then, also where nobody is left to delete it. */
  maxSeconds?: number
  /** What the pod may use; a high rate needs more. */
  cpu?: string
}

export const TRAFFIC_PORT = 9000
export const trafficName = (model: string) => `traffic-${model}`
/** So many requests more, of callers that were started idle. */
export const askPath = (requests: number) => `/ask?requests=${String(requests)}`

export const failureText = ({ at, why }: TrafficFailure): string => `${at} ${why}`

const root = join(import.meta.dirname, '..', '..')
const TEXTS = 200

/** Sentences that people wrote: the quickstart's data. */
export const readTexts = (): string[] =>
  readFileSync(join(root, 'dev/quickstart/data/mr/train.tsv'), 'utf8')
    .split('\n')
    .slice(1, TEXTS + 1)
    .map((line) => line.split('\t')[0] ?? '')
    .filter((text) => text.trim() !== '')

/** What `node` is to be called with. */
export const callersCommand = (
  url: string,
  { callers = 2, pauseMs = 50, isIdle = false, keptFailures = 100, impatient }: TrafficOptions,
  port = TRAFFIC_PORT,
): string[] => [
  '--input-type=module',
  '-e',
  readFileSync(join(import.meta.dirname, 'callers.mjs'), 'utf8'),
  JSON.stringify({ url, port, callers, pauseMs, isIdle, keptFailures, impatient, texts: readTexts() }),
]

/** `image`: any with Node, such as the server's. */
export function trafficPod(
  { namespace, model, image }: { namespace: string; model: string; image: string },
  { maxSeconds, cpu = '500m', ...options }: PodOptions = {},
): Pod {
  return {
    metadata: { name: trafficName(model), namespace },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      ...(maxSeconds !== undefined && { activeDeadlineSeconds: maxSeconds }),
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'traffic',
          image,
          command: ['node', ...callersCommand(`http://${model}:8000/predict`, options)],
          resources: { requests: { cpu: '50m' }, limits: { cpu, memory: '256Mi' } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  }
}
