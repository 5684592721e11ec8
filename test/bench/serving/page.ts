export async function writePage(): Promise<void> {
  await Promise.resolve()
}
