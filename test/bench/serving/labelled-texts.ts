/** Texts with the label that a person gave them, out of the folder that --data names. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { z } from 'zod'

export interface LabelledText {
  text: string
  /** Index of the label. */
  truth: number
}

/** Sentences of movie reviews. */
export function readSst2(data: string): LabelledText[] {
  const file = existing(join(data, 'sst2/test.tsv'))
  const [header, ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n')
  if (header !== 'text\tlabel')
    throw new Error(`${file}: the first line is ${JSON.stringify(header)}, not text<TAB>label`)
  return lines.map((line, index) => {
    const [text, label, ...rest] = line.split('\t')
    if (text === undefined || (label !== '0' && label !== '1') || rest.length > 0)
      throw new Error(`${file}:${index + 2}: not a text and 0 or 1`)
    return { text, truth: Number(label) }
  })
}

const review = z.object({ text: z.string(), label: z.union([z.literal(0), z.literal(1)]) })

/** Whole movie reviews, the first ones of the file; negative and positive alternate in it. */
export function readImdb(data: string, count: number): LabelledText[] {
  const file = existing(join(data, 'imdb/test.jsonl.gz'))
  return gunzipSync(readFileSync(file))
    .toString()
    .split('\n', count)
    .map((line) => {
      const { text, label } = review.parse(JSON.parse(line))
      return { text, truth: label }
    })
}

function existing(file: string): string {
  if (!existsSync(file))
    throw new Error(`${file} is missing: give --data the folder with sst2/test.tsv and imdb/test.jsonl.gz`)
  return file
}
