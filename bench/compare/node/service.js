'use strict'
// The service in Node: fastify, pg, undici, fast-jwt; WORKERS processes of a cluster.

const cluster = require('node:cluster')
const { randomBytes, randomUUID } = require('node:crypto')

const env = process.env
const AVATAR = 'https://www.gravatar.com/avatar/00000000000000000000000000000000?d=mp&f=y'
const ACCESS_TTL = 7 * 86400
const REFRESH_TTL = 30 * 86400
const SMALL = Buffer.alloc(200, 'x')
const SIGN_IN = {
  name: 'sign-in',
  text: `INSERT INTO wxlogin_user AS u
    (openid, username, password, avatar_url, user_type, is_staff, is_superuser, is_active, date_joined, last_login_at)
    VALUES ($1, $2, '!', $3, 'wechat', false, false, true, $4, $4)
    ON CONFLICT (openid) DO UPDATE SET last_login_at = excluded.last_login_at
    RETURNING id, is_superuser, is_staff, is_active, date_joined, openid, username, avatar_url, phone, email,
    user_type, last_login_at`
}

const text = { type: 'string' }
const textOrNull = { type: 'string', nullable: true }
const flag = { type: 'boolean' }
const number = { type: 'integer' }
const userSchema = {
  type: 'object',
  properties: {
    id: number, orders_count: number, completed_orders_count: number, is_superuser: flag, is_staff: flag,
    is_active: flag, date_joined: text, openid: textOrNull, username: text, avatar_url: text,
    phone: textOrNull, email: textOrNull, user_type: text, last_login_at: text
  }
}

// fast-json-stringify writes these
const answers = properties => ({ response: { 200: { type: 'object', properties } } })
const body = name => ({
  body: { type: 'object', required: [name], properties: { [name]: { type: 'string', minLength: 1 } } }
})

class Tokens {
  constructor (key) {
    const { createSigner, createVerifier } = require('fast-jwt')
    this.signer = createSigner({ key, algorithm: 'HS256', noTimestamp: true })
    this.verifier = createVerifier({ key, algorithms: ['HS256'] })
  }

  sign (type, id, now, ttl) {
    return this.signer({
      token_type: type, exp: now + ttl, iat: now, jti: randomBytes(16).toString('hex'), user_id: id
    })
  }

  verify (token, type) {
    const claims = this.verifier(token)
    if (claims.token_type !== type || !claims.user_id || !claims.jti) throw new Error('wrong type')
    return claims
  }
}

const now = () => Math.floor(Date.now() / 1000)
const failure = (reply, status, error) => reply.code(status).send({ success: false, error })

async function build () {
  const { Pool: Connections } = require('pg')
  const { Pool: Client } = require('undici')
  const app = require('fastify')({ logger: false, bodyLimit: 16384 })
  const tokens = new Tokens(env.SECRET_KEY)
  const db = new Connections({ max: Number(env.CONNECTIONS), idleTimeoutMillis: 0 })
  const wechat = new Client(env.WECHAT_URL, { connections: 256, headersTimeout: 10000, bodyTimeout: 10000 })
  const exchange = `/sns/jscode2session?appid=${env.WECHAT_APPID}&secret=${env.WECHAT_SECRET}` +
    '&grant_type=authorization_code&js_code='
  db.on('error', () => {})

  async function askWeChat (code) {
    const { statusCode, body } = await wechat.request({ method: 'GET', path: exchange + encodeURIComponent(code) })
    const reply = JSON.parse(await body.text())
    if (statusCode !== 200 || reply.errcode || !reply.openid) throw new Error('WeChat API error')
    return reply.openid
  }

  if (env.RATE_LIMIT) await app.register(require('@fastify/rate-limit'), { global: false, max: 5, timeWindow: '1 minute' })
  const limit = env.RATE_LIMIT ? { rateLimit: {} } : {}

  app.post('/api/login/', {
    config: limit, schema: { ...body('code'), ...answers({ access: text, refresh: text, user: userSchema }) }
  }, async (request, reply) => {
    let openid
    try {
      openid = await askWeChat(request.body.code)
    } catch {
      return failure(reply, 503, 'Failed to connect to WeChat API')
    }
    const { rows: [user] } = await db.query({
      ...SIGN_IN, values: [openid, '用户_' + randomUUID().slice(0, 16), AVATAR, new Date()]
    })
    const iat = now()
    user.orders_count = user.completed_orders_count = 0
    user.date_joined = user.date_joined.toISOString()
    user.last_login_at = user.last_login_at.toISOString()
    return {
      access: tokens.sign('access', user.id, iat, ACCESS_TTL),
      refresh: tokens.sign('refresh', user.id, iat, REFRESH_TTL),
      user
    }
  })

  app.post('/api/token/refresh/', {
    schema: { ...body('refresh'), ...answers({ access: text }) }
  }, async (request, reply) => {
    let claims
    try {
      claims = tokens.verify(request.body.refresh, 'refresh')
    } catch {
      return failure(reply, 401, 'Token is invalid')
    }
    return { access: tokens.sign('access', claims.user_id, now(), ACCESS_TTL) }
  })

  app.get('/guarded/small.txt', {
    onRequest: (request, reply, done) => {
      const header = request.headers.authorization
      try {
        if (!header || !header.startsWith('Bearer ')) throw new Error('no token')
        tokens.verify(header.slice(7), 'access')
      } catch {
        failure(reply, 401, 'Token is invalid')
        return
      }
      done()
    }
  }, (request, reply) => { reply.type('text/plain').send(SMALL) })

  await app.listen({ host: '127.0.0.1', port: Number(env.PORT) })
}

if (cluster.isPrimary) {
  for (let i = 0; i < Number(env.WORKERS); i++) cluster.fork()
  cluster.on('exit', () => process.exit(1))
  process.on('SIGTERM', () => {
    cluster.removeAllListeners('exit')
    for (const worker of Object.values(cluster.workers)) worker.process.kill()
    process.exit()
  })
} else {
  build().catch(error => { console.error(error); process.exit(1) })
}
