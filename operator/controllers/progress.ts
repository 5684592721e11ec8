import type { Logger } from 'pino'
import { request } from 'undici'
import { z } from 'zod'
import { PORTS } from '../../contract/names.ts'
import type { PodObservation, Progress } from '../plan/observed.ts'

const answer = z.object({
  progress: z.number().min(0).max(1),
  step: z.int().nonnegative().nullish(),
  loss: z.number().nonnegative().nullish(),
  etaSeconds: z.number().nonnegative().nullish(),
})

export type ReadProgress = (pod: PodObservation, signal: AbortSignal) => Promise<Progress | undefined>

const TIMEOUT_MS = 2_000
/** The answer has a handful of numbers; a pod that says more is not listened to. */
const MAX_BYTES = 16_384

/** Asks a running trainer how far it is. Progress is a courtesy: without an answer the run goes on and the status shows none. */
export function createReadProgress(log: Logger): ReadProgress {
  return async (pod, signal) => {
    if (pod.ip === undefined || pod.phase !== 'Running') return undefined
    const host = pod.ip.includes(':') ? `[${pod.ip}]` : pod.ip
    try {
      const { statusCode, body } = await request(`http://${host}:${PORTS.metrics}/progress`, {
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: TIMEOUT_MS,
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      })
      const chunks: Buffer[] = []
      let size = 0
      for await (const chunk of body as AsyncIterable<Buffer>) {
        size += chunk.length
        if (size > MAX_BYTES) throw new RangeError(`more than ${MAX_BYTES} bytes`)
        chunks.push(chunk)
      }
      if (statusCode !== 200) throw new Error(`status ${statusCode}`)
      const { progress, step, loss, etaSeconds } = answer.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')))
      return {
        ratio: progress,
        ...(typeof step === 'number' && { step }),
        ...(typeof loss === 'number' && { loss }),
        ...(typeof etaSeconds === 'number' && { etaSeconds }),
      }
    } catch (err) {
      log.debug({ pod: pod.name, err }, 'the trainer did not say how far it is')
      return undefined
    }
  }
}
