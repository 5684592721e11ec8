/** What every part of the benchmark works with. */
import { join } from 'node:path'
import type { Artifact } from './artifact.ts'
import { freePorts } from './free-ports.ts'
import type { LabelledText } from './labelled-texts.ts'
import type { LoadGenerator } from './load/load-generator.ts'
import type { AskedText } from './load/protocol.ts'
import type { Results } from './results.ts'
import type { RunningServer } from './running-server.ts'
import { startServer } from './running-server.ts'
import type { Server, Setting } from './servers.ts'
import { keyOf } from './servers.ts'
import type { Sizes } from './sizes.ts'
import type { CorpusText, Order } from './workloads.ts'

export type BenchText = AskedText & LabelledText & CorpusText & { ids: number[] }

export interface Bench {
  artifact: Artifact
  model: NonNullable<Results['model']>
  setting: Omit<Setting, 'port' | 'metricsPort'>
  texts: BenchText[]
  orders: Record<Order, Uint32Array>
  generator: LoadGenerator
  /** For the logs of servers. */
  folder: string
  servers: readonly Server[]
  sizes: Sizes
  /** What was measured until now, also by earlier parts of this run. */
  results: () => Results
  signal: AbortSignal
}

/** The server is ended also where the measurement fails. */
export async function withServer<T>(
  bench: Bench,
  server: Server,
  act: (running: RunningServer) => Promise<T>,
): Promise<T> {
  bench.signal.throwIfAborted()
  const [port = 0, metricsPort = 0] = await freePorts(2)
  const log = join(bench.folder, `${keyOf(server).replace(' ', '-')}.log`)
  const running = await startServer(server.launch({ ...bench.setting, port, metricsPort }), log)
  const { promise: interrupted, reject } = Promise.withResolvers<never>()
  const interrupt = (): void => reject(bench.signal.reason)
  bench.signal.addEventListener('abort', interrupt)
  interrupted.catch(() => undefined)
  try {
    return await Promise.race([act(running), interrupted])
  } finally {
    bench.signal.removeEventListener('abort', interrupt)
    await running.stop()
  }
}
