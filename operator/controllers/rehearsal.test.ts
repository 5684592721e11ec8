import { describe, expect, test } from 'vitest'
import type { Evidence } from '../../contract/evidence.ts'
import { rolloutStatus } from '../api/v1alpha1/rollout.ts'
import { EvidenceLedger, type ServingPod } from './evidence.ts'
import { rehearse, type AskService, type GoldenText, type Rehearsal } from './rehearsal.ts'

const GOLDEN: GoldenText[] = [
  { text: 'fine', label: 'positive' },
  { text: 'awful', label: 'negative' },
]
const POD: ServingPod = { uid: 'a', name: 'pod-a', version: 'old', ip: '10.0.0.1', isReady: true }

/** A Service with one pod of the stable version, which hands forced requests on to the new one, and counts them. */
class Stage {
  boot = 'boot-1'
  forced = 40
  /** How often the pod does not say what it has counted, from now on. */
  silences = 0
  isCounting = true
  asked: string[] = []
  version: string | undefined = 'new'
  label = (text: string): string => (text === 'awful' ? 'negative' : 'positive')

  readonly #ledger = new EvidenceLedger(() => {
    if (this.silences-- > 0) return Promise.reject(new Error('no answer'))
    const forced = { new: { requests: this.forced, failures: 0 } }
    const said: Evidence = { boot: this.boot, epoch: 1, version: 'old', digest: '', arms: {}, forced, shadow: {} }
    return Promise.resolve(said)
  })

  ask: AskService = ({ namespace, name }, text, version) => {
    this.asked.push(`${namespace}/${name} ${version} ${text}`)
    if (this.isCounting) this.forced++
    return Promise.resolve({ version: this.version, label: this.label(text) })
  }

  rehearse(golden = GOLDEN, before?: Rehearsal, signal = new AbortController().signal) {
    const service = { namespace: 'shop', name: 'reviews' }
    return rehearse(
      { ask: this.ask, ledger: this.#ledger },
      { service, version: 'new', golden, pods: [POD], before },
      signal,
    )
  }
}

describe('a rehearsal', () => {
  test('passes where every golden text is answered by the new version as expected, and the pods have counted it', async () => {
    const stage = new Stage()
    expect(await stage.rehearse()).toEqual({
      tries: 1,
      sent: 2,
      passed: 2,
      counted: 2,
      isPassed: true,
      message: '2 golden texts were answered as expected, and counted',
    })
    expect(stage.asked).toEqual(['shop/reviews new fine', 'shop/reviews new awful'])
  })

  test('fails on another label, and says which', async () => {
    const stage = new Stage()
    stage.label = () => 'positive'
    expect(await stage.rehearse(GOLDEN, await stage.rehearse())).toMatchObject({
      tries: 2,
      passed: 1,
      counted: 2,
      isPassed: false,
      message: '"awful": wanted negative, found positive',
    })
  })

  test('fails where stable has answered in its place', async () => {
    const stage = new Stage()
    stage.version = 'old'
    expect(await stage.rehearse()).toMatchObject({ passed: 0, isPassed: false })
    stage.version = undefined
    expect((await stage.rehearse()).message).toContain('"fine": answered by an unnamed version')
  })

  test('takes three texts, and any label, where the evaluation found no golden ones', async () => {
    const stage = new Stage()
    stage.label = () => 'whatever'
    expect(await stage.rehearse([])).toMatchObject({ sent: 3, isPassed: true })
  })

  test('fails where the pods have not counted the requests', async () => {
    const stage = new Stage()
    stage.isCounting = false
    const { isPassed, message } = await stage.rehearse()
    expect([isPassed, message]).toEqual([false, 'the pods have counted 0 of 2 requests'])
  })

  test('takes nothing for counted that a pod had counted before it could be asked', async () => {
    const stage = new Stage()
    stage.isCounting = false
    stage.silences = 1
    expect(await stage.rehearse()).toMatchObject({ counted: 0, isPassed: false })
  })

  test('takes nothing for counted of a process that has started in the middle', async () => {
    const stage = new Stage()
    const ask = stage.ask
    stage.ask = (...args) => {
      stage.boot = 'boot-2'
      return ask(...args)
    }
    expect(await stage.rehearse()).toMatchObject({ counted: 0, isPassed: false })
  })

  test('names each text that could not be asked, and fits into the status however much went wrong', async () => {
    const stage = new Stage()
    stage.ask = (_, text) => Promise.reject(new Error(`status 503 for ${text}: ${'x'.repeat(300)}`))
    const golden = Array.from({ length: 12 }, (_, index) => ({ text: `${index}${'y'.repeat(150)}`, label: 'positive' }))
    const result = await stage.rehearse(golden)
    expect(result).toMatchObject({ sent: 12, passed: 0, isPassed: false })
    expect(result.message).toMatch(/^"0y{58}…": status 503/)
    expect(rolloutStatus.shape.rehearsal.safeParse(result).success).toBe(true)
  })

  test('ends where the operator stops, and is not held against the version', async () => {
    const stage = new Stage()
    const controller = new AbortController()
    stage.ask = () => {
      controller.abort(new Error('the operator stops'))
      return Promise.reject(new Error('aborted'))
    }
    await expect(stage.rehearse(GOLDEN, undefined, controller.signal)).rejects.toThrow('aborted')
  })
})
