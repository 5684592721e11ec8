/** Writes the model as ONNX Runtime has optimized and pre-packed it for this CPU, its weights in a file of their own. */
import { basename } from 'node:path'
import { workerData } from 'node:worker_threads'
import { InferenceSession } from 'onnxruntime-node'
import type { PackOptions } from './packed-model.ts'
import { SESSION_OPTIONS } from './session-options.ts'

const { modelPath, packedPath } = workerData as PackOptions
const session = await InferenceSession.create(modelPath, {
  ...SESSION_OPTIONS,
  optimizedModelFilePath: packedPath,
  extra: {
    session: {
      optimized_model_external_initializers_file_name: `${basename(packedPath)}.weights`,
      optimized_model_external_initializers_min_size_in_bytes: '1024',
      save_external_prepacked_constant_initializers: '1',
    },
  },
})
await session.release()
