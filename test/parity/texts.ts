/** Texts to tokenize: of the quickstart, of every sort that is hard, and all of the shared data sets where they are. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { gunzipSync } from 'node:zlib'

const ROOT = join(import.meta.dirname, '..', '..')
/** Beside the checkout, unless VALENCE_SHARED_DATA says where. */
export const SHARED = process.env['VALENCE_SHARED_DATA'] ?? join(ROOT, '..', 'shared', 'data')
export const hasShared = existsSync(SHARED)

/** What tokenizers are known to stumble over. */
const HARD = [
  ...['', ' ', '\n', '\t a \r\n b \u00a0 c\u3000d', 'x'.repeat(99), 'y'.repeat(101), `${'word '.repeat(600)}end`],
  ...[
    'don’t — stop… “now”',
    "it's 5:30 p.m.",
    '$9.99!!! #1 @you ~^`|<>=+',
    'a/b\\c_d-e',
    '[CLS] [SEP] <s> </s> [MASK]x',
  ],
  ...[
    'ÀÉÎÕÜ àéîõü ﬁ ﬀ ① Å',
    'e\u0301 \u0301 a\u0323\u0302',
    'İstanbul ıI',
    'ΟΔΥΣΣΕΥΣ ΣΑΣ Σ',
    'STRASSE straße ẞ',
    'Ω Ω K K',
  ],
  ...[
    '中文影评不错',
    '日本語のテキスト',
    '한국어 영화',
    'ภาพยนตร์ดีมาก',
    'مرحبا بالعالم',
    'שלום',
    'हिन्दी',
    '𠀀𠀁 𝒳𝓎 😀👍🏽👨‍👩‍👧 🇩🇪',
  ],
  ...[
    'a\u200bb\u00adc\ufeffd\u2028e\u2029f',
    'nul\u0000l \ufffd \u0007',
    '\ud800 alone \udc00',
    '  lead and trail  ',
    '\u1680x\u180ey\u205fz',
  ],
]

export interface Source {
  name: string
  texts: string[]
}

export async function* sources(): AsyncGenerator<Source> {
  // A lone half of a pair has no UTF-8, so Python can't be asked about it.
  yield { name: 'hard texts', texts: HARD.map((text) => text.toWellFormed()) }
  yield* filesOf(join(ROOT, 'dev', 'quickstart', 'data'))
  if (hasShared) yield* filesOf(SHARED)
}

async function* filesOf(directory: string): AsyncGenerator<Source> {
  const entries = await readdir(directory, { recursive: true })
  for (const entry of entries.toSorted()) {
    if (!/\.(tsv|jsonl)(\.gz)?$/.test(entry)) continue
    const bytes = await readFile(join(directory, entry))
    const text = (entry.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
    const [header = '', ...rows] = text.split('\n')
    const texts = entry.includes('.jsonl')
      ? [header, ...rows].flatMap(ofJson)
      : rows.map((row) => row.split('\t')[0] ?? '')
    yield { name: relative(ROOT, join(directory, entry)), texts }
  }
}

function ofJson(line: string): string[] {
  if (line === '') return []
  const row = JSON.parse(line) as { text?: string; original?: string; revised?: string; texts?: string[] }
  return [row.text, row.original, row.revised, ...(row.texts ?? [])].filter((text) => text !== undefined)
}
