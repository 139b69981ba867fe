'use strict';
// The origin: an echoing WebSocket server on /echo, one that speaks first and closes on /close, and two plain
// protocols behind an upgrade on which one side ends before the other. Prints "listening PORT".

const crypto = require('node:crypto');
const http = require('node:http');
const { WebSocketServer } = require('ws');

const sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 * 1024, perMessageDeflate: true });
const closings = new Map();

const server = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://origin');
  if (url.pathname === '/closing') {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(closings.get(url.searchParams.get('name')) ?? null));
    return;
  }
  response.end('plain\n');
});

sockets.on('connection', (socket, request) => {
  socket.on('error', () => {});
  const url = new URL(request.url, 'http://origin');
  if (url.pathname === '/close') {
    // Closes with the code asked for; without one, notes how the visitor closes, under the name it chose.
    const code = url.searchParams.get('code');
    if (code === 'terminate') {
      socket.terminate();
    } else if (code) {
      socket.close(Number(code), 'the origin says goodbye');
    } else {
      socket.on('close', (got, reason) => closings.set(url.searchParams.get('name'), { code: got, reason: reason.toString() }));
    }
    return;
  }
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});

server.on('upgrade', (request, socket, head) => {
  if (request.headers.upgrade.toLowerCase() === 'websocket') {
    sockets.handleUpgrade(request, socket, head, (client) => sockets.emit('connection', client, request));
    return;
  }
  socket.on('error', () => {});
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ' + request.headers.upgrade + '\r\n\r\n');
  if (head.length > 0) {
    socket.unshift(head);
  }
  const hash = crypto.createHash('sha256');
  let size = 0;
  socket.on('data', (piece) => { hash.update(piece); size += piece.length; });
  if (request.url === '/visitor-ends-first') {
    // Says what it got only after the visitor's half has ended.
    socket.on('end', () => socket.end(`${size} ${hash.digest('hex')}`));
  } else {
    // Ends its own half at once, and still takes what comes.
    socket.end('the origin has spoken');
    socket.on('end', () => closings.set(new URL(request.url, 'http://origin').searchParams.get('name'),
      { size, hash: hash.digest('hex') }));
  }
});

server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
