/**
 * `valence verify`: reads the decisions of a model, recomputes each judgement from its counts and follows the chain of hashes.
 *
 *   node dist/operator/verify.js --namespace default --model reviews
 *   node dist/operator/verify.js decision-1.json decision-2.json
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Registry } from 'prom-client'
import { DECISION_FILE } from '../contract/decision.ts'
import { LABELS, labelsOf } from './builders/metadata.ts'
import { readDecisions, type DecisionRecord } from './builders/decision.ts'
import { createKubeClient } from './kube/client.ts'
import { createKubeMetrics } from './kube/metrics.ts'
import { configMaps, type ConfigMap } from './kube/resource.ts'
import { createTransport } from './kube/transport.ts'
import { decisionHash, recompute } from './plan/rollout/decision.ts'
import { systemClock } from './runtime/clock.ts'

const USAGE = 'usage: verify --namespace <namespace> --model <model> | verify <decision.json>...'

/** Exit code where there is nothing to verify: a model without a rollout is no alarm. */
const NOTHING = 3

interface Found {
  records: DecisionRecord[]
  /** What was looked at and is none. */
  unreadable: string[]
}

async function fromCluster(namespace: string, model: string): Promise<Found> {
  // Files need no Kubernetes client, which takes longer to load than all the rest.
  const { connect } = await import('./kube/connection.ts')
  const connection = connect({ clock: systemClock })
  const metrics = createKubeMetrics(new Registry())
  const transport = createTransport({ connection, clock: systemClock, metrics, userAgent: 'valence-verify' })
  try {
    const { component, model: label } = LABELS
    const labelSelector = `${label}=${model},${component}=${labelsOf(model, 'decision')[component] ?? ''}`
    const { items } = await createKubeClient({ transport }).list(configMaps, { namespace, labelSelector })
    return found(items)
  } finally {
    await connection.close()
  }
}

const fromFiles = (files: readonly string[]) =>
  found(
    files.map((name) => ({
      metadata: { name, labels: { [LABELS.decision]: '' } },
      data: { [DECISION_FILE]: readFileSync(name, 'utf8') },
    })),
  )

/** What can't be read is not passed over: whoever has made it so has something to hide. */
function found(items: readonly ConfigMap[]): Found {
  const records = readDecisions(items)
  const names = new Set(records.map(({ name }) => name))
  return { records, unreadable: items.map(({ metadata }) => metadata.name).filter((name) => !names.has(name)) }
}

/** One line for each decision; true where all of them hold. */
function report(records: readonly DecisionRecord[]): boolean {
  let isSound = true
  records.forEach(({ decision }, index) => {
    const before = records[index - 1]
    const differences = recompute(decision)
    if (before && decision.previous !== decisionHash(before.text))
      differences.push(`decision ${before.decision.number} is not the one that this one was written after`)
    if (before && decision.number !== before.decision.number + 1)
      differences.push(`decision ${before.decision.number + 1} is missing`)
    if (differences.length > 0) isSound = false
    const result = differences.length === 0 ? 'same' : `different: ${differences.join('; ')}`
    const { number, time, kind, reason, candidate } = decision
    process.stdout.write(`${number} ${time} ${kind} ${candidate.version} (${reason}): ${result}\n`)
  })
  return isSound
}

async function main(): Promise<number> {
  const asked = parsedArguments()
  if (!asked) {
    process.stderr.write(`${USAGE}\n`)
    return 2
  }
  const { records, unreadable } =
    'files' in asked ? fromFiles(asked.files) : await fromCluster(asked.namespace, asked.model)
  for (const name of unreadable) process.stderr.write(`${name} is no decision\n`)
  if (records.length === 0 && unreadable.length === 0) {
    const where = 'files' in asked ? 'these files' : `the model ${asked.model} of the namespace ${asked.namespace}`
    process.stderr.write(`there is no decision on record for ${where}\n`)
    return NOTHING
  }
  return report(records) && unreadable.length === 0 ? 0 : 1
}

function parsedArguments(): { namespace: string; model: string } | { files: string[] } | undefined {
  const options = { namespace: { type: 'string' }, model: { type: 'string' } } as const
  try {
    const { values, positionals: files } = parseArgs({ options, allowPositionals: true })
    const { namespace, model } = values
    if (namespace === undefined && model === undefined) return files.length > 0 ? { files } : undefined
    return namespace !== undefined && model !== undefined && files.length === 0 ? { namespace, model } : undefined
  } catch {
    return undefined
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
