/** The steps from a bare machine to a cluster that holds the images, for `npm run up` and for the end-to-end tests alike. */
import { appendFileSync } from 'node:fs'
import { command } from './command.ts'
import { repeat } from './retry.ts'
import { kubeconfigOf, PROGRAMS, rememberCluster, rememberContext, type Cluster } from './state.ts'
import type { Step, StepContext } from './steps.ts'

const IMAGES = ['operator', 'server', 'trainer'] as const
export type Images = Record<(typeof IMAGES)[number], string>

export interface Preparation {
  /** What `steps` need before them. */
  readonly programs: readonly Step[]
  readonly steps: readonly Step[]
  /** The step after which the cluster runs and holds the images. */
  readonly ready: string
  /** Full names of the images; only after `ready`. */
  readonly images: () => Images
  /** Keeps volumes free for new claims, until the signal; failures are logged. Does nothing where the cluster makes volumes itself. */
  readonly refill: (context: StepContext, until: AbortSignal) => Promise<void>
  /** For kubectl, helm and what else talks to the cluster. */
  readonly env: Readonly<Record<string, string>>
}

/** Volumes that a local cluster has free for new claims: the quickstart takes two. */
const VOLUMES = '12'
const REFILL_MS = 15_000

/** The packages and programs that the local cluster and the integration tests are made of; `tools`: those of the tests alone. */
export const programSteps = (packages: 'all' | 'tools'): readonly Step[] => [
  {
    name: 'packages',
    run: (context) => quietly(context, 'dev/cluster/install.sh', ...(packages === 'tools' ? ['tools'] : [])),
  },
  { name: 'cluster programs', needs: ['packages'], run: (context) => quietly(context, 'dev/cluster/build.sh') },
]

function stockCluster(): Preparation {
  const built = new ImageNames()
  const env = { KUBECONFIG: kubeconfigOf('stock'), PATH: `${PROGRAMS}:${process.env['PATH'] ?? ''}` }
  const build = (name: string, images: readonly (keyof Images)[], needs: string[], after: string[]): Step => ({
    name,
    needs,
    after,
    run: async (context) => {
      built.add(images, await command(['dev/images/build.sh', ...images], context))
      return undefined
    },
  })
  return {
    programs: programSteps('all'),
    ready: 'cluster',
    images: () => built.all(),
    env,
    refill: refillVolumes,
    steps: [
      { name: 'base images', needs: ['packages'], run: (context) => quietly(context, 'dev/images/base.sh') },
      build('server and operator images', ['server', 'operator'], ['base images'], []),
      // Not at the same time as the others: the disk is what both wait for.
      build('trainer image', ['trainer'], ['base images'], ['server and operator images']),
      {
        name: 'image load',
        needs: ['server and operator images', 'trainer image'],
        run: async (context) => {
          await command(['dev/cluster/runtime.sh'], context)
          await command(['dev/images/load.sh', ...Object.values(built.all())], context)
          return undefined
        },
      },
      {
        name: 'cluster',
        needs: ['cluster programs', 'image load'],
        run: async (context) => {
          rememberCluster('stock')
          const isUp = await command(['dev/cluster/kubeconfig.sh'], context).then(
            () => true,
            () => false,
          )
          if (!isUp) await command(['dev/cluster/up.sh'], context)
          await command(['dev/cluster/volumes.sh', VOLUMES], context)
          return isUp ? 'was up' : undefined
        },
      },
    ],
  }
}

function kindCluster(): Preparation {
  const built = new ImageNames()
  const env = { KUBECONFIG: kubeconfigOf('kind') }
  return {
    programs: [],
    ready: 'images',
    images: () => built.all(),
    env,
    refill: () => Promise.resolve(),
    steps: [
      {
        name: 'cluster',
        run: async (context) => {
          rememberCluster('kind')
          const isUp = (await command(['kind', 'get', 'clusters'], context)).split('\n').includes('valence')
          if (!isUp)
            await command(['kind', 'create', 'cluster', '--config', 'dev/kind.yaml', '--wait', '120s'], {
              ...context,
              env,
            })
          else await command(['kind', 'export', 'kubeconfig', '--name', 'valence'], { ...context, env })
          return isUp ? 'was up' : undefined
        },
      },
      {
        name: 'images',
        needs: ['cluster'],
        run: async (context) => {
          built.add(IMAGES, await command(['dev/images/kind.sh', ...IMAGES], context))
          return undefined
        },
      },
    ],
  }
}

/** A cluster of the user's, which pulls the images itself. */
function currentCluster(registry: string, tag: string): Preparation {
  const image = (name: string) => `${registry.replace(/\/$/, '')}/valence-${name}:${tag}`
  return {
    programs: [],
    ready: 'cluster',
    images: () => ({ operator: image('operator'), server: image('server'), trainer: image('trainer') }),
    env: { KUBECONFIG: kubeconfigOf('current') },
    refill: () => Promise.resolve(),
    steps: [
      {
        name: 'cluster',
        run: async (context) => {
          // A question: what it answers holds credentials, which are not for a log.
          const view = ['kubectl', 'config', 'view', '--minify', '--flatten', '-o', 'json'] as const
          const name = rememberContext(await command(view, { ...context, isQuestion: true }))
          rememberCluster('current')
          return name
        },
      },
    ],
  }
}

export function prepare(cluster: Cluster, registry = '', tag = ''): Preparation {
  switch (cluster) {
    case 'stock':
      return stockCluster()
    case 'kind':
      return kindCluster()
    case 'current':
      return currentCluster(registry, tag)
  }
}

class ImageNames {
  readonly #names = new Map<string, string>()

  /** `output` has the name of each image on a line of its own. */
  add(images: readonly (keyof Images)[], output: string): void {
    const lines = output.trim().split('\n')
    for (const [index, image] of images.entries()) {
      const name = lines[index]
      if (name?.includes(`valence-${image}:`) !== true) throw new Error(`no name of the image ${image} in: ${output}`)
      this.#names.set(image, name)
    }
  }

  all(): Images {
    const name = (image: keyof Images) => {
      const found = this.#names.get(image)
      if (found === undefined) throw new Error(`the image ${image} is not built yet`)
      return found
    }
    return { operator: name('operator'), server: name('server'), trainer: name('trainer') }
  }
}

async function refillVolumes(context: StepContext, until: AbortSignal): Promise<void> {
  await repeat(() => command(['dev/cluster/volumes.sh', VOLUMES], context), {
    pauseMs: REFILL_MS,
    until,
    onError: (error) => {
      appendFileSync(context.log, `volumes, to be tried again: ${String(error)}\n`)
    },
  })
}

async function quietly(context: StepContext, script: string, ...args: string[]): Promise<undefined> {
  await command([script, ...args], context)
}
