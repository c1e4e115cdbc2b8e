// What run.py does, in Node: node run.js PACKAGE MATRIX ANSWERS, where PACKAGE is onnxruntime-node or onnxruntime-web. It is
// found through NODE_PATH.
const fs = require('fs');
const path = require('path');

const [name, matrix, answers] = process.argv.slice(2);
const ort = require(name);
ort.env.logLevel = 'error';

function tensor(v) {
  const data = v.data ?? [];
  switch (v.dtype) {
    case 'int64':
      return new ort.Tensor('int64', BigInt64Array.from(data, BigInt), v.shape);
    case 'float32':
      return new ort.Tensor('float32', Float32Array.from(data, (x) => x ?? NaN), v.shape);
    default:
      return new ort.Tensor(v.dtype, data, v.shape);
  }
}

function encode([name, t]) {
  const data = Array.from(t.data, (x) => (typeof x === 'bigint' ? Number(x) : x));
  return { name, dtype: t.type, shape: t.dims, data };
}

const short = (e) => String(e?.message ?? e).split(/\s+/).join(' ').slice(0, 600);

async function run(file, calls) {
  let session;
  try {
    session = await ort.InferenceSession.create(fs.readFileSync(file), { executionProviders: [name === 'onnxruntime-web' ? 'wasm' : 'cpu'] });
  } catch (e) {
    return { error: short(e) };
  }
  const all = [];
  for (const c of calls) {
    try {
      const outputs = await session.run(Object.fromEntries(c.inputs.map((v) => [v.name, tensor(v)])));
      all.push({ outputs: Object.entries(outputs).map(encode) });
    } catch (e) {
      all.push({ error: short(e) });
    }
  }
  await session.release();
  return { calls: all };
}

async function main() {
  const folder = path.dirname(matrix);
  const found = [];
  for (const m of JSON.parse(fs.readFileSync(matrix, 'utf8')).models) {
    const whole = await run(path.join(folder, m.file), m.calls);
    found.push({ model: m.name, file: m.file, ...whole });
    if (whole.error || whole.calls.some((c) => c.error)) {
      for (const [task, t] of Object.entries(m.tasks)) {
        found.push({ model: m.name, file: t.file, task, ...(await run(path.join(folder, t.file), m.calls)) });
      }
    }
  }
  const version = JSON.parse(fs.readFileSync(path.join(path.dirname(require.resolve(name)), '..', 'package.json'), 'utf8')).version;
  fs.writeFileSync(answers, JSON.stringify({ version, answers: found }));
}

main().then(
  () => process.exit(0),
  (e) => {
    console.error(e);
    process.exit(1);
  },
);
