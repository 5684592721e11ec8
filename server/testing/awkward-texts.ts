/** What tokenizers might read otherwise beside other text than alone. */
import fc from 'fast-check'

export const awkwardPiece = fc.oneof(
  fc.constantFrom(
    ' ',
    '\n',
    '\t',
    '\r',
    ' \u0301',
    '\u00a0',
    '\u3000',
    '\u2028',
    '\u200b',
    '[MASK]',
    '[SEP]',
    "'",
    '.',
  ),
  fc.constantFrom(
    ' good ',
    'films',
    'greatly',
    'Σ',
    'ΟΔΟΣ',
    'İ',
    'e\u0301',
    '\u0323',
    '中',
    '𠀀',
    '\ud800',
    '\ufffd',
    '\u0000',
  ),
  fc.string({ unit: 'binary', maxLength: 4 }),
)
