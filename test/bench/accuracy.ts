/**
 * Accuracy of a running model on a file of labelled texts, asked one by one through POST /predict:
 *   node test/bench/accuracy.ts --url http://localhost:8000 --data test.tsv [--labels negative,positive] [--concurrency 8]
 * The file is tab-separated with a header line `text<TAB>label`, labels are class indexes. Prints JSON.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Pool } from 'undici'
import { z } from 'zod'

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://localhost:8000' },
    data: { type: 'string' },
    labels: { type: 'string', default: 'negative,positive' },
    concurrency: { type: 'string', default: '8' },
  },
})
if (values.data === undefined)
  throw new Error('--data is missing: a tab-separated file with the columns text and label')
const names = values.labels.split(',')
const rows = readRows(values.data)
const answer = z.object({ sentiment: z.string(), score: z.number() })

const pool = new Pool(values.url, { connections: Number(values.concurrency) })
const begin = performance.now()
const versions = new Set<string>()
const confusion = names.map(() => names.map(() => 0))
let next = 0
await Promise.all(Array.from({ length: Number(values.concurrency) }, work))
const seconds = (performance.now() - begin) / 1000
await pool.close()

const right = confusion.reduce((sum, row, index) => sum + (row[index] ?? 0), 0)
console.log(
  JSON.stringify(
    {
      rows: rows.length,
      accuracy: right / rows.length,
      confusion,
      versions: [...versions],
      seconds,
      perSecond: rows.length / seconds,
    },
    null,
    2,
  ),
)

async function work(): Promise<void> {
  for (let row = rows[next++]; row !== undefined; row = rows[next++]) {
    const { statusCode, headers, body } = await pool.request({
      method: 'POST',
      path: '/predict',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: row.text }),
    })
    const text = await body.text()
    if (statusCode !== 200) throw new Error(`${row.text}: ${statusCode} ${text}`)
    versions.add(String(headers['x-model-version']))
    const predicted = names.indexOf(answer.parse(JSON.parse(text)).sentiment)
    const counts = confusion[row.label]
    if (counts?.[predicted] === undefined)
      throw new Error(`label ${row.label} or answer ${text} is none of ${values.labels}`)
    counts[predicted] += 1
  }
}

function readRows(file: string): { text: string; label: number }[] {
  const [header, ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n')
  if (header !== 'text\tlabel')
    throw new Error(`${file}: the first line is ${JSON.stringify(header)}, not text<TAB>label`)
  return lines.map((line, index) => {
    const [text, label, ...rest] = line.split('\t')
    if (text === undefined || label === undefined || rest.length > 0)
      throw new Error(`${file}:${index + 2}: not two columns`)
    return { text, label: Number(label) }
  })
}
