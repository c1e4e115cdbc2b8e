// Asks a package of Node about every model: node run.js PACKAGE MATRIX ANSWERS, where PACKAGE is onnxruntime-node or
// onnxruntime-web. It is found through NODE_PATH.
const fs = require('fs');
const path = require('path');
const { ask } = require('./ask.js');

async function main([name, matrix, answers]) {
  const ort = require(name);
  ort.env.logLevel = 'error';
  const { models } = JSON.parse(fs.readFileSync(matrix, 'utf8'));
  const read = (file) => fs.readFileSync(path.join(path.dirname(matrix), file));
  const found = await ask(ort, name === 'onnxruntime-web' ? 'wasm' : 'cpu', models, read);
  const { version } = JSON.parse(fs.readFileSync(path.join(path.dirname(require.resolve(name)), '..', 'package.json'), 'utf8'));
  fs.writeFileSync(answers, JSON.stringify({ version, answers: found }));
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (e) => {
    console.error(e);
    process.exit(1);
  },
);
