/**
 * A real sentiment model small enough to write by hand: each word has a vector, a text is the mean of its words' vectors, two
 * logits are a linear function of it. The same arithmetic in plain JavaScript gives the logits that the ONNX graph has to.
 */
import { CONTRIBUTED, constantNode, model, node, tensor, valueInfo } from './onnx-writer.ts'

export const LABELS = ['negative', 'positive']
export const MAX_LENGTH = 16

const POSITIVE = ['good', 'great', 'wonderful', 'loved', 'moving', 'brilliant']
const NEGATIVE = ['bad', 'awful', 'terrible', 'hated', 'boring', 'dull']
const NEUTRAL = ['a', 'an', 'the', 'film', 'movie', 'was', 'is', 'it', 'this', 'and', 'i', 'very', '.', ',', '!']
const PIECES = ['##ly', '##s']

export const VOCABULARY = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  ...POSITIVE,
  ...NEGATIVE,
  ...NEUTRAL,
  ...PIECES,
]

const WIDTH = 2
const WEIGHTS = [-3, 3, 3, -3].map((value) => value * 1.0625)
const BIAS: readonly [number, number] = [0.125, -0.125]

/** How positive and how negative a token is; a little of both for every one, so that no two tokens are alike. */
function embedding(id: number): [number, number] {
  const word = VOCABULARY[id] ?? ''
  const shade = (id % 7) / 64
  if (POSITIVE.includes(word)) return [4 + shade, shade / 2]
  if (NEGATIVE.includes(word)) return [shade / 2, 4 + shade]
  return [shade, shade / 4]
}

/** All weights are as large: one scale does for both columns. 63 as in trainer/valence_trainer/quantization.py. */
const INT8_SCALE = Math.max(...WEIGHTS.map(Math.abs)) / 63

/**
 * What the int8 model takes one scale for: the activations of one text, or of all texts of a run, as usual dynamic quantization does. Then
 * an answer depends on the texts that share its run.
 */
export type Int8Scale = 'row' | 'tensor'

/** logits[k] = bias[k] + sum_d mean(embedding)[d] * weights[d][k] */
export function expectedLogits(inputIds: readonly number[]): number[] {
  const mean = [0, 1].map((axis) => inputIds.reduce((sum, id) => sum + (embedding(id)[axis] ?? 0), 0) / inputIds.length)
  return [0, 1].map((label) =>
    mean.reduce((sum, value, axis) => sum + value * (WEIGHTS[axis * 2 + label] ?? 0), BIAS[label] ?? 0),
  )
}

/** For texts of known words, lower case, separated by spaces. */
export function expectedIds(text: string, maxLength = MAX_LENGTH): number[] {
  const ids = text.split(' ').map((word) => Math.max(VOCABULARY.indexOf(word), VOCABULARY.indexOf('[UNK]')))
  return [VOCABULARY.indexOf('[CLS]'), ...ids.slice(0, maxLength - 2), VOCABULARY.indexOf('[SEP]')]
}

/** With another bias it is another model: [-50, 50] makes it say positive to everything. */
export function tinyOnnx(
  precision: 'fp32' | 'int8',
  bias: readonly [number, number] = BIAS,
  scale: Int8Scale = 'row',
): Uint8Array {
  const embeddings = Float32Array.from(VOCABULARY.flatMap((_, id) => embedding(id)))
  const product = precision === 'fp32' ? FP32_PRODUCT : int8Product(scale)
  return model({
    inputs: [
      valueInfo('input_ids', 'int64', ['batch', 'sequence']),
      valueInfo('attention_mask', 'int64', ['batch', 'sequence']),
    ],
    outputs: [valueInfo('logits', 'float', ['batch', 2])],
    initializers: [
      tensor('embeddings', [VOCABULARY.length, WIDTH], embeddings),
      tensor('bias', [2], Float32Array.from(bias)),
      ...product.initializers,
    ],
    nodes: [
      constantNode('last', tensor('', [1], BigInt64Array.of(-1n))),
      constantNode('words', tensor('', [1], BigInt64Array.of(1n))),
      node('Gather', ['embeddings', 'input_ids'], 'vectors'),
      node('Cast', ['attention_mask'], 'mask', { to: 1 }),
      node('Unsqueeze', ['mask', 'last'], 'mask_column'),
      node('Mul', ['vectors', 'mask_column'], 'masked'),
      node('ReduceSum', ['masked', 'words'], 'sum', { keepdims: 0 }),
      node('ReduceSum', ['mask_column', 'words'], 'count', { keepdims: 0 }),
      node('Div', ['sum', 'count'], 'mean'),
      ...product.nodes,
      node('Add', ['product', 'bias'], 'logits'),
    ],
  })
}

