// `helm test`: is the operator there, and does the model named by test.model answer? Runs in the server image, without a token.
const { OPERATOR_URL, MODEL, MODEL_NAMESPACE, TEXT } = process.env

// A Service may need a moment until its endpoints are known everywhere, so an unreachable one is asked again for a while.
const ask = async (what, url, request) => {
  const giveUpAt = Date.now() + 30_000
  for (;;) {
    try {
      const response = await fetch(url, { ...request, signal: AbortSignal.timeout(10_000) })
      const body = await response.text()
      if (!response.ok) throw new Error(`${what} answered ${response.status} at ${url}: ${body}`)
      return { body, headers: response.headers }
    } catch (error) {
      const cause = error.cause ? ` (${error.cause.message})` : ''
      if (Date.now() > giveUpAt)
        throw new Error(`${what}: ${error.message}${cause}. Asked ${url} for 30 s.`, { cause: error })
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    }
  }
}

const predict = async () => {
  const url = `http://${MODEL}.${MODEL_NAMESPACE}.svc:8000/predict`
  const { body, headers } = await ask(`the model ${MODEL_NAMESPACE}/${MODEL}`, url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: TEXT }),
  })
  const answer = JSON.parse(body)
  if (answer.text !== TEXT) throw new Error(`the answer is not about the text that was sent: ${body}`)
  if (typeof answer.sentiment !== 'string' || answer.sentiment === '')
    throw new Error(`the answer has no sentiment: ${body}`)
  if (!(answer.score > 0 && answer.score <= 1)) throw new Error(`the answer's score is not in (0, 1]: ${body}`)
  const version = headers.get('x-model-version')
  if (!version) throw new Error('the answer has no x-model-version header')
  return `${version} says ${answer.sentiment} (${answer.score}) to "${TEXT}"`
}

try {
  await ask('the operator', `${OPERATOR_URL}/readyz`)
  console.log('the operator is ready')
  console.log(
    MODEL
      ? await predict()
      : 'test.model is not set, so no model was asked: helm upgrade --reuse-values --set test.model=<name>',
  )
} catch (error) {
  console.error(`FAILED: ${error.message}`)
  process.exit(1)
}
