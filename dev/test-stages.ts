/** The stages of `npm test`. Each runs one or more test runners and gives how many tests passed and failed. */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { command, CommandFailed, type CommandOptions } from './command.ts'
import type { Preparation } from './prepare.ts'
import { NAMESPACE } from './quickstart/install.ts'
import { PROGRAMS, STATE } from './state.ts'
import type { StepContext } from './steps.ts'
import { add, countJunit, countLint, countVitest, NONE, ONE_FAILURE, type Count } from './test-results.ts'

export const STAGES = ['lint', 'unit', 'integration', 'chart', 'trainer', 'e2e'] as const
export type Stage = (typeof STAGES)[number]

export const LOGS = join(STATE, 'logs', 'test')
const PATH = `${PROGRAMS}:${process.env['PATH'] ?? ''}`

export async function runStage(
  stage: Stage,
  context: StepContext,
  preparation: Preparation | undefined,
): Promise<Count> {
  switch (stage) {
    case 'lint':
      return lint(context, 'types', 'eslint', 'format', 'imports', 'unused', 'generated', 'shell')
    case 'unit':
      return vitest(context, 'unit', {})
    case 'integration':
      return vitest(context, 'integration', { PATH, VALENCE_CLUSTER_BIN: PROGRAMS })
    case 'chart':
      return lint({ ...context, env: { PATH: await pathWithGo(context) } }, 'chart', 'manifests', 'workflows')
    case 'trainer':
      return trainer(context)
    case 'e2e':
      if (preparation === undefined) throw new Error('end-to-end tests need a cluster')
      return endToEnd(context, preparation)
  }
}

async function lint(options: CommandOptions, ...checks: string[]): Promise<Count> {
  const count = countLint((await end(['dev/lint', ...checks], options)).output)
  if (count.passed + count.failed !== checks.length)
    throw new Error(`dev/lint gave ${String(count.passed + count.failed)} verdicts on ${String(checks.length)} checks`)
  return count
}

async function vitest(context: StepContext, project: string, env: Readonly<Record<string, string>>): Promise<Count> {
  const report = join(LOGS, `${project}.json`)
  rmSync(report, { force: true })
  const { hasFailed } = await end(
    ['vitest', 'run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    { ...context, env },
  )
  return checked(countVitest(readFileSync(report, 'utf8')), hasFailed)
}

/** Lint, types and tests of the trainer, and what it and the server do alike, in the environment of trainer/requirements-dev.lock. */
async function trainer(context: StepContext): Promise<Count> {
  const venv = (await command(['dev/trainer-venv.sh'], context)).trim()
  const env = { PATH: `${venv}/bin:${process.env['PATH'] ?? ''}`, RUFF: `${venv}/bin/ruff` }
  const checks = await lint({ ...context, env }, 'python')
  const types = await end(['bash', '-c', 'cd trainer && python -m mypy'], { ...context, env })
  const report = join(LOGS, 'trainer.xml')
  rmSync(report, { force: true })
  const tests = await end(['bash', '-c', 'cd trainer && python -m pytest --junitxml="$1"', 'pytest', report], {
    ...context,
    env: { ...env, PYTHONPATH: '.', PYTHONDONTWRITEBYTECODE: '1' },
  })
  return [
    checks,
    types.hasFailed ? ONE_FAILURE : { ...NONE, passed: 1 },
    checked(countJunit(readFileSync(report, 'utf8')), tests.hasFailed),
    await vitest(context, 'parity', env),
  ].reduce(add, NONE)
}

/** On the cluster of `preparation`, with the operator installed and the quickstart's data on its claim. */
async function endToEnd(context: StepContext, preparation: Preparation): Promise<Count> {
  const images = preparation.images()
  const env = {
    ...preparation.env,
    VALENCE_E2E_KUBECONFIG: preparation.env['KUBECONFIG'] ?? '',
    VALENCE_E2E_NAMESPACE: NAMESPACE,
    VALENCE_E2E_OPERATOR_IMAGE: images.operator,
    VALENCE_E2E_SERVER_IMAGE: images.server,
    VALENCE_E2E_TRAINER_IMAGE: images.trainer,
  }
  const stop = new AbortController()
  const volumes = preparation.refill(context, AbortSignal.any([context.signal, stop.signal]))
  try {
    return await vitest(context, 'e2e', env)
  } finally {
    stop.abort()
    await volumes
  }
}

interface Ended {
  readonly output: string
  readonly hasFailed: boolean
}

/** A test runner's exit status says that tests failed; what it wrote says which. */
async function end(line: readonly [string, ...string[]], options: CommandOptions): Promise<Ended> {
  try {
    return { output: await command(line, options), hasFailed: false }
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error
    return { output: error.output, hasFailed: true }
  }
}

/** A runner that ran nothing, or that failed without a failed test, is a failure. */
function checked(count: Count, hasFailed: boolean): Count {
  if (count.passed + count.failed === 0) throw new Error('no test was run')
  return hasFailed && count.failed === 0 ? { ...count, failed: 1 } : count
}

/** Go, for the linters that are Go modules: the machine's own, or the one that built the cluster's programs. */
async function pathWithGo(context: StepContext): Promise<string> {
  const program = '. dev/cluster/lib.sh && . dev/cluster/go.sh && dirname "$(command -v go)"'
  const folder = (await command(['bash', '-c', program], context)).trim()
  return `${folder}:${PATH}`
}
