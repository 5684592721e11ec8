/**
 * Most words of a text were tokenized before: they are looked up. Only for tokenizers whose tokens of a text are those of its words and
 * punctuation marks one after the other, which is what encode-beginning.ts says of blanks and the family of BERT, and holds for ASCII punctuation too:
 *
 * - BertPreTokenizer makes each such mark a word of its own.
 * - To BertNormalizer a mark is a character like any other; combining marks are not ordered across it.
 * - An added token with a mark in it begins with one that no other character is normalized to, and a text that has that one is encoded as it is.
 */
import { z } from 'zod'

const OPENING = '['
const addedTokens = z.looseObject({
  added_tokens: z.array(z.looseObject({ content: z.string().regex(/^(\[\S*|[^\s!-/:-@[-`{-~]+)$/u) })).default([]),
})

/** `json`: tokenizer.json, of which isSumOfParts is true. */
export const isSumOfWords = (json: unknown): boolean => addedTokens.safeParse(json).success

const WORDS = /[^ \t\n\r!-/:-@[-`{-~]+|[!-/:-@[-`{-~]/g
/** Some megabytes at most. Longer words are rare, and those of scripts without blanks never come again. */
const REMEMBERED = { words: 20_000, characters: 24 }

/** `encode` with a memory. */
export function rememberWords(encode: (text: string) => readonly number[]): (text: string) => readonly number[] {
  const memory = new Map<string, readonly number[]>()
  function encodeWord(word: string): readonly number[] {
    const known = memory.get(word)
    if (known !== undefined) return known
    const ids = encode(word)
    if (word.length > REMEMBERED.characters) return ids
    // The oldest makes room: the frequent ones are soon back.
    const [oldest] = memory.size === REMEMBERED.words ? memory.keys() : []
    if (oldest !== undefined) memory.delete(oldest)
    memory.set(word, ids)
    return ids
  }
  return (text) => {
    if (text.includes(OPENING)) return encode(text)
    const ids: number[] = []
    for (const word of text.match(WORDS) ?? []) for (const id of encodeWord(word)) ids.push(id)
    return ids
  }
}
