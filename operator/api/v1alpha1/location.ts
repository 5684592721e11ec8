import { z } from 'zod'
import { field, matches, type Rule } from '../field.ts'

const HUB = '[A-Za-z0-9][A-Za-z0-9._-]*'
const pattern = new RegExp(
  `^(hf://${HUB}/${HUB}(/${HUB})?|pvc://[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[^/ ].*|file:///[^/ ].*)$`,
)

/** A location of a model or of data; `name` is the field's name in the messages. */
export function uri(name: string, description: string) {
  return field(z.string().min(1).max(512), description, {
    rules: [
      matches(pattern, `${name} must be hf://<owner>/<name>, pvc://<claim>/<path> or file:///<path>`),
      {
        cel: '!self.contains("/../") && !self.endsWith("/..")',
        message: `${name} must not contain the path segment ".."`,
        holds: (value) => !value.includes('/../') && !value.endsWith('/..'),
      },
    ],
  })
}

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
