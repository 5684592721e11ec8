/** What port 8001 shows. The first three carry the names and buckets of the original service. */
import { Counter, Gauge, Histogram, collectDefaultMetrics, type Registry } from 'prom-client'
import type { Engine, EngineObserver } from './inference/engine.ts'

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export type Metrics = ReturnType<typeof createMetrics>

export function createMetrics(registry: Registry) {
  const registers = [registry]
  collectDefaultMetrics({ register: registry })

  const stage = new Histogram({
    name: 'prediction_stage_duration_seconds',
    help: 'Time of a stage: tokenize (a request), queue (a text) and inference (a run).',
    labelNames: ['stage'],
    buckets: SECONDS,
    registers,
  })
  const rejected = new Counter({
    name: 'prediction_rejected_total',
    help: 'Requests that got no inference, by reason.',
    labelNames: ['reason'],
    registers,
  })
  const batchSize = new Histogram({
    name: 'inference_batch_size',
    help: 'Texts that shared a run.',
    buckets: [1, 2, 4, 8, 16],
    registers,
  })
  const tokens = new Counter({
    name: 'inference_tokens_total',
    help: 'Tokens computed: of texts (text), and those that only filled up the shorter texts of a batch (padding).',
    labelNames: ['kind'],
    registers,
  })
  const workerRestarts = new Counter({
    name: 'inference_worker_restarts_total',
    help: 'Worker threads that ended unasked and were replaced.',
    registers,
  })

  return {
    predictionDuration: new Histogram({
      name: 'prediction_duration_seconds',
      help: 'Time from reading the body of a prediction request to its answer.',
      labelNames: ['endpoint'],
      buckets: SECONDS,
      registers,
    }),
    predictionRequests: new Counter({
      name: 'prediction_requests_total',
      help: 'Prediction requests by endpoint and HTTP status; 499: the caller went away.',
      labelNames: ['endpoint', 'status'],
      registers,
    }),
    sentimentScore: new Histogram({
      name: 'sentiment_score',
      help: 'Probability of the predicted label.',
      labelNames: ['sentiment'],
      buckets: [0, 0.25, 0.5, 0.75, 1],
      registers,
    }),
    truncated: new Counter({
      name: 'prediction_truncated_total',
      help: "Texts that were longer than the model's maximal length.",
      registers,
    }),
    forwarded: new Counter({
      name: 'forwarded_requests_total',
      help: "Requests forwarded to another version's Service, by outcome: the HTTP status or the error code.",
      labelNames: ['version', 'outcome'],
      registers,
    }),
    armRequests: new Counter({
      name: 'valence_arm_requests_total',
      help: 'Requests that the split gave to a version, whoever answered them in the end.',
      labelNames: ['version'],
      registers,
    }),
    armFailures: new Counter({
      name: 'valence_arm_failures_total',
      help: 'Of these: those that failed their version, by how; slow ones were answered, but late.',
      labelNames: ['version', 'kind'],
      registers,
    }),
    armDuration: new Histogram({
      name: 'valence_arm_duration_seconds',
      help: 'Time from the choice of a version to its answer or failure.',
      labelNames: ['version'],
      buckets: SECONDS,
      registers,
    }),
    shadowRequests: new Counter({
      name: 'valence_shadow_requests_total',
      help: 'Requests of which a copy was meant for the candidate, by outcome: compared, failed or dropped.',
      labelNames: ['version', 'outcome'],
      registers,
    }),
    shadowTexts: new Counter({
      name: 'valence_shadow_texts_total',
      help: 'Texts that stable and candidate both have judged, by whether the candidate gave the same label or another.',
      labelNames: ['version', 'label'],
      registers,
    }),
    routingReloads: new Counter({
      name: 'routing_reloads_total',
      help: 'Changes of the routing file by result: applied or refused.',
      labelNames: ['result'],
      registers,
    }),
    routingEpoch: new Gauge({
      name: 'routing_epoch',
      help: 'Epoch of the routing file in force; -1 without one.',
      registers,
    }),
    modelInfo: new Gauge({
      name: 'model_info',
      help: 'The model that this pod serves; always 1.',
      labelNames: ['model', 'version', 'digest', 'precision'],
      registers,
    }),
    cpuInfo: new Gauge({
      name: 'inference_cpu_info',
      help: 'The CPU that this pod computes on, with those of its instruction sets that int8 depends on; always 1.',
      labelNames: ['model', 'flags'],
      registers,
    }),
    onTokenized: (seconds: number): void => stage.observe({ stage: 'tokenize' }, seconds),
    engineObserver: {
      queued: (seconds) => stage.observe({ stage: 'queue' }, seconds),
      inferred(run) {
        stage.observe({ stage: 'inference' }, run.seconds)
        batchSize.observe(run.rows)
        tokens.inc({ kind: 'text' }, run.tokens)
        tokens.inc({ kind: 'padding' }, run.paddedTokens - run.tokens)
      },
      rejected: (reason) => rejected.inc({ reason }),
      workerRestarted: () => workerRestarts.inc(),
    } satisfies EngineObserver,
    /** Gauges that ask the engine at each scrape. */
    watchEngine(engine: Pick<Engine, 'liveWorkers' | 'queued' | 'tokensInFlight' | 'expectedWaitSeconds'>): void {
      new Gauge({
        name: 'inference_queue_depth',
        help: 'Texts that wait for a worker.',
        registers,
        collect() {
          this.set(engine.queued)
        },
      })
      new Gauge({
        name: 'inference_tokens_in_flight',
        help: 'Tokens of the texts that wait or run: the work that this pod has.',
        registers,
        collect() {
          this.set(engine.tokensInFlight)
        },
      })
      new Gauge({
        name: 'inference_expected_wait_seconds',
        help: 'Time until a text that came now would begin to run, as estimated: what requests are refused by.',
        registers,
        collect() {
          this.set(engine.expectedWaitSeconds)
        },
      })
      new Gauge({
        name: 'inference_workers',
        help: 'Worker threads that can take a text.',
        registers,
        collect() {
          this.set(engine.liveWorkers)
        },
      })
    },
  }
}
