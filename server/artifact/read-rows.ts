import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { ArtifactError } from './artifact-error.ts'
import { EVALUATION_FILE, PARITY_FILE, evaluationRow, parityRow, type EvaluationRow, type ParityRow } from './rows.ts'
import type { VerifiedArtifact } from './verify.ts'

/** Rows of parity.jsonl; each has one logit for each label. */
export async function readParityRows(artifact: VerifiedArtifact): Promise<ParityRow[]> {
  const labels = artifact.manifest.labels.length
  const rows = await readRows(artifact, PARITY_FILE, parityRow, (row) =>
    row.logits.length === labels ? undefined : `has ${row.logits.length} logits, the manifest has ${labels} labels`,
  )
  if (rows.length === 0) throw new ArtifactError('RowInvalid', PARITY_FILE, 'has no rows')
  return rows
}

/** Rows of evaluation.jsonl; none where the artifact has no such file. */
export async function readEvaluationRows(artifact: VerifiedArtifact): Promise<EvaluationRow[]> {
  if (!artifact.has(EVALUATION_FILE)) return []
  const labels = artifact.manifest.labels
  return readRows(artifact, EVALUATION_FILE, evaluationRow, (row) =>
    labels.includes(row.label) ? undefined : `label "${row.label}" is none of ${labels.join(', ')}`,
  )
}

async function readRows<Row>(
  artifact: VerifiedArtifact,
  file: string,
  schema: z.ZodType<Row>,
  objection: (row: Row) => string | undefined,
): Promise<Row[]> {
  const rows: Row[] = []
  const lines = createInterface({ input: createReadStream(artifact.path(file), 'utf8'), crlfDelay: Infinity })
  let number = 0
  for await (const line of lines) {
    number++
    if (line === '') continue
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch (cause) {
      throw new ArtifactError('RowInvalid', file, `line ${number} is not JSON`, { cause })
    }
    const parsed = schema.safeParse(value)
    const reason = parsed.success ? objection(parsed.data) : z.prettifyError(parsed.error).replaceAll('\n', ' ')
    if (reason !== undefined) throw new ArtifactError('RowInvalid', file, `line ${number}: ${reason}`)
    if (parsed.success) rows.push(parsed.data)
  }
  return rows
}
