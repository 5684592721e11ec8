/** A version's name is made of what was asked, never of how it is run. */
import { datasetSpec, hyperparameters } from '../../contract/job-spec.ts'
import type { ModelVersionSpec } from '../api/v1alpha1/model-version.ts'
import type { SentimentModelSpec } from '../api/v1alpha1/sentiment-model.ts'
import { shortHash } from './canonical-json.ts'

export interface VersionIdentity {
  name: string
  spec: ModelVersionSpec
}

/** The version that the spec asks for: `<model>-<hash>`. Same inputs, same name, so nothing is trained twice. */
export function desiredVersion(model: string, spec: SentimentModelSpec): VersionIdentity {
  const { evaluation } = spec.gates
  return identify({ model, labels: spec.labels, source: spec.source, ...(evaluation && { evaluation }) })
}

/** The naive model that the spec declares, a version of its own. */
export function baselineVersion(model: string, spec: SentimentModelSpec): VersionIdentity | undefined {
  if (!spec.baseline) return undefined
  const { evaluation } = spec.gates
  return identify({
    model,
    role: 'baseline',
    labels: spec.labels,
    source: { import: spec.baseline },
    ...(evaluation && { evaluation }),
  })
}

/** Everything that the spec asks for: its source, its baseline and its pin. A version outside of it is not trained any further. */
export function wantedVersions(model: string, spec: SentimentModelSpec): Set<string> {
  const names = [desiredVersion(model, spec).name, baselineVersion(model, spec)?.name, spec.serving.version]
  return new Set(names.filter((name) => name !== undefined))
}

function identify(spec: ModelVersionSpec): VersionIdentity {
  const { model, ...what } = spec
  return { name: `${model}-${shortHash(normalized(what))}`, spec }
}

/**
 * Values that equal their default are left out, so that a field added later, with a default that keeps today's meaning,
 * changes no existing name. Hyperparameters are compared as numbers: "2e-5" is "0.00002". Elsewhere a text is a text: "1e3" may be
 * a column, and an abbreviated commit.
 */
function normalized(what: Omit<ModelVersionSpec, 'model'>): unknown {
  const train = what.source.train
  const source = train
    ? {
        train: {
          ...train,
          dataset: withoutDefaults(train.dataset, datasetSpec.parse({ uri: '' })),
          hyperparameters: withoutDefaults(
            decimalsAsNumbers(train.hyperparameters),
            decimalsAsNumbers(hyperparameters.parse({})),
          ),
        },
      }
    : what.source
  const evaluation =
    what.evaluation && withoutDefaults(what.evaluation.dataset, { ...datasetSpec.parse({ uri: '' }), split: 'test' })
  const { role, labels } = what
  return { ...(role && { role }), labels, source, ...(evaluation && { evaluation }) }
}

function withoutDefaults(value: object, defaults: object): Record<string, unknown> {
  const fallback = new Map<string, unknown>(Object.entries(defaults))
  const kept: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue
    if (typeof item === 'object' && item !== null && !Array.isArray(item)) {
      const inner = withoutDefaults(item as object, fallback.get(key) ?? {})
      if (Object.keys(inner).length > 0) kept[key] = inner
    } else if (item !== fallback.get(key)) {
      kept[key] = item
    }
  }
  return kept
}

const DECIMAL = /^-?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i

function decimalsAsNumbers(value: object): object {
  const entries = Object.entries(value).map(([key, item]: [string, unknown]) =>
    typeof item === 'string' && DECIMAL.test(item) ? [key, String(Number(item))] : [key, item],
  )
  return Object.fromEntries(entries) as object
}
