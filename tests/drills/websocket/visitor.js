'use strict';
// usage: visitor.js PORT HOST [--short]; prints PASS and FAIL lines, exit code 1 after a failure.

const assert = require('node:assert');
const crypto = require('node:crypto');
const http = require('node:http');
const net = require('node:net');
const { once } = require('node:events');
const WebSocket = require('ws');

const [port, host] = [Number(process.argv[2]), process.argv[3]];
const isShort = process.argv.includes('--short');
let failures = 0;

async function check(name, body) {
  let timer;
  const limit = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('timed out')), isShort ? 15000 : 60000); });
  try {
    const told = await Promise.race([body(), limit]);
    console.log(`PASS ${name}${told ? `: ${told}` : ''}`);
  } catch (error) {
    failures++;
    console.log(`FAIL ${name}: ${String(error.message).split('\n')[0]}`);
  } finally {
    clearTimeout(timer);
  }
}

function connect(path, options = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: { Host: host }, maxPayload: 64 * 1024 * 1024, perMessageDeflate: false, ...options });
  socket.on('error', () => {});
  return socket;
}

async function open(path, options) {
  const socket = connect(path, options);
  const failed = once(socket, 'close').then(() => { throw new Error('closed before it was open'); });
  failed.catch(() => {});
  await Promise.race([once(socket, 'open'), failed]);
  return socket;
}

async function closed(socket) {
  const [code, reason] = await once(socket, 'close');
  return { code, reason: reason.toString() };
}

async function echo(socket, data) {
  const answer = once(socket, 'message');
  socket.send(data);
  const [got, isBinary] = await answer;
  assert.strictEqual(isBinary, typeof data !== 'string', 'text and binary mixed up');
  assert.ok(Buffer.from(data).equals(got), 'another message came back');
}

function noted(name) {
  return new Promise((resolve, reject) => {
    http.get({ port, host: '127.0.0.1', path: `/closing?name=${name}`, headers: { Host: host }, agent: false }, (response) => {
      let text = '';
      response.on('data', (piece) => { text += piece; });
      response.on('end', () => { try { resolve(JSON.parse(text)); } catch { reject(new Error(`${response.statusCode} ${text}`)); } });
    }).on('error', reject);
  });
}

