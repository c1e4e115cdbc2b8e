// Runs a file that reads text: node run.js MODEL, with batches of texts as JSON on standard input. Writes the outputs of
// each batch, by name, as JSON. onnxruntime-node is found through NODE_PATH.
const fs = require('fs');
const ort = require('onnxruntime-node');

async function main() {
  const session = await ort.InferenceSession.create(process.argv[2]);
  const answers = [];
  for (const texts of JSON.parse(fs.readFileSync(0, 'utf8'))) {
    const outputs = await session.run({ text: new ort.Tensor('string', texts, [texts.length]) });
    const answer = {};
    for (const [name, t] of Object.entries(outputs)) {
      answer[name] = { shape: t.dims, data: Array.from(t.data, (x) => (typeof x === 'bigint' ? Number(x) : x)) };
    }
    answers.push(answer);
  }
  process.stdout.write(JSON.stringify(answers));
}

main().catch((e) => {
  console.error(e);
  process.exit(1);
});
