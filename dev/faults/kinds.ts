/** The ways in which candidates are broken, and how each is found out. `maxLength` asks for the fault: see inject.mjs. */
import { createHash } from 'node:crypto'

export interface Fault {
  kind: string
  maxLength: number
  /** Reason with which the rollout ends; absent: it is held, with nothing but the shadow. */
  reason?: RegExp
}
type FoundOut = Required<Fault>

/** It begins after the rehearsal: most of the shadow passes, and live requests meet it. */
const LATE = /CandidateFailsAlways|CandidateWorse|ShadowFailed/
/** One live prediction of ten: no row of failures ever, so only the comparison with stable finds it. */
const BY_COMPARISON = /CandidateWorse/

/** Live requests alone meet it, whatever the rehearsal and the shadow ask. */
export const WEARS_OUT: FoundOut = {
  kind: 'wears out: answers well at first, then too late or with 5xx',
  maxLength: 113,
  reason: /CandidateFailsAlways|CandidateWorse/,
}
/** The kubelet cuts a pod's name to what a host name may have. */
const HOST_NAME_LENGTH = 63
/** Which pods HALF_OF_PODS breaks, as inject.mjs has it. */
export const isBrokenPod = (pod: string): boolean =>
  createHash('sha256').update(pod.slice(0, HOST_NAME_LENGTH)).digest().readUInt32BE() % 2 === 1
/** With two pods, one of them with a name that `isBrokenPod` is true of. */
export const HALF_OF_PODS: FoundOut = { kind: 'answers 5xx in one of two pods', maxLength: 109, reason: LATE }
export const DISAGREES: Fault = { kind: 'disagrees with stable far more than predicted', maxLength: 108 }

export const HANGS: FoundOut = { kind: 'hangs', maxLength: 105, reason: LATE }

/** A few ways that are unlike each other. */
export const SOME_FAULTS: readonly FoundOut[] = [
  { kind: 'answers 5xx', maxLength: 103, reason: LATE },
  HANGS,
  { kind: 'ends at its start', maxLength: 101, reason: /CrashLoop|NotReady/ },
]
export const MORE_FAULTS: readonly FoundOut[] = [
  { kind: 'is never ready', maxLength: 102, reason: /NotReady/ },
  { kind: 'is slow', maxLength: 104, reason: /CandidateFailsAlways|CandidateWorse/ },
  { kind: 'resets connections', maxLength: 106, reason: LATE },
  { kind: 'answers golden texts wrongly', maxLength: 107, reason: /RehearsalFailed/ },
  { kind: 'answers garbage', maxLength: 111, reason: LATE },
  { kind: 'refuses', maxLength: 112, reason: LATE },
  { kind: 'runs out of memory', maxLength: 110, reason: /CrashLoop|NotReady|Candidate|Rehearsal|Shadow/ },
  WEARS_OUT,
  { kind: 'resets 10 % of the live predictions', maxLength: 114, reason: BY_COMPARISON },
  { kind: 'hangs on 10 % of the live predictions', maxLength: 115, reason: BY_COMPARISON },
  { kind: 'answers 5xx to 10 % of the live predictions', maxLength: 116, reason: BY_COMPARISON },
]
