// Verifies a token with jose: verify.mjs JWKS_URL ISSUER AUDIENCE, the token on standard input.
// Prints its claims as JSON; an invalid token ends the program with an exception.

import { createRemoteJWKSet, jwtVerify } from 'jose'
import { text } from 'node:stream/consumers'

const [jwksUrl, issuer, audience] = process.argv.slice(-3)
const token = await text(process.stdin)

const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(jwksUrl)), {
  issuer,
  audience,
  typ: 'at+jwt',
  requiredClaims: ['sub', 'client_id', 'exp', 'iat', 'jti'],
})

console.log(JSON.stringify(payload))
