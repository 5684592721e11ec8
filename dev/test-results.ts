/** How many tests passed and failed, from what the test runners write for programs. */

export interface Count {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export const NONE: Count = { passed: 0, failed: 0, skipped: 0 }
export const ONE_FAILURE: Count = { ...NONE, failed: 1 }
export const add = (a: Count, b: Count): Count => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
})

/** Of one stage: what did not happen is left out. */
export function describeCount({ passed, failed, skipped }: Count): string {
  return [
    `${String(passed)} passed`,
    ...(failed > 0 ? [`${String(failed)} failed`] : []),
    ...(skipped > 0 ? [`${String(skipped)} skipped`] : []),
  ].join(', ')
}

interface VitestReport {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly { status: string }[] }[]
}

/** Of vitest's JSON reporter. A file that could not be loaded, or whose hooks failed, has no failed test of its own: it counts as one. */
export function countVitest(json: string): Count {
  const report = JSON.parse(json) as VitestReport
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((one) => one.status === 'failed'),
  )
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

/** Of pytest's JUnit file. Errors are failures of fixtures; skipped tests are neither passed nor failed. */
export function countJunit(xml: string): Count {
  const suite = /<testsuite [^>]*>/.exec(xml)?.[0]
  if (suite === undefined) throw new Error('there is no <testsuite> in the JUnit file')
  const attribute = (name: string) => {
    const value = new RegExp(` ${name}="(\\d+)"`).exec(suite)?.[1]
    if (value === undefined) throw new Error(`<testsuite> has no attribute '${name}' in the JUnit file`)
    return Number(value)
  }
  const failed = attribute('failures') + attribute('errors')
  const skipped = attribute('skipped')
  return { passed: attribute('tests') - failed - skipped, failed, skipped }
}

/** Of dev/lint: a line `<check> ok (<n> s)` or `<check> FAILED (<n> s)` for each check. */
export function countLint(output: string): Count {
  const verdicts = [...output.matchAll(/^\S+ +(ok|FAILED) \(\d+ s\)$/gm)].map((match) => match[1])
  return {
    passed: verdicts.filter((verdict) => verdict === 'ok').length,
    failed: verdicts.filter((verdict) => verdict === 'FAILED').length,
    skipped: 0,
  }
}
