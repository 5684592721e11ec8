/** Every text once: how often each server says what people said, and how far it is from PyTorch. */
import { rounded, say } from '../progress.ts'
import { withServer, type Bench } from './bench.ts'
import { measureStep } from './measure-step.ts'
import type { Quality, Results } from './results.ts'
import { keyOf } from './servers.ts'

const CALLERS = 4
/** Longer than any server takes for all texts. */
const SECONDS = 3600

export async function measureQuality(bench: Bench): Promise<Results> {
  const { labels } = bench.artifact
  const quality: Quality[] = []
  for (const server of bench.servers) {
    const { name, precision } = server
    await withServer(bench, server, async (running) => {
      for (const [texts, order] of [
        ['sentences', 'short'],
        ['reviews', 'long'],
      ] as const) {
        const { requests, failures, sameLabel, maxScoreDifference, result } = await measureStep(
          bench,
          server,
          running,
          {
            order,
            load: { kind: 'closed', callers: CALLERS },
            seconds: SECONDS,
            once: true,
          },
        )
        if (failures > 0)
          throw new Error(`${keyOf(server)} failed ${failures} of ${requests} ${texts}: ${result.problems.join('; ')}`)
        const asked = [...result.requests.text].map((index, request) => ({
          text: bench.texts[index],
          isSame: result.requests.sameLabel[request] === 1,
        }))
        const share = (isRight: (one: (typeof asked)[number]) => boolean) =>
          rounded(asked.filter(isRight).length / asked.length, 5)
        const isTrue = ({ text }: (typeof asked)[number]) => text !== undefined && text.label === labels[text.truth]
        quality.push({
          server: name,
          precision,
          texts,
          count: requests,
          // Of two labels the other one than PyTorch's is right where PyTorch is wrong.
          accuracy: share((one) => isTrue(one) === one.isSame),
          referenceAccuracy: share(isTrue),
          labelAgreement: rounded(sameLabel / requests, 5),
          maxScoreDifference: rounded(maxScoreDifference, 7),
        })
        const last = quality.at(-1)
        say(
          `  ${keyOf(server)}, ${texts}: accuracy ${String(last?.accuracy)} (PyTorch ${String(last?.referenceAccuracy)}), same label ${String(last?.labelAgreement)}`,
        )
      }
    })
  }
  return { quality }
}
