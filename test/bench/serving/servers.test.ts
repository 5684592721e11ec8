import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { imageEnvironment } from './servers.ts'

test('our server runs with the environment of its image', () => {
  expect(imageEnvironment(readFileSync('Dockerfile.server', 'utf8'))).toMatchObject({
    NODE_ENV: 'production',
    MALLOC_ARENA_MAX: '2',
  })
  expect(imageEnvironment('FROM a AS b\nENV A=1\nFROM c\nENV B=2 C=3\nENV D=4\n')).toEqual({ B: '2', C: '3', D: '4' })
})
