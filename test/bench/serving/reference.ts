/** What PyTorch says of the texts, asked once for each artifact and set of texts, and kept. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { say } from '../progress.ts'
import type { Artifact } from './artifact.ts'
import { run } from './run-program.ts'

const reference = z.object({
  ids: z.array(z.array(z.int())),
  labels: z.array(z.string()),
  scores: z.array(z.number()),
  torch: z.string(),
  transformers: z.string(),
})
export type Reference = z.infer<typeof reference>

export async function readReference(
  { artifact, texts, python, cache }: { artifact: Artifact; texts: readonly string[]; python: string; cache: string },
  signal: AbortSignal,
): Promise<Reference> {
  const program = 'test/bench/serving/opponents/reference.py'
  const input = JSON.stringify(texts)
  const hash = createHash('sha256').update(artifact.digest).update(readFileSync(program)).update(python).update(input)
  const file = join(cache, 'references', `${hash.digest('hex').slice(0, 16)}.json`)
  if (!existsSync(file)) {
    say(`asking PyTorch for its answers to ${texts.length} texts ...`)
    const output = await run(python, [program, artifact.checkpoint, String(artifact.maxLength)], {
      signal,
      input,
      env: { HF_HUB_OFFLINE: '1', TOKENIZERS_PARALLELISM: 'false' },
    })
    reference.parse(JSON.parse(output))
    mkdirSync(join(cache, 'references'), { recursive: true })
    writeFileSync(file, output)
  }
  const read = reference.parse(JSON.parse(readFileSync(file, 'utf8')))
  if (read.labels.length !== texts.length) throw new Error(`${file} is of other texts: remove it`)
  return read
}
