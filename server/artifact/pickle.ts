/** Python pickles run code when they are loaded. Nothing here loads one, but an artifact is also what people download. */

const PICKLE_ENDINGS = ['.pkl', '.pickle', '.pt', '.pth', '.bin', '.ckpt', '.joblib', '.dill']

export function hasPickleName(file: string): boolean {
  const name = file.toLowerCase()
  return PICKLE_ENDINGS.some((ending) => name.endsWith(ending))
}

/** Protocol 2 and later start with PROTO (0x80) and the protocol's number; `torch.save` wraps a pickle into a zip. */
export function hasPickleContent(head: Uint8Array): boolean {
  const [a, b, c, d] = head
  const isPickle = a === 0x80 && b !== undefined && b >= 2 && b <= 5
  const isZip = a === 0x50 && b === 0x4b && c === 0x03 && d === 0x04
  return isPickle || isZip
}