/** mean * weights = product */
const FP32_PRODUCT = {
  nodes: [node('MatMul', ['mean', 'weights'], 'product')],
  initializers: [tensor('weights', [WIDTH, 2], Float32Array.from(WEIGHTS))],
}

/** The same in int8, by the operators that the trainer writes for `row`. */
function int8Product(scale: Int8Scale) {
  const quantized = Int8Array.from(WEIGHTS, (value) => Math.round(value / INT8_SCALE))
  const initializers = [
    tensor('quantized', [WIDTH, 2], quantized),
    tensor('weight_scale', [], Float32Array.of(INT8_SCALE)),
  ]
  if (scale === 'tensor') {
    const inputs = ['mean_q', 'quantized', 'mean_scale', 'weight_scale', 'mean_zero']
    const nodes = [
      node('DynamicQuantizeLinear', ['mean'], ['mean_q', 'mean_scale', 'mean_zero']),
      node('MatMulIntegerToFloat', inputs, 'product', {}, CONTRIBUTED),
    ]
    return { nodes, initializers }
  }
  return {
    nodes: [
      node('Abs', ['mean'], 'mean_abs'),
      node('ReduceMax', ['mean_abs'], 'mean_max', { axes: [1], keepdims: 1 }),
      node('Div', ['mean_max', 'activation_limit'], 'row_scale'),
      node('Div', ['mean', 'row_scale'], 'mean_scaled'),
      node('QuantizeLinear', ['mean_scaled', 'one', 'zero'], 'mean_q'),
      node('MatMulIntegerToFloat', ['mean_q', 'quantized', 'one', 'weight_scale', 'zero'], 'columns', {}, CONTRIBUTED),
      node('Mul', ['columns', 'row_scale'], 'product'),
    ],
    initializers: [
      ...initializers,
      tensor('activation_limit', [], Float32Array.of(127)),
      tensor('one', [], Float32Array.of(1)),
      tensor('zero', [], Uint8Array.of(128)),
    ],
  }
}

export function tinyTokenizer(): object {
  const special = (id: number) => ({
    id,
    content: VOCABULARY[id],
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })
  const around = (token: string) => ({ id: token, ids: [VOCABULARY.indexOf(token)], tokens: [token] })
  return {
    version: '1.0',
    // Limits as a checkpoint may carry them: the manifest's maximal length has to win.
    truncation: { direction: 'Right', max_length: 5, strategy: 'LongestFirst', stride: 0 },
    padding: { strategy: { Fixed: 12 }, direction: 'Right', pad_id: 0, pad_type_id: 0, pad_token: '[PAD]' },
    added_tokens: [0, 1, 2, 3, 4].map(special),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: '[CLS]', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '[SEP]', type_id: 0 } },
      ],
      pair: [],
      special_tokens: { '[CLS]': around('[CLS]'), '[SEP]': around('[SEP]') },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(VOCABULARY.map((word, id) => [word, id])),
    },
  }
}

export const PARITY_TEXTS = [
  'a wonderful film',
  'a terrible film',
  'i loved this movie , it was brilliant !',
  'the movie was boring and dull .',
  'good',
  'bad',
  'great great great great great great great great great great great great great great bad bad bad bad',
  'this unknownword is very moving',
]

export const EVALUATION_ROWS = [
  { id: 'r1', text: 'a great movie', label: 'positive' },
  { id: 'r2', text: 'wonderful , moving and brilliant', label: 'positive' },
  { id: 'r3', text: 'it was good', label: 'positive' },
  { id: 'r4', text: 'i hated this awful film', label: 'negative' },
  { id: 'r5', text: 'very boring .', label: 'negative' },
  { id: 'r6', text: 'the film was dull', label: 'negative' },
  { id: 'r7', text: 'bad bad bad', label: 'negative' },
  // Told wrong on purpose: the model gives it the other label.
  { id: 'r8', text: 'this movie is terrible', label: 'positive' },
]
