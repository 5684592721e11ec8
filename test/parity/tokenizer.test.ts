/**
 * Serving tokenizes in JavaScript, training in Python: the ids are the same, text by text. Not tried are the characters of which the two have
 * other tables: marks and punctuation of scripts that came to Unicode late, 658 of those below U+32000.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { VerifiedArtifact } from '../../server/artifact/verify.ts'
import { loadTokenizer } from '../../server/inference/tokenizer.ts'
import { makeTokenizer, PythonTokenizer, pythonOfTrainer, quickstartTokenizer } from './python.ts'
import { hasShared, SHARED, sources } from './texts.ts'

const LENGTHS = [512, 128, 32]
const UNCUT = 1_000_000
const BATCH = 256
/** Long texts make nearly all of the work: of them, tokenizers other than the quickstart's get a part. */
const LONG = 300_000

let python: string
let directory: string
beforeAll(() => {
  python = pythonOfTrainer()
  directory = mkdtempSync(join(tmpdir(), 'valence-parity-'))
}, 600_000)
afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
})

interface Seen {
  texts: number
  truncated: number
  /** With what each has made of the text. */
  different: object[]
}

interface How {
  /** Of long sources only every so manieth text. */
  step: number
  lengths?: readonly number[]
  isSame: (ours: readonly number[], python: readonly number[]) => boolean
  isLeftOut?: (text: string) => boolean
}

const inOrder: How['isSame'] = (ours, python) =>
  ours.length === python.length && ours.every((id, at) => id === python[at])
/** "mmm" is "m mm" as well as "mm m": of divisions that are equally likely each takes another. */
const inAnyOrder: How['isSame'] = (ours, python) =>
  inOrder(
    ours.toSorted((a, b) => a - b),
    python.toSorted((a, b) => a - b),
  )

async function compare(
  tokenizer: string,
  { step, lengths = LENGTHS, isSame, isLeftOut = () => false }: How,
): Promise<Seen> {
  const artifact = (maxLength: number) =>
    ({ path: (file: string) => join(tokenizer, file), manifest: { maxLength } }) as unknown as VerifiedArtifact
  const ours = await Promise.all(lengths.map((length) => loadTokenizer(artifact(length))))
  const theirs = new PythonTokenizer(python, tokenizer, lengths)
  const seen: Seen = { texts: 0, truncated: 0, different: [] }
  for await (const { name, texts } of sources()) {
    const isLong = texts.reduce((sum, text) => sum + text.length, 0) > LONG
    const chosen = texts.filter((text, index) => (!isLong || index % step === 0) && !isLeftOut(text))
    for (let start = 0; start < chosen.length; start += BATCH) {
      const batch = chosen.slice(start, start + BATCH)
      theirs.ask(batch)
      const found = ours.map((one) => batch.map((text) => one.encode(text)))
      const wanted = await theirs.answer(batch.length)
      for (const [which, maxLength] of lengths.entries())
        for (const [index, text] of batch.entries()) {
          const mine = found[which]?.[index]
          const other = wanted[which]?.[index] ?? new Uint32Array()
          seen.texts++
          if (mine?.isTruncated === true) seen.truncated++
          if (!isSame([...(mine?.inputIds ?? [])], [...other]) && seen.different.length < 20)
            seen.different.push({
              name,
              maxLength,
              text: text.slice(0, 300),
              ours: [...(mine?.inputIds ?? [])].join(' ').slice(0, 300),
              python: other.join(' ').slice(0, 300),
            })
        }
    }
  }
  await theirs.end()
  return seen
}

async function sample(): Promise<string[]> {
  const texts: string[] = []
  for await (const source of sources()) texts.push(...source.texts.filter((text) => text.length < 500).slice(0, 2000))
  return texts
}

describe(`token ids of Python and of the server are the same over ${hasShared ? `all texts of ${SHARED}` : `the quickstart's texts (there are no others in ${SHARED}; VALENCE_SHARED_DATA says where)`}`, () => {
  test("with the quickstart's tokenizer: WordPiece, uncased", async () => {
    const seen = await compare(quickstartTokenizer(), { step: 1, isSame: inOrder })
    expect(seen.different).toEqual([])
    expect(seen.texts).toBeGreaterThan(hasShared ? 300_000 : 1_000)
    expect(seen.truncated).toBeGreaterThan(0)
  }, 900_000)

  test('with a byte-level BPE, trained on the texts', async () => {
    const seen = await compare(await made('bpe'), { step: 20, lengths: [128], isSame: inOrder })
    expect(seen.different).toEqual([])
    expect(seen.truncated).toBeGreaterThan(0)
  }, 900_000)

  test('with Unigram, trained on the texts, but for the order of equally likely tokens', async () => {
    // To JavaScript U+FEFF is a blank and U+0085 none, to Python it is the other way round, and here a pre-tokenizer splits at blanks as they are.
    const isLeftOut = (text: string) => /[\ufeff\u0085]/.test(text)
    const seen = await compare(await made('unigram'), { step: 20, lengths: [UNCUT], isSame: inAnyOrder, isLeftOut })
    expect(seen.different).toEqual([])
    expect(seen.texts).toBeGreaterThan(hasShared ? 20_000 : 1_000)
  }, 900_000)
})

async function made(kind: 'bpe' | 'unigram'): Promise<string> {
  const folder = join(directory, kind)
  await makeTokenizer(python, kind, folder, await sample())
  return folder
}
