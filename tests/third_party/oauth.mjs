// Gets, uses, introspects and revokes a token with oauth4webapi: oauth.mjs ISSUER METHOD SCOPE.
// METHOD is client_secret_basic or client_secret_post; standard input: {"id": ..., "secret": ...}.
// Everything else is discovered (RFC 8414). Prints {"token": ..., "whoami": ..., "introspection": ..., "after": ...},
// where "after" has the response of introspection and the status of /whoami after the revocation.

import * as oauth from 'oauth4webapi'
import { json } from 'node:stream/consumers'

const [issuer, method, scope] = process.argv.slice(-3)
const { id, secret } = await json(process.stdin)
const options = { [oauth.allowInsecureRequests]: true }

const url = new URL(issuer)
const discovery = await oauth.discoveryRequest(url, { ...options, algorithm: 'oauth2' })
const server = await oauth.processDiscoveryResponse(url, discovery)
for (const offered of ['token_endpoint', 'introspection_endpoint', 'revocation_endpoint']) {
  if (!server[`${offered}_auth_methods_supported`].includes(method)) throw new Error(`not supported: ${method}`)
}

const client = { client_id: id }
const authentication = {
  client_secret_basic: oauth.ClientSecretBasic,
  client_secret_post: oauth.ClientSecretPost,
}[method](secret)
const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, { scope }, options)
const token = await oauth.processClientCredentialsResponse(server, client, response)

const fetchWhoami = () => oauth.protectedResourceRequest(
  token.access_token, 'GET', new URL(`${issuer}/whoami`), undefined, undefined, options)
const whoami = await (await fetchWhoami()).json()

const introspect = async () => oauth.processIntrospectionResponse(
  server, client, await oauth.introspectionRequest(server, client, authentication, token.access_token, options))
const introspection = await introspect()

await oauth.processRevocationResponse(
  await oauth.revocationRequest(server, client, authentication, token.access_token, options))
const status = await fetchWhoami().then((response) => response.status, (error) => error.cause?.at?.(0) && error.status)
console.log(JSON.stringify({
  token, whoami, introspection, after: { introspection: await introspect(), status },
}))
