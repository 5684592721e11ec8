import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { watchRoutingFile, type RoutingFile } from './routing-file.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'

const open: RoutingFile[] = []
afterEach(() => {
  for (const file of open.splice(0)) file.close()
})

const content = (epoch: number): string => JSON.stringify({ epoch, stable: 'v1', endpoints: { v1: 'http://v1:8000' } })

/** Swaps its content as the kubelet does: a new directory behind the link `..data`. */
function mountConfigMap(first: string | undefined) {
  const directory = temporaryDirectory('routing')
  let generation = 0
  const write = (text: string): void => {
    const name = `..generation-${++generation}`
    mkdirSync(join(directory, name))
    writeFileSync(join(directory, name, 'routing.json'), text)
    symlinkSync(name, join(directory, '..next'))
    renameSync(join(directory, '..next'), join(directory, '..data'))
  }
  symlinkSync('..data/routing.json', join(directory, 'routing.json'))
  if (first !== undefined) write(first)
  return { path: join(directory, 'routing.json'), write, remove: () => rmSync(join(directory, '..data')) }
}

async function watch(path: string, intervalMs = 60_000) {
  const applied: number[] = []
  const refused: string[] = []
  const file = await watchRoutingFile({
    path,
    intervalMs,
    onApplied: ({ epoch }) => applied.push(epoch),
    onRefused: (reason) => refused.push(reason),
  })
  open.push(file)
  return { file, applied, refused }
}

test('the content is in force after the first read, and a swap of the mount is seen', async () => {
  const mount = mountConfigMap(content(1))
  const { file, applied } = await watch(mount.path, 5)
  expect(file.current?.epoch).toBe(1)
  mount.write(content(2))
  await expect.poll(() => file.current?.epoch).toBe(2)
  expect(applied).toEqual([1, 2])
})

test('unchanged content is applied once', async () => {
  const mount = mountConfigMap(content(1))
  const { file, applied } = await watch(mount.path)
  mount.write(content(1))
  await file.refresh()
  expect(applied).toEqual([1])
})

test.each([
  ['no JSON', '{', /not JSON/],
  ['a weight out of range', '{"epoch":1,"stable":"v1","endpoints":{},"perMille":1001}', /perMille/],
  ['an endpoint that is no URL', '{"epoch":1,"stable":"v1","endpoints":{"v1":"v1:x"}}', /./],
])('%s is refused once, and what was in force stays', async (_, text, reason) => {
  const mount = mountConfigMap(content(1))
  const { file, refused } = await watch(mount.path)
  mount.write(text)
  await file.refresh()
  await file.refresh()
  expect(file.current?.epoch).toBe(1)
  expect(refused).toEqual([expect.stringMatching(reason)])
  mount.write(content(3))
  await file.refresh()
  expect(file.current?.epoch).toBe(3)
})

test('a field of a later release is left out, and the rest holds', async () => {
  const mount = mountConfigMap('{"epoch":7,"stable":"v1","endpoints":{},"weights":1}')
  const { file, refused } = await watch(mount.path)
  expect(file.current).toMatchObject({ epoch: 7, stable: 'v1' })
  expect(refused).toEqual([])
})

test('a file that is not there is refused, and taken when it comes; one that goes leaves what was in force', async () => {
  const mount = mountConfigMap(undefined)
  const { file, refused } = await watch(mount.path)
  expect(file.current).toBeUndefined()
  expect(refused).toEqual([expect.stringContaining('ENOENT')])
  mount.write(content(1))
  await file.refresh()
  expect(file.current?.epoch).toBe(1)
  mount.remove()
  await file.refresh()
  expect(file.current?.epoch).toBe(1)
  expect(refused).toHaveLength(2)
})
