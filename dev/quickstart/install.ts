/** Puts the operator and the quickstart's model on a cluster. */
import { command } from '../command.ts'
import type { Preparation } from '../prepare.ts'
import type { Step } from '../steps.ts'

export const NAMESPACE = 'valence-system'
export const MODEL = 'reviews'

export function installSteps(preparation: Preparation): readonly Step[] {
  const { env, ready } = preparation
  return [
    {
      name: 'chart installed',
      needs: [ready],
      run: async (context) => {
        const options = { ...context, env }
        // Helm installs CRDs, but never changes them afterwards.
        await command(['kubectl', 'apply', '--server-side', '--force-conflicts', '-f', 'crds'], options)
        const images = Object.entries(preparation.images()).flatMap(([name, image]) => {
          const { registry, repository, tag } = split(image)
          return [
            '--set-string',
            `images.registry=${registry},images.${name}.repository=${repository},images.${name}.tag=${tag}`,
          ]
        })
        await command(
          // prettier-ignore
          ['helm', 'upgrade', '--install', 'valence', 'charts/valence', '--namespace', NAMESPACE, '--create-namespace', ...images, '--wait', '--timeout', '120s'],
          options,
        ).catch(async (error: unknown) => {
          await command(['kubectl', '-n', NAMESPACE, 'describe', 'pods'], options)
          await command(
            ['kubectl', '-n', NAMESPACE, 'logs', '-l', 'app.kubernetes.io/name=valence', '--tail=40'],
            options,
          )
          throw error
        })
        return undefined
      },
    },
    {
      name: 'quickstart data',
      needs: [ready],
      run: async (context) => {
        await command(['dev/quickstart/load.sh', preparation.images().trainer], { ...context, env })
        return undefined
      },
    },
    {
      name: 'model applied',
      needs: ['chart installed', 'quickstart data'],
      run: async (context) => {
        await command(['kubectl', 'apply', '-f', 'samples/quickstart.yaml'], { ...context, env })
        return undefined
      },
    },
  ]
}

/** `registry/repository:tag`, where the registry may hold slashes and a port. */
export function split(image: string): { registry: string; repository: string; tag: string } {
  const match = /^(?<registry>.+)\/(?<repository>[^/:]+):(?<tag>[^/:]+)$/.exec(image)
  const { registry, repository, tag } = match?.groups ?? {}
  if (registry === undefined || repository === undefined || tag === undefined)
    throw new Error(`'${image}' is not <registry>/<repository>:<tag>`)
  return { registry, repository, tag }
}
