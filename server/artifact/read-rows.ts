import { readFile } from 'node:fs/promises'
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
  // Lines end with \n only: a text may hold the other separators that line readers split at (U+2028, a lone \r).
  for (const [index, line] of (await readFile(artifact.path(file), 'utf8')).split('\n').entries()) {
    const number = index + 1
    if (line.trim() === '') continue
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
