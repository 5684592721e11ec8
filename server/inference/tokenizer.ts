import { readFile } from 'node:fs/promises'
import { Tokenizer as HuggingFaceTokenizerClass } from '@huggingface/tokenizers'
import { z } from 'zod'
import { ArtifactError } from '../artifact/artifact-error.ts'
import type { VerifiedArtifact } from '../artifact/verify.ts'
import { encodeBeginning, isSumOfParts } from './encode-beginning.ts'
import { isSumOfWords, rememberWords } from './encode-words.ts'
import type { Encoded } from './engine.ts'

export interface Tokenized extends Encoded {
  /** The text had more tokens than the model takes, and was cut. */
  isTruncated: boolean
  /** Nothing was left of the text (a lone combining accent, U+FFFD): there are special tokens only. */
  isEmpty: boolean
}

export interface Tokenizer {
  encode(text: string): Tokenized
  /** Fills the shorter rows of a batch. */
  readonly padId: number
}

/** The part in use; the package's own declarations import each other in a way that NodeNext does not resolve. */
interface HuggingFaceTokenizer {
  encode(text: string, options?: { add_special_tokens: boolean }): { ids: number[] }
  token_to_id(token: string): number | undefined
}
const HuggingFaceTokenizer = HuggingFaceTokenizerClass as unknown as new (
  tokenizer: object,
  config: object,
) => HuggingFaceTokenizer

const token = z.union([z.string(), z.object({ content: z.string() }).transform((added) => added.content)])
const tokenizerConfig = z.looseObject({
  truncation_side: z.enum(['left', 'right']).default('right'),
  pad_token: token.nullish(),
})
const tokenizerJson = z.looseObject({ added_tokens: z.array(z.unknown()).default([]) })

/**
 * Truncates as Python's tokenizers do with `max_length`: the text's own tokens are cut so that the special tokens still fit,
 * which then are added around them. The limits that tokenizer.json itself may carry (truncation, padding) are not applied:
 * the manifest's maxLength is the only one.
 */
export async function loadTokenizer(artifact: VerifiedArtifact): Promise<Tokenizer> {
  const json = await readJson(artifact, 'tokenizer.json', tokenizerJson)
  const config = await readJson(artifact, 'tokenizer_config.json', tokenizerConfig)
  const maxLength = artifact.manifest.maxLength
  let tokenizer: HuggingFaceTokenizer
  try {
    tokenizer = new HuggingFaceTokenizer(json, config)
  } catch (cause) {
    throw new ArtifactError('TokenizerUnusable', 'tokenizer.json', `is refused: ${String(cause)}`, { cause })
  }
  const { prefix, suffix } = specialTokens(tokenizer)
  const room = maxLength - prefix.length - suffix.length
  if (room < 1) {
    throw new ArtifactError('TokenizerUnusable', 'tokenizer.json', `maxLength ${maxLength} leaves no room for the text`)
  }
  const read = bertReader(json)
  const isPartwise = isSumOfParts(json, config)
  const encodeAnew = (text: string) => tokenizer.encode(read(text), { add_special_tokens: false }).ids
  const encodeWhole = isPartwise && isSumOfWords(json) ? rememberWords(encodeAnew) : encodeAnew
  // A text of 50,000 characters would hold up every other request for as long as its tokens take, nearly all of which are cut off.
  const isCutShort = isPartwise && config.truncation_side === 'right'
  return {
    padId: config.pad_token == null ? 0 : (tokenizer.token_to_id(config.pad_token) ?? 0),
    encode(text) {
      const own = isCutShort ? encodeBeginning(encodeWhole, text, room) : encodeWhole(text)
      const isTruncated = own.length > room
      const kept = !isTruncated ? own : config.truncation_side === 'left' ? own.slice(-room) : own.slice(0, room)
      const inputIds = new Int32Array(prefix.length + kept.length + suffix.length)
      inputIds.set(prefix)
      inputIds.set(kept, prefix.length)
      inputIds.set(suffix, prefix.length + kept.length)
      return { inputIds, isTruncated, isEmpty: own.length === 0 }
    },
  }
}

const bertNormalizer = z.looseObject({
  normalizer: z.looseObject({
    type: z.literal('BertNormalizer'),
    lowercase: z.boolean().default(true),
    handle_chinese_chars: z.boolean().default(true),
  }),
})
/** Chinese characters of two UTF-16 units, as Python's tokenizers have their ranges. */
const ASTRAL_CHINESE =
  /[\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\u{2F800}-\u{2FA1F}]/gu

/**
 * Where this package's BertNormalizer reads a text otherwise than Python's: it lowercases a sigma at the end of a word to another letter than elsewhere,
 * and does not set a Chinese character of two UTF-16 units apart. test/parity holds the two against each other.
 */
function bertReader(json: unknown): (text: string) => string {
  const bert = bertNormalizer.safeParse(json).data?.normalizer
  if (!bert) return (text) => text
  return (text) => {
    const lower = bert.lowercase ? text.replaceAll('\u03a3', '\u03c3') : text
    return bert.handle_chinese_chars ? lower.replaceAll(ASTRAL_CHINESE, ' $& ') : lower
  }
}

/** What the post-processor puts around a single text: [CLS] and [SEP] for BERT. */
function specialTokens(tokenizer: HuggingFaceTokenizer): { prefix: number[]; suffix: number[] } {
  const sample = 'a'
  const own = tokenizer.encode(sample, { add_special_tokens: false }).ids
  const all = tokenizer.encode(sample).ids
  for (let start = 0; own.length > 0 && start + own.length <= all.length; start++) {
    if (own.every((id, index) => all[start + index] === id)) {
      return { prefix: all.slice(0, start), suffix: all.slice(start + own.length) }
    }
  }
  throw new ArtifactError(
    'TokenizerUnusable',
    'tokenizer.json',
    'its post-processor does not keep the tokens of a text',
  )
}

async function readJson<Schema extends z.ZodType>(
  artifact: VerifiedArtifact,
  file: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  try {
    return schema.parse(JSON.parse(await readFile(artifact.path(file), 'utf8')))
  } catch (cause) {
    if (cause instanceof ArtifactError) throw cause
    throw new ArtifactError('TokenizerUnusable', file, 'is not the JSON of a tokenizer', { cause })
  }
}
