/** How an evaluation ends: its termination message and its exit code. */
import { EXIT_CODES, TERMINATION_MESSAGE_LIMIT } from '../../contract/names.ts'
import type { EvaluatorResult, FAILURE_REASONS } from '../../contract/termination.ts'
import { ArtifactError } from '../artifact/artifact-error.ts'
import { InferenceError } from '../inference/inference-error.ts'

type Reason = (typeof FAILURE_REASONS)[number]

/** The arguments or the spec are at fault. */
export class SpecError extends Error {
  override readonly name = 'SpecError'
}

export class InterruptedError extends Error {
  override readonly name = 'InterruptedError'
}

const MESSAGE_CHARACTERS = 2048

export function failureOf(error: unknown): { result: EvaluatorResult; exitCode: number } {
  const message = error instanceof Error ? error.message : String(error)
  const failed = (reason: Reason, exitCode: number) => ({
    result: { result: 'Failed' as const, reason, message: message.slice(0, MESSAGE_CHARACTERS).toWellFormed() },
    exitCode,
  })
  if (error instanceof SpecError) return failed('SpecInvalid', EXIT_CODES.invalid)
  const isModelAtFault = error instanceof InferenceError && error.code === 'InferenceFailed'
  if (error instanceof ArtifactError || isModelAtFault) return failed('ArtifactInvalid', EXIT_CODES.invalid)
  if (error instanceof InterruptedError) return failed('Interrupted', 1)
  const code = (error as { code?: unknown } | undefined)?.code
  if (code === 'ENOSPC' || code === 'EDQUOT') return failed('StorageFull', 1)
  return failed('InternalError', 1)
}

/** JSON within the limit, because the kubelet would cut it anywhere: golden texts are dropped from the end, a long message is cut. */
export function terminationMessage(result: EvaluatorResult): string {
  const text = JSON.stringify(result)
  if (Buffer.byteLength(text) <= TERMINATION_MESSAGE_LIMIT) return text
  if (result.result === 'Failed') {
    return terminationMessage({ ...result, message: result.message.slice(0, Math.floor(result.message.length / 2)) })
  }
  const { golden = [] } = result.summary
  // Without them everything left is of bounded length.
  if (golden.length === 0) return text
  return terminationMessage({ ...result, summary: { ...result.summary, golden: golden.slice(0, -1) } })
}
