/** Entry of the evaluator: `evaluate --artifact <directory> [--against <directory>] --spec <json | @file>`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { z } from 'zod'
import { EXIT_CODES, TERMINATION_MESSAGE_PATH } from '../contract/names.ts'
import { evaluatorSpec, type EvaluatorSpec } from '../contract/job-spec.ts'
import type { EvaluatorResult } from '../contract/termination.ts'
import type { Stable } from './evaluation/against.ts'
import { evaluateArtifact } from './evaluation/evaluate-artifact.ts'
import { InterruptedError, SpecError, failureOf, terminationMessage } from './evaluation/outcome.ts'
import { evaluationReport } from './evaluation/report.ts'
import { writeAtomically } from './evaluation/write-atomically.ts'

const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime })

interface Arguments {
  directory: string
  spec: EvaluatorSpec
  stable: Stable | undefined
}

function readArguments(args: string[]): Arguments {
  const usage = 'usage: evaluate --artifact <directory> [--against <directory>] --spec <json | @file>'
  const options = { artifact: { type: 'string' }, against: { type: 'string' }, spec: { type: 'string' } } as const
  let values: { [name in keyof typeof options]?: string | undefined }
  try {
    values = parseArgs({ args, options }).values
  } catch (cause) {
    throw new SpecError(`${cause instanceof Error ? cause.message : String(cause)}; ${usage}`, { cause })
  }
  if (values.artifact === undefined || values.spec === undefined) throw new SpecError(usage)
  const spec = readSpec(values.spec)
  return { directory: values.artifact, spec, stable: readStable(values.against, spec) }
}

/** One without the other would compare with an artifact that nobody has pinned, or with none without saying so. */
function readStable(directory: string | undefined, spec: EvaluatorSpec): Stable | undefined {
  if (directory !== undefined && spec.against) return { directory, spec: spec.against }
  if (directory !== undefined) throw new SpecError('--against needs the field against of the spec')
  if (spec.against) throw new SpecError('the field against of the spec needs --against')
  return undefined
}

function readSpec(argument: string): EvaluatorSpec {
  let value: unknown
  try {
    value = JSON.parse(argument.startsWith('@') ? readFileSync(argument.slice(1), 'utf8') : argument)
  } catch (cause) {
    throw new SpecError(`--spec: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
  const parsed = evaluatorSpec.safeParse(value)
  if (!parsed.success) throw new SpecError(`--spec: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`)
  return parsed.data
}

async function evaluate(signal: AbortSignal): Promise<EvaluatorResult> {
  const { directory, spec, stable } = readArguments(process.argv.slice(2))
  const report = await evaluateArtifact({ directory, spec, stable, log, signal })
  const file = `evaluation-${spec.attempt}.json`
  await writeAtomically(join(directory, file), `${JSON.stringify(evaluationReport.parse(report), null, 2)}\n`)
  return { result: 'Succeeded', report: file, summary: report.summary }
}

function finish(result: EvaluatorResult, exitCode: number): void {
  const path = process.env['TERMINATION_MESSAGE_PATH'] ?? TERMINATION_MESSAGE_PATH
  try {
    writeFileSync(path, terminationMessage(result))
  } catch (error) {
    // Outside of a pod nobody reads it; the log has the result too.
    log.warn({ err: error, path }, 'the termination message could not be written')
  }
  if (result.result === 'Succeeded') log.info(result, 'evaluated')
  else log.fatal(result, `evaluation failed: ${result.reason}: ${result.message}`)
  process.exitCode = exitCode
}

const interruption = new AbortController()
for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.once(name, () => interruption.abort(new InterruptedError(`stopped by ${name}`)))
}

try {
  finish(await evaluate(interruption.signal), EXIT_CODES.done)
} catch (error) {
  // Whatever an interruption broke on its way, it is the cause.
  const cause: unknown = interruption.signal.aborted ? interruption.signal.reason : error
  if (!(cause instanceof Error) || cause.name === 'Error') log.error({ err: cause }, 'unexpected')
  const { result, exitCode } = failureOf(cause)
  finish(result, exitCode)
}
