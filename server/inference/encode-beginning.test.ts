import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { awkwardPiece } from '../testing/awkward-texts.ts'
import { tinyTokenizer } from '../testing/tiny-model.ts'
import { encodeBeginning, isSumOfParts } from './encode-beginning.ts'

const Tokenizer = HuggingFaceTokenizer as unknown as new (
  json: object,
  config: object,
) => { encode: (text: string, options: { add_special_tokens: boolean }) => { ids: number[] } }

/** One token for each letter. */
const letters = (text: string) => Array.from(text.replaceAll(/\s/g, ''), (letter) => letter.codePointAt(0) ?? 0)

test('a text is tokenized until there are more tokens than are kept, in parts that end before a blank', () => {
  const parts: string[] = []
  const encode = (text: string) => {
    parts.push(text)
    return letters(text)
  }
  const text = 'four '.repeat(1000)
  const ids = encodeBeginning(encode, text, 300)
  expect(ids.length).toBeGreaterThan(300)
  expect(ids).toEqual(letters(text).slice(0, ids.length))
  expect(parts.map((part) => part.length)).toEqual([304, 300])
  expect(encodeBeginning(letters, text, 5000)).toEqual(letters(text))
  expect(encodeBeginning(letters, 'x'.repeat(2000), 300)).toHaveLength(2000)
  expect(encodeBeginning(letters, '', 300)).toEqual([])
})

describe('only tokenizers whose tokens are those of the parts', () => {
  const json = tinyTokenizer() as Record<string, unknown>
  test.each([
    ['BERT', json, {}, true],
    ['another pre-tokenizer', { ...json, pre_tokenizer: { type: 'ByteLevel' } }, {}, false],
    ['no pre-tokenizer', { ...json, pre_tokenizer: null }, {}, false],
    ['another normalizer', { ...json, normalizer: { type: 'NFKC' } }, {}, false],
    ['another model', { ...json, model: { type: 'BPE' } }, {}, false],
    [
      'a model that makes one token of many unknown words',
      { ...json, model: { type: 'WordPiece', fuse_unk: true } },
      {},
      false,
    ],
    ['an added token with a blank in it', { ...json, added_tokens: [{ content: 'New York' }] }, {}, false],
    ['a setting that changes the whole text', json, { do_lowercase_and_remove_accent: true }, false],
  ])('%s', (_name, tokenizer, config, is) => {
    expect(isSumOfParts(tokenizer, config)).toBe(is)
  })
})

test('the ids are those of the whole text, whatever is in it', () => {
  const tokenizer = new Tokenizer(tinyTokenizer(), {})
  const whole = (text: string) => tokenizer.encode(text, { add_special_tokens: false }).ids
  let parts = 0
  fc.assert(
    fc.property(fc.array(awkwardPiece, { minLength: 300, maxLength: 900, size: 'max' }), (pieces) => {
      const text = pieces.join('')
      const counted = (part: string) => {
        parts++
        return whole(part)
      }
      const [all, beginning] = [whole(text), encodeBeginning(counted, text, 300)]
      expect(beginning).toEqual(all.slice(0, beginning.length))
      expect(beginning.length).toBeGreaterThanOrEqual(Math.min(all.length, 301))
    }),
    { numRuns: 100 },
  )
  expect(parts, 'texts were parted').toBeGreaterThan(200)
})
