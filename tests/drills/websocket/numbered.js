'use strict';
// usage: numbered.js PORT HOST. Sends numbered messages to /echo every few milliseconds and expects each one back, in
// order. Prints "begun" with the first that came back; on SIGUSR2 it sends no more, waits for what is under way and
// prints "done SENT sent BACK back WRONG wrong".

const WebSocket = require('ws');

const [port, host] = [Number(process.argv[2]), process.argv[3]];
const socket = new WebSocket(`ws://127.0.0.1:${port}/echo`, { headers: { Host: host }, perMessageDeflate: false });
let sent = 0;
let back = 0;
let wrong = 0;
let isEnding = false;

function end() {
  console.log(`done ${sent} sent ${back} back ${wrong} wrong`);
  process.exit(0);
}

socket.on('error', (error) => console.log(`error ${error.message}`));
socket.on('close', (code) => { console.log(`closed ${code}`); end(); });
socket.on('open', () => setInterval(() => {
  if (!isEnding) {
    socket.send(`${sent++} ${'x'.repeat(sent % 3000)}`);
  }
}, 5));
socket.on('message', (data) => {
  if (back === 0) {
    console.log('begun');
  }
  const text = data.toString();
  wrong += text !== `${back} ${'x'.repeat((back + 1) % 3000)}`;
  back++;
  if (isEnding && back === sent) {
    end();
  }
});
process.on('SIGUSR2', () => {
  isEnding = true;
  if (back === sent) {
    end();
  }
});
