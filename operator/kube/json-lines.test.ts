import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lines } from './json-lines.ts'

async function read(chunks: Iterable<Uint8Array>): Promise<string[]> {
  const source = async function* () {
    for (const chunk of chunks) yield await Promise.resolve(chunk)
  }
  const all: string[] = []
  for await (const line of lines(source())) all.push(line)
  return all
}

test('lines come out whole wherever the bytes are cut, also inside a character', async () => {
  const line = fc.string({ unit: 'binary', maxLength: 12 }).map((text) => text.replaceAll(/[\n\uFEFF]/g, ''))
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 4 }), fc.array(fc.nat(), { maxLength: 6 }), async (texts, cuts) => {
      const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''))
      const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
      const chunks = places.slice(1).map((end, i) => bytes.subarray(places[i], end))
      expect(await read(chunks)).toEqual(
        texts.filter((text) => text !== '').map((text) => Buffer.from(text).toString()),
      )
    }),
  )
})

test('a last line without its end is dropped', async () => {
  expect(await read([Buffer.from('{"a":1}\n{"b":')])).toEqual(['{"a":1}'])
})
