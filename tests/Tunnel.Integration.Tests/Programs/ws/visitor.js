// Sends texts and blobs of many sizes through the URL given, each one answered before the next, then closes cleanly.
const WebSocket = require('ws');
const [address, name] = process.argv.slice(2);
const socket = new WebSocket(address, { headers: { Host: name } });
const sizes = [0, 1, 125, 126, 65535, 65536, 1000000, 5];
const sent = sizes.map((size, i) => (i % 2 ? Buffer.alloc(size, i) : 'é'.repeat(size / 2)));
let next = 0;
const fail = reason => { console.log('failed: ' + reason); process.exit(1); };
const send = () => (next < sent.length ? socket.send(sent[next]) : socket.ping());
socket.on('open', send);
socket.on('message', (data, isBinary) => {
  const wanted = sent[next++];
  if (isBinary !== Buffer.isBuffer(wanted) || !data.equals(Buffer.from(wanted))) fail('message ' + (next - 1));
  send();
});
socket.on('pong', () => socket.close(1000, 'done'));
socket.on('close', (code, reason) => (next === sent.length && code === 1000 ? console.log('echoed ' + next) : fail('close ' + code)));
socket.on('error', error => fail(error.message));
