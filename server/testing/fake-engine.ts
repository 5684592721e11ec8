import type { Engine } from '../inference/engine.ts'

/** An engine for what the real one can't be made to do at will. */
export const fakeEngine = (own: Partial<Engine>): Engine => ({
  liveWorkers: 1,
  queued: 0,
  tokensInFlight: 0,
  expectedWaitSeconds: 0,
  checkAdmission: () => undefined,
  infer: () => Promise.reject(new Error('this engine infers nothing')),
  close: () => Promise.resolve(),
  ...own,
})
