import { expect, test } from 'vitest'
import { countJunit, countLint, countVitest, describeCount } from './test-results.ts'

test('a vitest file that could not be loaded counts as one failure, and a skipped or planned test as skipped', () => {
  const report = {
    numPassedTests: 3,
    numFailedTests: 1,
    numPendingTests: 2,
    numTodoTests: 1,
    testResults: [
      { status: 'passed', assertionResults: [{ status: 'passed' }] },
      { status: 'failed', assertionResults: [{ status: 'passed' }, { status: 'failed' }] },
      { status: 'failed', assertionResults: [] },
    ],
  }
  expect(countVitest(JSON.stringify(report))).toEqual({ passed: 3, failed: 2, skipped: 3 })
})

test('errors of pytest fixtures count as failures, skipped tests as neither', () => {
  const xml =
    '<?xml version="1.0"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10" time="1.5">'
  expect(countJunit(xml)).toEqual({ passed: 4, failed: 3, skipped: 3 })
})

test('a JUnit file without a test suite is refused', () => {
  expect(() => countJunit('<testsuites/>')).toThrow('no <testsuite>')
})

test('each check of the linter counts', () => {
  const output = 'types      ok (12 s)\nnoise ok\nshell      FAILED (1 s)\nformat     ok (0 s)\n'
  expect(countLint(output)).toEqual({ passed: 2, failed: 1, skipped: 0 })
})

test('a stage tells failed and skipped tests only where there are any', () => {
  expect(describeCount({ passed: 4, failed: 0, skipped: 0 })).toBe('4 passed')
  expect(describeCount({ passed: 4, failed: 0, skipped: 2 })).toBe('4 passed, 2 skipped')
  expect(describeCount({ passed: 4, failed: 1, skipped: 2 })).toBe('4 passed, 1 failed, 2 skipped')
})
