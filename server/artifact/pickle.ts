/** Python pickles run code when they are loaded. Nothing here loads one, but an artifact is also what people download. */

const PICKLE_ENDINGS = ['.pkl', '.pickle', '.pt', '.pth', '.bin', '.ckpt', '.joblib', '.dill']

export function hasPickleName(file: string): boolean {
  const name = file.toLowerCase()
  return PICKLE_ENDINGS.some((ending) => name.endsWith(ending))
}

/**
 * Protocol 2 and later start with PROTO (0x80) and the protocol's number; `torch.save` wraps a pickle into a zip. A
 * safetensors file starts with the length of its JSON header, 8 bytes of which the first two may read 0x80 0x02 just as well:
 * a file of that name with a JSON header behind the length is what it says.
 */
export function hasPickleContent(file: string, head: Uint8Array): boolean {
  if (file.toLowerCase().endsWith('.safetensors') && head[8] === 0x7b) return false
  const [a, b, c, d] = head
  const isPickle = a === 0x80 && b !== undefined && b >= 2 && b <= 5
  const isZip = a === 0x50 && b === 0x4b && c === 0x03 && d === 0x04
  return isPickle || isZip
}
