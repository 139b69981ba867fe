// An upload form whose answer is the SHA-256 and the size of the file in it. Prints "listening PORT".
'use strict';
const crypto = require('crypto');
const http = require('http');

const form = `<!doctype html><meta charset="utf-8"><title>upload</title><h1>upload</h1>
<form method="post" enctype="multipart/form-data"><input type="file" name="file"><button>send</button></form>`;

// One part, as a form with one field sends it: its head, the file, and a closing line of known length.
function hashFile(request, done) {
  const boundary = /boundary=(.*)$/.exec(request.headers['content-type'] || '')[1];
  const closing = Buffer.byteLength(`\r\n--${boundary}--\r\n`);
  const hash = crypto.createHash('sha256');
  let size = 0, isInFile = false, held = Buffer.alloc(0);
  request.on('data', piece => {
    held = held.length ? Buffer.concat([held, piece]) : piece;
    if (!isInFile) {
      const end = held.indexOf('\r\n\r\n');
      if (end < 0) return;
      isInFile = true;
      held = held.subarray(end + 4);
    }
    if (held.length > closing) {
      hash.update(held.subarray(0, held.length - closing));
      size += held.length - closing;
      held = held.subarray(held.length - closing);
    }
  });
  request.on('end', () => done(hash.digest('hex'), size));
}

const server = http.createServer((request, response) => {
  response.setHeader('Content-Type', 'text/html');
  if (request.method !== 'POST') return response.end(form);
  hashFile(request, (digest, size) => response.end(`<!doctype html><title>received</title><p id="got">${digest} ${size}</p>`));
});
server.requestTimeout = 0;
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
