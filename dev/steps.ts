/** Steps with a name, a time and a log each, which run as soon as what they need is there. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

export interface Step {
  readonly name: string
  /** Steps that must have succeeded. Where one did not, this step is not run. */
  readonly needs?: readonly string[]
  /** Steps that must have ended, in whatever way. */
  readonly after?: readonly string[]
  /** Steps with the same `lane` never run at the same time; they follow each other in the order in which they could start. */
  readonly lane?: string
  /** Gives a remark for the table of times. */
  readonly run: (context: StepContext) => Promise<string | undefined>
}

export interface StepContext {
  readonly log: string
  readonly signal: AbortSignal
}

export interface StepResult {
  readonly name: string
  readonly outcome: 'done' | 'failed' | 'not run'
  readonly seconds: number
  readonly remark: string
  readonly log: string
}

export interface StepOptions {
  /** Folder of the logs, one file a step. */
  readonly logs: string
  readonly signal: AbortSignal
  /** End the others at the first failure. */
  readonly failFast: boolean
  readonly print: (line: string) => void
}

/** Runs all steps and gives their results in the order of `steps`. Rejects only where the steps themselves make no sense. */
export async function runSteps(steps: readonly Step[], options: StepOptions): Promise<StepResult[]> {
  const lanes = new Map<string, Promise<unknown>>()
  const names = new Set(steps.map((step) => step.name))
  if (names.size !== steps.length) throw new Error('two steps have the same name')
  const started = new Map<string, Promise<StepResult>>()
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const isStopped = () => signal.aborted
  mkdirSync(options.logs, { recursive: true })

  for (const step of steps) {
    // A step names only steps before it, so there can be no cycle.
    const before = (list: readonly string[] = []) =>
      list.map((name) => {
        const result = started.get(name)
        if (result === undefined) throw new Error(`step '${step.name}' names '${name}', which is not a step before it`)
        return result
      })
    started.set(step.name, start(step, before(step.needs), before(step.after)))
  }
  return Promise.all(started.values())

  async function start(
    step: Step,
    needs: readonly Promise<StepResult>[],
    after: readonly Promise<StepResult>[],
  ): Promise<StepResult> {
    const log = join(options.logs, `${step.name.replaceAll(/[^a-z0-9]+/gi, '-')}.log`)
    const end = (outcome: StepResult['outcome'], seconds: number, remark: string) => ({
      name: step.name,
      outcome,
      seconds,
      remark,
      log,
    })
    const missing = (await Promise.all(needs)).find((result) => result.outcome !== 'done')
    await Promise.all(after)
    if (missing !== undefined) return end('not run', 0, `${missing.name}: ${missing.outcome}`)
    if (step.lane === undefined) return execute(step, log, end)
    const turn = (lanes.get(step.lane) ?? Promise.resolve()).then(() => execute(step, log, end))
    lanes.set(step.lane, turn)
    return turn
  }

  async function execute(
    step: Step,
    log: string,
    end: (outcome: StepResult['outcome'], seconds: number, remark: string) => StepResult,
  ): Promise<StepResult> {
    if (isStopped()) return end('not run', 0, 'stopped')
    rmSync(log, { force: true })
    const startedAt = performance.now()
    const seconds = () => (performance.now() - startedAt) / 1000
    try {
      const remark = (await step.run({ log, signal })) ?? ''
      const result = end('done', seconds(), remark)
      options.print(row(result))
      return result
    } catch (error) {
      const result = end('failed', seconds(), error instanceof Error ? error.message : String(error))
      if (!isStopped()) {
        options.print(row(result))
        options.print(tail(log))
      }
      if (options.failFast) stop.abort()
      return result
    }
  }
}

/** The last lines of a log, indented. */
export function tail(log: string, lines = 60): string {
  if (!existsSync(log)) return ''
  const all = readFileSync(log, 'utf8').trimEnd().split('\n')
  const cut = all.length > lines ? [`    (the last ${String(lines)} lines of ${log})`] : []
  return [...cut, ...all.slice(-lines).map((line) => `    ${line}`)].join('\n')
}

export function row(result: StepResult): string {
  const time = result.outcome === 'not run' ? 'not run' : `${result.seconds.toFixed(1)} s`
  const failed = result.outcome === 'failed' ? 'FAILED ' : ''
  return `  ${result.name.padEnd(28)}${time.padStart(9)}  ${failed}${result.remark}`.trimEnd()
}
