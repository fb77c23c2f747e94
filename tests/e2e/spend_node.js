// The token of the integration guide, made by the library that the guide names.
import jwt from 'jsonwebtoken'
const apiKey = process.env.AUCTRA_API_KEY
const sharedSecret = process.env.AUCTRA_SHARED_SECRET
const now = Math.floor(Date.now() / 1000)
const token = jwt.sign(
{
key_id: apiKey,
iat: now,
exp: now + 3600,
},
sharedSecret,
{ algorithm: 'HS256' }
)
process.stdout.write(token)
