import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { rememberContext } from './state.ts'

const folder = mkdtempSync(join(tmpdir(), 'state-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const kubeconfig = (name: string, server: string, token = 'one') =>
  JSON.stringify({
    'current-context': name,
    clusters: [{ name: 'cluster', cluster: { server } }],
    users: [{ name: 'user', user: { token } }],
  })

test('a context is kept with its credentials, for its user alone', () => {
  const file = join(folder, 'new', 'current.kubeconfig')
  expect(rememberContext(kubeconfig('work', 'https://a'), file)).toBe('work')
  expect(readFileSync(file, 'utf8')).toBe(kubeconfig('work', 'https://a'))
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('another context is refused while one is remembered, and new credentials of the same are taken', () => {
  const file = join(folder, 'current.kubeconfig')
  rememberContext(kubeconfig('work', 'https://a'), file)
  expect(() => rememberContext(kubeconfig('home', 'https://b'), file)).toThrow(
    "already up in the context 'work' (https://a), but the current one is 'home' (https://b)",
  )
  expect(() => rememberContext(kubeconfig('work', 'https://b'), file)).toThrow('npm run down first')
  rememberContext(kubeconfig('work', 'https://a', 'two'), file)
  expect(readFileSync(file, 'utf8')).toContain('two')
})

test('a context without a cluster is refused', () => {
  const empty = JSON.stringify({ 'current-context': 'nothing', clusters: null })
  expect(() => rememberContext(empty, join(folder, 'none'))).toThrow("the context 'nothing' names no cluster")
})
