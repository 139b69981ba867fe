// A socket.io chat: whatever one says, everybody hears. Prints "listening PORT".
'use strict';
const http = require('http');
const { Server } = require('socket.io');

const page = `<!doctype html><meta charset="utf-8"><title>chat</title><h1>chat</h1><ul id="heard"></ul>
<script src="/socket.io/socket.io.js"></script>
<script>
const wanted = new URLSearchParams(location.search).get('transport');
const socket = io({ transports: wanted ? [wanted] : ['polling', 'websocket'] });
socket.on('said', text => { heard.insertAdjacentHTML('beforeend', '<li></li>'); heard.lastChild.textContent = text; });
socket.on('connect', () => { document.title = 'connected'; });
window.say = text => socket.emit('say', text);
window.transport = () => socket.io.engine.transport.name;
</script>`;

const server = http.createServer((request, response) => {
  response.setHeader('Content-Type', 'text/html');
  response.end(page);
});
const io = new Server(server);
io.on('connection', socket => socket.on('say', text => io.emit('said', text)));
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
