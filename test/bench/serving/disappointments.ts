/** What no machine and no shortness of a run excuses: a failure of our server under a load that it has room for, or wrong answers. */
import type { Results } from './results.ts'

const LEAST_AGREEMENT = 0.95
/** Beyond rounding of another library. */
const MOST_FP32_DIFFERENCE = 0.001

export function disappointmentsOf({ runs, quality, overload, memory, soak }: Results): string[] {
  return [
    ...(runs ?? [])
      .filter((run) => run.server === 'valence' && run.part === 'closed' && run.failures > 0)
      .map(
        (run) => `${run.failures} of ${run.requests} requests failed: ${run.precision}, ${run.workload}, ${run.load}`,
      ),
    ...(quality ?? [])
      .filter(({ server }) => server === 'valence')
      .flatMap(({ precision, texts, labelAgreement, maxScoreDifference }) => [
        ...(labelAgreement < LEAST_AGREEMENT ? [`${precision}, ${texts}: ${labelAgreement} have PyTorch's label`] : []),
        ...(precision === 'fp32' && maxScoreDifference > MOST_FP32_DIFFERENCE
          ? [`fp32, ${texts}: scores differ from PyTorch's by up to ${maxScoreDifference}`]
          : []),
      ]),
    ...(overload ?? [])
      .filter(({ pastDeadline, serverErrors }) => pastDeadline + serverErrors > 0)
      .map(
        (one) => `overload, ${one.workload}: ${one.pastDeadline} past their deadline, ${one.serverErrors} times 5xx`,
      ),
    ...(memory ?? [])
      .filter(({ failures }) => failures > 0)
      .map((one) => `${one.failures} requests failed: longest texts, ${one.precision}, ${one.workers} workers`),
    ...(soak && soak.unexpected > 0
      ? [`soak: ${soak.unexpected} unexpected answers: ${soak.problems.join('; ')}`]
      : []),
  ]
}
