/**
 * The lines of a stream of UTF-8, wherever its chunks are cut: inside a line or inside a character. A last line without its newline is torn
 * and is dropped: a watch that goes on from the last complete event sees it again.
 */
export async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest: string[] = []
  for await (const chunk of chunks) {
    let text = decoder.decode(chunk, { stream: true })
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      const line = [...rest, text.slice(0, end)].join('')
      rest = []
      text = text.slice(end + 1)
      if (line !== '') yield line
    }
    // Joined only once the line is complete: an object may come in very many chunks.
    if (text !== '') rest.push(text)
  }
}
