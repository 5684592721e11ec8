import { z } from 'zod'
import { field, matches, type Rule } from '../field.ts'

const NAME = '[A-Za-z0-9][A-Za-z0-9._-]*'
const ELSEWHERE = 'pvc://[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[^/ ].*|file:///[^/ ].*'
const model = new RegExp(`^(hf://${NAME}/${NAME}|${ELSEWHERE})$`)
const data = new RegExp(`^(hf://${NAME}/${NAME}(/${NAME})?|${ELSEWHERE})$`)

function location(pattern: RegExp, hub: string, name: string, description: string) {
  return field(z.string().min(1).max(512), description, {
    rules: [
      matches(pattern, `${name} must be ${hub}, pvc://<claim>/<path> or file:///<path>`),
      {
        cel: '!self.contains("/../") && !self.endsWith("/..")',
        message: `${name} must not contain the path segment ".."`,
        holds: (value) => !value.includes('/../') && !value.endsWith('/..'),
      },
    ],
  })
}

/** Where a model is; `name` is the field's name in the messages. */
export const modelUri = (name: string, description: string) => location(model, 'hf://<owner>/<name>', name, description)

/** Where a data set is, a configuration of a Hub data set included; `name` is the field's name in the messages. */
export const datasetUri = (name: string, description: string) =>
  location(data, 'hf://<owner>/<name>[/<config>]', name, description)

export function revision() {
  return field(
    z.string().min(1).max(128),
    'Commit, tag or branch of an hf:// repository. Give the full commit: without it, or with a branch, the same spec may mean other bytes tomorrow, and a version says only what was asked, not what the Hub held.',
    {
      rules: [matches(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/, 'revision must be a commit, tag or branch name')],
    },
  )
}

/** A revision names a state of a Hub repository; elsewhere it would have no effect. */
export function revisionRule(name: string): Rule<{ uri: string; revision?: string | undefined }> {
  return {
    cel: '!has(self.revision) || self.uri.startsWith("hf://")',
    message: `${name}.revision has a meaning for hf:// only: remove it, or use an hf:// uri`,
    holds: (value) => value.revision === undefined || value.uri.startsWith('hf://'),
  }
}