async function eventually(look) {
  for (;;) {
    const value = await look();
    if (value) {
      return value;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// Raw bytes after a 101 that is not WebSocket.
async function upgrade(path) {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: drill\r\n\r\n`);
  let text = '';
  let answer = '';
  const ended = once(socket, 'end');
  const switched = new Promise((resolve, reject) => {
    socket.on('data', (piece) => {
      if (text.includes('\r\n\r\n')) {
        answer += piece;
        return;
      }
      text += piece;
      const at = text.indexOf('\r\n\r\n');
      if (at >= 0) {
        answer = text.slice(at + 4);
        text = text.slice(0, at + 4);
        if (text.startsWith('HTTP/1.1 101 ')) { resolve(); } else { reject(new Error(text.split('\r\n')[0])); }
      }
    });
    socket.on('close', () => reject(new Error('cut before the 101')));
  });
  await switched;
  return { socket, ended, answer: () => answer };
}

async function main() {
  await check('text', async () => {
    const socket = await open('/echo');
    for (const text of ['hello', '', 'Grüße, 世界, 🚇', 'x'.repeat(125), 'x'.repeat(126), 'x'.repeat(65535), 'x'.repeat(65536)]) {
      await echo(socket, text);
    }
    socket.close();
    await closed(socket);
  });

  await check('binary, 0 bytes to 1 MiB', async () => {
    const socket = await open('/echo');
    for (const size of [0, 1, 125, 126, 16384, 65535, 65536, 1 << 20]) {
      await echo(socket, crypto.randomBytes(size));
    }
    socket.close();
    await closed(socket);
  });

  await check('compressed messages (permessage-deflate)', async () => {
    const socket = await open('/echo', { perMessageDeflate: true });
    assert.match(socket.extensions, /permessage-deflate/, 'the extension was not agreed on');
    await echo(socket, 'abc '.repeat(100000));
    socket.close();
    await closed(socket);
  });

  const count = isShort ? 16 : 200;
  await check(`${count} messages of 1 MiB in flight in both directions`, async () => {
    const socket = await open('/echo');
    const sent = Array.from({ length: count }, () => crypto.randomBytes(1 << 20));
    let at = 0;
    const started = process.hrtime.bigint();
    const done = new Promise((resolve, reject) => socket.on('message', (data) => {
      if (!sent[at].equals(data)) { reject(new Error(`message ${at} differs`)); }
      if (++at === count) { resolve(); }
    }));
    for (const message of sent) { socket.send(message); }
    await done;
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    socket.close();
    await closed(socket);
    return `${Math.round(2 * count * 1.048576 / seconds)} MB/s both ways together`;
  });

  await check('ping is answered by pong with the same bytes', async () => {
    const socket = await open('/echo');
    const times = [];
    for (let n = 0; n < (isShort ? 50 : 500); n++) {
      const bytes = crypto.randomBytes(n % 126);
      const started = process.hrtime.bigint();
      const pong = once(socket, 'pong');
      socket.ping(bytes);
      assert.ok((await pong)[0].equals(bytes), 'another pong');
      times.push(Number(process.hrtime.bigint() - started) / 1e6);
    }
    socket.close();
    await closed(socket);
    times.sort((a, b) => a - b);
    return `p50 ${times[times.length >> 1].toFixed(2)} ms, max ${times[times.length - 1].toFixed(2)} ms`;
  });

  for (const code of [1000, 1001, 1011, 3000, 4999]) {
    await check(`the origin closes with ${code}`, async () => {
      const end = await closed(connect(`/close?code=${code}`));
      assert.deepStrictEqual(end, { code, reason: 'the origin says goodbye' });
    });
    await check(`the visitor closes with ${code}`, async () => {
      const socket = await open(`/close?name=v${code}`);
      socket.close(code, 'the visitor says goodbye');
      assert.strictEqual((await closed(socket)).code, code);
      assert.deepStrictEqual(await eventually(() => noted(`v${code}`)), { code, reason: 'the visitor says goodbye' });
    });
  }

  await check('the origin drops the connection: 1006 at the visitor', async () => {
    assert.strictEqual((await closed(connect('/close?code=terminate'))).code, 1006);
  });

  await check('the visitor drops the connection: 1006 at the origin', async () => {
    const socket = await open('/close?name=dropped');
    socket.terminate();
    assert.strictEqual((await eventually(() => noted('dropped'))).code, 1006);
  });

  const rounds = isShort ? 4 : 40;
  await check(`50 at once, ${rounds} messages each, every one its own`, async () => {
    await Promise.all(Array.from({ length: 50 }, async (_, number) => {
      const socket = await open('/echo');
      for (let round = 0; round < rounds; round++) {
        await echo(socket, `${number}/${round} `.padEnd(1 + ((number * 7919 + round * 104729) % 40000), String(number % 10)));
      }
      socket.close();
      await closed(socket);
    }));
  });

  await check('50 opened and dropped', async () => {
    await Promise.all(Array.from({ length: 50 }, async () => (await open('/echo')).terminate()));
  });

  await check('half-close: the visitor ends first and still gets the answer', async () => {
    const { socket, ended, answer } = await upgrade('/visitor-ends-first');
    const bytes = crypto.randomBytes(3 << 20);
    socket.end(bytes);
    await ended;
    assert.strictEqual(answer(), `${bytes.length} ${crypto.createHash('sha256').update(bytes).digest('hex')}`);
  });

  await check('half-close: the origin ends first and still gets what comes', async () => {
    const { socket, ended, answer } = await upgrade('/origin-ends-first?name=half');
    await ended;
    assert.strictEqual(answer(), 'the origin has spoken');
    const bytes = crypto.randomBytes(3 << 20);
    await new Promise((resolve) => setTimeout(resolve, 200));
    socket.end(bytes);
    assert.deepStrictEqual(await eventually(() => noted('half')), {
      size: bytes.length, hash: crypto.createHash('sha256').update(bytes).digest('hex'),
    });
  });

  await check('a plain request is still answered', async () => {
    assert.strictEqual(await noted('nobody'), null);
  });
}

main().then(() => process.exit(failures ? 1 : 0), (error) => { console.error(error); process.exit(1); });
