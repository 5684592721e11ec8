import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { awkwardPiece } from '../testing/awkward-texts.ts'
import { tinyTokenizer } from '../testing/tiny-model.ts'
import { isSumOfWords, rememberWords } from './encode-words.ts'

const Tokenizer = HuggingFaceTokenizer as unknown as new (
  json: object,
  config: object,
) => { encode: (text: string, options: { add_special_tokens: boolean }) => { ids: number[] } }

/** Counts what it is asked. */
function letters() {
  const asked: string[] = []
  const encode = (text: string) => {
    asked.push(text)
    return Array.from(text, (letter) => letter.codePointAt(0) ?? 0)
  }
  return { asked, encode }
}

test('each word and each mark is encoded once', () => {
  const { asked, encode } = letters()
  const remember = rememberWords(encode)
  expect(remember("it's good, it's")).toEqual(letters().encode("it'sgood,it's"))
  expect(remember('good\tfilm')).toEqual(letters().encode('goodfilm'))
  expect(asked).toEqual(['it', "'", 's', 'good', ',', 'film'])
  expect(remember('')).toEqual([])
})

test('a text in which an added token may begin is encoded as it is', () => {
  const { asked, encode } = letters()
  rememberWords(encode)('good [MASK] film')
  expect(asked).toEqual(['good [MASK] film'])
})

test('the memory is bounded: long words never enter it, and the oldest leave it', () => {
  const { asked, encode } = letters()
  const remember = rememberWords(encode)
  const long = 'x'.repeat(25)
  remember(`first ${long}`)
  for (let index = 0; index < 20_000; index++) remember(`w${index}`)
  asked.length = 0
  remember(`first ${long} w19999`)
  expect(asked).toEqual(['first', long])
})

describe('only tokenizers whose added tokens can be told by their first character', () => {
  const json = tinyTokenizer() as Record<string, unknown>
  test.each([
    ['BERT', ['[CLS]', '[unused1]'], true],
    ['a word', ['goodness'], true],
    ['another mark at the beginning', ['<s>'], false],
    ['a mark inside', ['new-york'], false],
  ])('%s', (_name, contents, is) => {
    expect(isSumOfWords({ ...json, added_tokens: contents.map((content) => ({ content })) })).toBe(is)
  })
})

test('the ids are those of the whole text, whatever is in it', () => {
  const tokenizer = new Tokenizer(tinyTokenizer(), {})
  const whole = (text: string) => tokenizer.encode(text, { add_special_tokens: false }).ids
  const remember = rememberWords(whole)
  const piece = awkwardPiece.filter((text) => !text.includes('['))
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const text = pieces.join('')
      expect(remember(text)).toEqual(whole(text))
    }),
    { numRuns: 2000 },
  )
})
