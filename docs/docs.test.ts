/** The documentation says what the code does: lists that are read are held against the lists that run. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { FAILURE_REASONS } from '../contract/termination.ts'
import { parseSentimentModel } from '../operator/api/v1alpha1/sentiment-model.ts'
import { createKubeMetrics } from '../operator/kube/metrics.ts'
import type { BlockedReason } from '../operator/plan/blocked.ts'
import { createRolloutMetrics } from '../operator/controllers/rollout-metrics.ts'
import { createRuntimeMetrics } from '../operator/runtime/metrics.ts'
import { createMetrics } from '../server/metrics.ts'
import { ERROR_STATUS } from '../server/request-error.ts'

const root = join(import.meta.dirname, '..')
const read = (file: string) => readFile(join(root, file), 'utf8')
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...(await readdir(join(root, 'docs'), { recursive: true }))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

/** The code spans in the given column of the table under a heading, or in all tables of a page. */
function cells(markdown: string, column: number, heading?: string): string[] {
  const section = heading === undefined ? markdown : (markdown.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '')
  const rows = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
  return rows.flatMap((row) =>
    [...(row.split(/(?<!\\)\|/)[column] ?? '').matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? ''),
  )
}

// The compiler refuses this object when a reason is added or removed.
const blockedReasons: Record<BlockedReason, true> = {
  Unschedulable: true,
  ClaimMissing: true,
  ImagePullFailed: true,
  ConfigMissing: true,
  VolumeMountFailed: true,
  QuotaExceeded: true,
  AdmissionRefused: true,
  OutOfMemory: true,
  CrashLoop: true,
  ContainerStartFailed: true,
  ProbeFailing: true,
  PinnedVersionUnusable: true,
  NameTaken: true,
  ServiceMonitorMissing: true,
  SpecInvalid: true,
  DataInvalid: true,
  TrainingFailed: true,
  EvaluationFailed: true,
  GateFailed: true,
  RoutingUnconfirmed: true,
  SplitUnverified: true,
  ShadowDisagreement: true,
  RehearsalFailed: true,
}

describe('the documentation', () => {
  test('explains every reason of Blocked', async () => {
    const explained = cells(await read('docs/troubleshooting.md'), 1, 'Reasons of `Blocked`')
    expect(explained.toSorted()).toEqual(Object.keys(blockedReasons).toSorted())
  })

  test('explains every reason with which a container of ours can fail', async () => {
    const explained = cells(await read('docs/troubleshooting.md'), 1, 'Reasons of a failed attempt')
    expect(explained).toEqual(expect.arrayContaining([...FAILURE_REASONS]))
  })

  test('lists every error code of the API under its status', async () => {
    const rows = (await read('docs/api.md')).split('\n').filter((line) => /^\| \d{3} /.test(line))
    const listed = rows.flatMap((row) => cells(row, 2).map((code) => [code, Number(row.slice(2, 5))] as const))
    expect(Object.fromEntries(listed)).toEqual(ERROR_STATUS)
  })

  test('lists every metric of a serving pod and of the operator', async () => {
    const page = await read('docs/metrics.md')
    const names = async (register: (registry: Registry) => unknown) => {
      const registry = new Registry()
      register(registry)
      // Those of Node's process are named in a sentence.
      return (await registry.getMetricsAsJSON())
        .map(({ name }) => name)
        .filter((name) => !/^(process|nodejs)_/.test(name))
    }
    const serving = await names(createMetrics)
    const operator = [
      ...(await names(createRuntimeMetrics)),
      ...(await names(createKubeMetrics)),
      ...(await names(createRolloutMetrics)),
    ]
    expect(cells(page, 1, 'Serving pods: port 8001, `/metrics`')).toEqual(expect.arrayContaining(serving))
    expect(cells(page, 1, 'Operator: port 8080, `/metrics`').toSorted()).toEqual(operator.toSorted())
  })

  test('lists every metric of a training pod', async () => {
    const source = await read('trainer/valence_trainer/progress.py')
    const defined = [...source.matchAll(/Gauge\(\s*"([a-z_]+)"/g)].map(([, name]) => name ?? '')
    expect(defined).toContain('training_progress_ratio')
    const listed = cells(await read('docs/metrics.md'), 1, 'Training pods: port 8001, `/metrics`')
    expect(listed.toSorted()).toEqual(defined.toSorted())
  })

  test('shows a manifest that is valid as it stands', async () => {
    const [, manifest = ''] = /```yaml\n(apiVersion: valence[^]*?)```/.exec(await read('README.md')) ?? []
    const model = parse(manifest) as { metadata: object }
    expect(parseSentimentModel({ ...model, metadata: { ...model.metadata, namespace: 'default' } })).toMatchObject({
      ok: true,
    })
  })

  test('shows the examples of autoscaling as they are', async () => {
    const blocks = [...(await read('docs/autoscaling.md')).matchAll(/```yaml\n([^]*?)```/g)]
    const shown = blocks.map(([, block = '']) => parse(block) as unknown)
    for (const file of await readdir(join(root, 'docs', 'examples')))
      expect(shown, file).toContainEqual(parse(await read(`docs/examples/${file}`)))
  })

  test.each(pages)('links only to what is there: %s', async (page) => {
    const links = [...(await read(page)).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, target]) => target ?? '')
    const missing = links
      .filter((link) => !/^https?:/.test(link))
      .map((link) => relative(root, join(root, dirname(page), link)))
      .filter((path) => !existsSync(join(root, path)))
    expect(missing).toEqual([])
  })
})
