// Asks onnxruntime-web about every model in a browser without a window, Chromium from a package of Node: node browser.js
// MATRIX ANSWERS. Packages are found through NODE_PATH. A page loads the script as it would from any server.
const fs = require('fs');
const http = require('http');
const path = require('path');

// Where its own libraries are unpacked, too: a machine need not have those of a desktop.
process.env.AWS_LAMBDA_JS_RUNTIME = 'nodejs20.x';

const types = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };
const page = '<!doctype html><script src="/ort/ort.wasm.min.js"></script><script src="/ask.js"></script>';

// serve answers with the page, the package's files, and those of the models.
function serve(folder, dist) {
  const server = http.createServer((request, response) => {
    const name = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    let content = page;
    if (name !== '/') {
      const [, root, ...rest] = name.split('/');
      const file = root === 'ort' ? path.join(dist, ...rest) : root === 'models' ? path.join(folder, ...rest) : path.join(__dirname, 'ask.js');
      if (!fs.existsSync(file)) {
        response.writeHead(404).end();
        return;
      }
      content = fs.readFileSync(file);
    }
    response.writeHead(200, { 'Content-Type': types[path.extname(name) || '.html'] ?? 'application/octet-stream' }).end(content);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

async function main([matrix, answers]) {
  const { default: chromium } = await import(require.resolve('@sparticuz/chromium'));
  const { default: puppeteer } = await import(require.resolve('puppeteer-core'));
  const dist = path.dirname(require.resolve('onnxruntime-web'));
  const server = await serve(path.dirname(matrix), dist);
  const browser = await puppeteer.launch({ executablePath: await chromium.executablePath(), args: chromium.args, headless: 'shell' });
  try {
    const tab = await browser.newPage();
    await tab.goto(`http://127.0.0.1:${server.address().port}/`);
    const found = await tab.evaluate(async () => {
      const get = async (name) => fetch(`/models/${name}`).then((r) => r.arrayBuffer());
      const { models } = JSON.parse(new TextDecoder().decode(await get('matrix.json')));
      ort.env.logLevel = 'error';
      return JSON.stringify(await ask(ort, 'wasm', models, async (name) => new Uint8Array(await get(name))));
    });
    const { version } = JSON.parse(fs.readFileSync(path.join(dist, '..', 'package.json'), 'utf8'));
    const name = (await browser.version()).replace('HeadlessChrome/', 'Chromium ');
    fs.writeFileSync(answers, JSON.stringify({ version: `${version}, ${name}`, answers: JSON.parse(found) }));
  } finally {
    await browser.close();
    server.close();
  }
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (e) => {
    console.error(e);
    process.exit(1);
  },
);
