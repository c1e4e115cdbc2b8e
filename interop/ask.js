// What run.py does, for packages of JavaScript: asks a runtime, in Node or in a browser, about every model.

function tensor(ort, v) {
  const data = v.data ?? [];
  switch (v.dtype) {
    case 'int64':
      return new ort.Tensor('int64', BigInt64Array.from(data, BigInt), v.shape);
    case 'float32':
      return new ort.Tensor('float32', Float32Array.from(data, (x) => x ?? NaN), v.shape);
    case 'float64':
      return new ort.Tensor('float64', Float64Array.from(data, (x) => x ?? NaN), v.shape);
    default:
      return new ort.Tensor(v.dtype, data, v.shape);
  }
}

function encode([name, t]) {
  const data = Array.from(t.data, (x) => (typeof x === 'bigint' ? Number(x) : x));
  return { name, dtype: t.type, shape: t.dims, data };
}

const short = (e) => String(e?.message ?? e).split(/\s+/).join(' ').slice(0, 600);

async function run(ort, provider, content, calls) {
  let session;
  try {
    session = await ort.InferenceSession.create(content, { executionProviders: [provider] });
  } catch (e) {
    return { error: short(e) };
  }
  const all = [];
  for (const c of calls) {
    try {
      const outputs = await session.run(Object.fromEntries(c.inputs.map((v) => [v.name, tensor(ort, v)])));
      all.push({ outputs: Object.entries(outputs).map(encode) });
    } catch (e) {
      all.push({ error: short(e) });
    }
  }
  await session.release();
  return { calls: all };
}

// read gives the bytes of a file that a model names.
async function ask(ort, provider, models, read) {
  const found = [];
  for (const m of models) {
    const whole = await run(ort, provider, await read(m.file), m.calls);
    found.push({ model: m.name, file: m.file, ...whole });
    if (whole.error || whole.calls.some((c) => c.error)) {
      for (const [task, t] of Object.entries(m.tasks)) {
        found.push({ model: m.name, file: t.file, task, ...(await run(ort, provider, await read(t.file), m.calls)) });
      }
    }
  }
  return found;
}

if (typeof module !== 'undefined') {
  module.exports = { ask };
}
