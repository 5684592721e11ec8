import type { Logger } from 'pino'
import { z } from 'zod'
import { PORTS } from '../../contract/names.ts'
import type { PodObservation, Progress } from '../plan/observed.ts'
import { podUrl, requestJson } from './pod-http.ts'

const answer = z.object({
  progress: z.number().min(0).max(1),
  step: z.int().nonnegative().nullish(),
  loss: z.number().nonnegative().nullish(),
  etaSeconds: z.number().nonnegative().nullish(),
})

export type ReadProgress = (pod: PodObservation, signal: AbortSignal) => Promise<Progress | undefined>

/** Asks a running trainer how far it is. Progress is a courtesy: without an answer the run goes on and the status shows none. */
export function createReadProgress(log: Logger): ReadProgress {
  return async (pod, signal) => {
    if (pod.ip === undefined || pod.phase !== 'Running') return undefined
    try {
      const url = `${podUrl(pod.ip, PORTS.metrics)}/progress`
      const { body } = await requestJson({ url, schema: answer, timeoutMs: 2_000, maxBytes: 16_384 }, signal)
      const { progress, step, loss, etaSeconds } = body
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
