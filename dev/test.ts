/** `npm test`, once dev/test has checked the machine: every stage, timed, and one closing line `N passed, N failed`. */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { command } from './command.ts'
import { prepare, programSteps, type Preparation } from './prepare.ts'
import { installSteps } from './quickstart/install.ts'
import { CLUSTERS, STATE } from './state.ts'
import { row, runSteps, tail, type Step } from './steps.ts'
import { add, describeCount, NONE, ONE_FAILURE, type Count } from './test-results.ts'
import { LOGS, runStage, STAGES, type Stage } from './test-stages.ts'

const [givenCluster, ...given] = process.argv.slice(2)
const cluster = CLUSTERS.find((one) => one === givenCluster)
if (cluster === undefined)
  throw new Error(`the cluster is '${String(givenCluster)}', but there are: ${CLUSTERS.join(', ')}`)
const stages = STAGES.filter((stage) => given.length === 0 || given.includes(stage))
const unknown = given.filter((name) => !STAGES.some((stage) => stage === name))
if (unknown.length > 0) throw new Error(`there is no stage '${unknown.join(', ')}'; there are: ${STAGES.join(', ')}`)

const minutes = Number(process.env['VALENCE_TEST_MINUTES'] ?? '85')
if (!(minutes > 0))
  throw new Error(`VALENCE_TEST_MINUTES is '${String(process.env['VALENCE_TEST_MINUTES'])}', not minutes`)
const interrupt = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => {
    interrupt.abort()
  })

const print = (line: string) => {
  console.log(line)
}
const counts = new Map<Stage, Count>()
const has = (...some: Stage[]) => some.some((stage) => stages.includes(stage))
const wasUp = existsSync(join(STATE, 'cluster-kind'))
const preparation = has('e2e') ? prepare(cluster) : undefined

const started = performance.now()
const results = await runSteps(
  [...prepareSteps(preparation), ...stages.map((stage) => stageStep(stage, preparation))],
  {
    logs: LOGS,
    signal: AbortSignal.any([interrupt.signal, AbortSignal.timeout(minutes * 60_000)]),
    failFast: false,
    print,
  },
)
// The table first: it is what there is to read where the end takes long or fails.
print('')
for (const result of results) print(row(result))
print(`  ${'all'.padEnd(28)}${((performance.now() - started) / 1000).toFixed(1).padStart(7)} s`)
const total = [
  // A stage that broke, or was not run, is one failure, so that nothing is passed over.
  ...stages.map((stage) => counts.get(stage) ?? ONE_FAILURE),
  preparation !== undefined && !wasUp && process.env['VALENCE_TEST_KEEP'] === undefined ? await down() : NONE,
].reduce(add, NONE)
if (total.failed > 0) {
  print(`\nLogs: ${LOGS}`)
  process.exitCode = 1
}
print(`${String(total.passed)} passed, ${String(total.failed)} failed`)

/** Removes the cluster that was made for the tests. One that stays is a failure. */
async function down(): Promise<Count> {
  const log = join(LOGS, 'down.log')
  rmSync(log, { force: true })
  try {
    await command(['dev/down', '--keep-logs'], { log, signal: AbortSignal.timeout(180_000) })
    return NONE
  } catch (error) {
    print(`  down FAILED: ${error instanceof Error ? error.message : String(error)}`)
    print(tail(log))
    return ONE_FAILURE
  }
}

function prepareSteps(preparation: Preparation | undefined): Step[] {
  const programs = (preparation?.programs.length ?? 0) > 0 ? preparation?.programs : undefined
  const needed = has('integration', 'chart') ? 2 : has('lint', 'trainer') ? 1 : 0
  const environment: Step = {
    name: 'trainer environment',
    needs: ['packages'],
    run: async (context) => {
      await command(['dev/trainer-venv.sh'], context)
      return undefined
    },
  }
  return [
    ...(programs ?? programSteps('tools').slice(0, needed)),
    ...(has('trainer') ? [environment] : []),
    // Without the quickstart's model: the tests apply models of their own.
    ...(preparation === undefined ? [] : [...preparation.steps, ...installSteps(preparation).slice(0, 2)]),
  ]
}

function stageStep(stage: Stage, preparation: Preparation | undefined): Step {
  const needs: Record<Stage, readonly string[]> = {
    lint: ['packages'],
    unit: [],
    integration: ['cluster programs'],
    chart: ['cluster programs'],
    trainer: ['trainer environment'],
    e2e: ['chart installed', 'quickstart data'],
  }
  return {
    name: stage,
    needs: needs[stage],
    // One after the other: tests that wait for each other's CPU time fail for no reason.
    lane: 'tests',
    run: async (context) => {
      const count = await runStage(stage, context, preparation)
      counts.set(stage, count)
      if (count.failed > 0) throw new Error(describeCount(count))
      return describeCount(count)
    },
  }
}
