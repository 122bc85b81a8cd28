// Signs a token with jose; standard input: {"pem": PKCS #8, "header": {...}, "claims": {...}}.

import { importPKCS8, SignJWT } from 'jose'
import { json } from 'node:stream/consumers'

const { pem, header, claims } = await json(process.stdin)
const key = await importPKCS8(pem, header.alg)
process.stdout.write(await new SignJWT(claims).setProtectedHeader(header).sign(key))
