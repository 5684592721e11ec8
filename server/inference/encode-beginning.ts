/**
 * No more of a long text is tokenized than is kept. Only for tokenizers whose tokens of a text are those of its parts one after the other,
 * wherever it is parted at a blank. That is so for the family of BERT:
 *
 * - BertNormalizer looks at one character at a time, but for the final sigma, whose context a blank ends, and for the order of combining
 *   marks, which none of them takes across a blank.
 * - BertPreTokenizer splits at every blank and drops it; WordPiece looks at one word at a time.
 * - No added token has a blank in it, so none reaches from one part to the next.
 *
 * Byte-level BPE and Unigram carry the blank into the token. They always get the whole text.
 */
import { z } from 'zod'

const bertLike = z.looseObject({
  added_tokens: z.array(z.looseObject({ content: z.string().regex(/^\S+$/u) })).default([]),
  normalizer: z.looseObject({ type: z.literal('BertNormalizer') }).nullish(),
  pre_tokenizer: z.looseObject({ type: z.literal('BertPreTokenizer') }),
  post_processor: z.looseObject({ type: z.enum(['TemplateProcessing', 'BertProcessing']) }).nullish(),
  model: z.looseObject({ type: z.literal('WordPiece'), fuse_unk: z.literal(false).optional() }),
})
/** Settings of old checkpoints that change the text as a whole. */
const plain = z.looseObject({
  remove_space: z.literal(false).nullish(),
  do_lowercase_and_remove_accent: z.literal(false).nullish(),
})

/** `json` and `config`: tokenizer.json and tokenizer_config.json. */
export const isSumOfParts = (json: unknown, config: unknown): boolean =>
  bertLike.safeParse(json).success && plain.safeParse(config).success

/** Those that the normalizer and the pre-tokenizer take for blanks whatever their settings. */
const BLANK = /[ \t\n\r]/g
/** Shorter parts cost more than they save. */
const MIN_CHARACTERS = 256

/** The tokens of a text; where there are more than `limit`, at least one more than that, from its beginning. */
export function encodeBeginning(encode: (text: string) => readonly number[], text: string, limit: number): number[] {
  const ids: number[] = []
  // A token is a character at least, so no part is far longer than what is still to come.
  const step = Math.max(MIN_CHARACTERS, limit)
  for (let start = 0; start < text.length && ids.length <= limit;) {
    BLANK.lastIndex = start + step
    const end = BLANK.exec(text)?.index ?? text.length
    for (const id of encode(text.slice(start, end))) ids.push(id)
    start = end
  }
  return ids
}
