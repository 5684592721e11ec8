import { DECISION_FILE, decision, type Decision } from '../../contract/decision.ts'
import type { SentimentModel } from '../api/v1alpha1/sentiment-model.ts'
import type { ConfigMap } from '../kube/resource.ts'
import { LABELS, labelsOf, ownedBy } from './metadata.ts'

export const decisionName = (model: string, number: number) => `${model}-decision-${number}`

/** Also of a record that can't be read, such as one of another release: its name is taken all the same. */
export function nextNumber(model: string, configMaps: readonly ConfigMap[]): number {
  const prefix = decisionName(model, 0).slice(0, -1)
  const numbers = configMaps.flatMap(({ metadata: { name } }) => {
    const number = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : Number.NaN
    return Number.isSafeInteger(number) ? [number] : []
  })
  return Math.max(0, ...numbers) + 1
}

/** Immutable: the API server refuses any change of it. */
export function buildDecision(model: SentimentModel, record: Decision): ConfigMap {
  return {
    metadata: {
      name: decisionName(model.metadata.name, record.number),
      namespace: model.metadata.namespace,
      labels: { ...labelsOf(model.metadata.name, 'decision'), [LABELS.decision]: record.kind },
      ownerReferences: ownedBy(model),
    },
    immutable: true,
    data: { [DECISION_FILE]: `${JSON.stringify(record, null, 2)}\n` },
  }
}

export interface DecisionRecord {
  name: string
  /** As it is written: what is hashed. */
  text: string
  decision: Decision
}

/** The records among these, oldest first; what someone else has put under our label is not one. */
export function readDecisions(configMaps: readonly ConfigMap[]): DecisionRecord[] {
  return configMaps
    .flatMap(({ metadata, data }): DecisionRecord[] => {
      const text = data?.[DECISION_FILE]
      if (text === undefined || metadata.labels?.[LABELS.decision] === undefined) return []
      const parsed = decision.safeParse(parsedJson(text))
      return parsed.success ? [{ name: metadata.name, text, decision: parsed.data }] : []
    })
    .sort((a, b) => a.decision.number - b.decision.number)
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
