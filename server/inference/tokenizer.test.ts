import { describe, expect, test } from 'vitest'
import { verifyArtifact } from '../artifact/verify.ts'
import { writeTinyArtifact, type TinyArtifactOptions } from '../testing/tiny-artifact.ts'
import { MAX_LENGTH, VOCABULARY, expectedIds, tinyTokenizer } from '../testing/tiny-model.ts'
import { loadTokenizer } from './tokenizer.ts'

const load = async (options: TinyArtifactOptions = {}) =>
  loadTokenizer(await verifyArtifact(writeTinyArtifact(options).directory))
const id = (token: string): number => VOCABULARY.indexOf(token)

describe('loadTokenizer', () => {
  test('puts the special tokens around the text and does not pad', async () => {
    const tokenizer = await load()
    expect([...tokenizer.encode('A wonderful FILM').inputIds]).toEqual(expectedIds('a wonderful film'))
    expect([...tokenizer.encode('greatly, films').inputIds]).toEqual(
      ['[CLS]', 'great', '##ly', ',', 'film', '##s', '[SEP]'].map(id),
    )
    expect([...tokenizer.encode(' ').inputIds]).toEqual([id('[CLS]'), id('[SEP]')])
  })

  test("cuts at the manifest's maximal length, keeps the special tokens, and ignores the limits of tokenizer.json", async () => {
    const tokenizer = await load()
    const fits = tokenizer.encode('good '.repeat(MAX_LENGTH - 2))
    expect(fits).toMatchObject({ isTruncated: false, inputIds: { length: MAX_LENGTH } })
    const cut = tokenizer.encode('bad ' + 'good '.repeat(MAX_LENGTH))
    expect(cut.isTruncated).toBe(true)
    expect(cut.inputIds).toHaveLength(MAX_LENGTH)
    expect(cut.inputIds[1]).toBe(id('bad'))
    expect(cut.inputIds.at(-1)).toBe(id('[SEP]'))
  })

  test('cuts the beginning where the tokenizer was trained to', async () => {
    const config = JSON.stringify({ truncation_side: 'left', pad_token: { content: '[MASK]' } })
    const tokenizer = await load({ files: { 'tokenizer_config.json': config } })
    const cut = [...tokenizer.encode('bad ' + 'good '.repeat(MAX_LENGTH) + 'dull').inputIds]
    expect(cut[0]).toBe(id('[CLS]'))
    expect(cut.slice(-2)).toEqual([id('dull'), id('[SEP]')])
    expect(cut).not.toContain(id('bad'))
    expect(tokenizer.padId).toBe(id('[MASK]'))
  })

  test('knows special tokens that come before the text only', async () => {
    const json = { ...tinyTokenizer(), post_processor: null }
    const tokenizer = await load({ files: { 'tokenizer.json': JSON.stringify(json) } })
    expect([...tokenizer.encode('good film').inputIds]).toEqual([id('good'), id('film')])
  })

  test('names of object properties are ordinary words', async () => {
    const tokenizer = await load()
    for (const word of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      expect(tokenizer.encode(word).inputIds.every((value) => value < VOCABULARY.length)).toBe(true)
    }
  })

  test.each([
    ['tokenizer.json', '{'],
    ['tokenizer.json', '{"model":{"type":"Unheard"},"added_tokens":[]}'],
    ['tokenizer_config.json', '[]'],
    ['tokenizer_config.json', '{"truncation_side":"middle"}'],
  ])('refuses a %s that is no tokenizer: %s', async (file, content) => {
    await expect(load({ files: { [file]: content } })).rejects.toMatchObject({ code: 'TokenizerUnusable', file })
  })
})
