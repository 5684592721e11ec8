/** `npm run up`, once dev/up has checked the machine: from nothing to a model that answers. */
import { join } from 'node:path'
import { prepare } from './prepare.ts'
import { ask } from './quickstart/ask.ts'
import { installSteps, MODEL } from './quickstart/install.ts'
import { waitForModel } from './quickstart/wait.ts'
import { CLUSTERS, STATE } from './state.ts'
import { row, runSteps, type Step } from './steps.ts'

const [given, registry, tag] = process.argv.slice(2)
const cluster = CLUSTERS.find((one) => one === given)
if (cluster === undefined) throw new Error(`the cluster is '${String(given)}', but there are: ${CLUSTERS.join(', ')}`)

const print = (line: string) => {
  console.log(line)
}
const interrupt = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => {
    interrupt.abort()
  })

const preparation = prepare(cluster, registry, tag === '' ? 'latest' : tag)
let closing = ''
const steps: Step[] = [
  ...preparation.programs,
  ...preparation.steps,
  ...installSteps(preparation),
  {
    name: 'model ready',
    needs: ['model applied'],
    run: async (context) => {
      const { stable } = await waitForModel(context, preparation.env, (line) => {
        print(`  ... ${line}`)
      })
      const accuracy = stable?.accuracy === undefined ? 'not measured' : `${(stable.accuracy * 100).toFixed(1)} %`
      closing = `Version ${stable?.version ?? 'unknown'}, accuracy on held-out rows ${accuracy}, served as ${stable?.precision ?? 'unknown'}.`
      return `accuracy ${accuracy}`
    },
  },
  {
    name: 'answers',
    needs: ['model ready'],
    run: async () => {
      const answers = await ask(MODEL, preparation.env)
      closing = [
        '',
        ...answers.map(({ text, sentiment, score }) => `  ${sentiment.padEnd(10)}${score.toFixed(3)}  ${text}`),
        '',
        closing,
      ].join('\n')
      return undefined
    },
  },
]

const started = performance.now()
const results = await runSteps(steps, {
  logs: join(STATE, 'logs', 'up'),
  signal: interrupt.signal,
  failFast: true,
  print,
})
const installed = process.env['VALENCE_NODE_MODULES_SECONDS']
if (installed !== undefined) print(`  ${'node modules'.padEnd(28)}${installed.padStart(7)} s`)
print(
  `  ${'all'.padEnd(28)}${((performance.now() - started) / 1000 + Number(installed ?? 0)).toFixed(1).padStart(7)} s`,
)

if (results.some((result) => result.outcome !== 'done')) {
  for (const result of results.filter((one) => one.outcome === 'not run')) print(row(result))
  print(`\nLogs: ${join(STATE, 'logs', 'up')}. Run it again after mending the cause: what is done is not done again.`)
  process.exitCode = 1
} else {
  print(closing)
  print(`
Try next:
  . dev/env                                         # kubectl and helm of this cluster, for this shell
  kubectl get sentimentmodels,modelversions         # what is served, and how it was measured
  kubectl port-forward service/${MODEL} 8000 8001 &     # then: http://localhost:8000/docs, http://localhost:8001/metrics
  curl -s --retry 5 --retry-connrefused localhost:8000/predict -H 'content-type: application/json' -d '{"text": "I loved it."}'
  kubectl explain sentimentmodel.spec.source.train  # then change samples/quickstart.yaml and apply it: a new version
  npm run demo:canary                               # a new version takes over step by step, and a broken one is rolled back
  npm run down`)
}
