// The JavaScript implementations of tokenizers and templates behind JSON lines, for compare.py.
//   node javascript.mjs NODE_MODULES tokenizer FILE    {"text"} gives {"ids"}
//   node javascript.mjs NODE_MODULES template          [source, variables] gives the text, or {"error"}
import fs from "node:fs";
import { createRequire } from "node:module";

const [folder, what, file] = process.argv.slice(2);
const require = createRequire(folder + "/x.js");
let answer;
if (what === "template") {
  const { Template } = require("@huggingface/jinja");
  answer = ([source, variables]) => new Template(source).render(variables);
} else {
  const { Tokenizer } = require("@huggingface/tokenizers");
  const tokenizer = new Tokenizer(JSON.parse(fs.readFileSync(file, "utf8")), {});
  answer = ({ text }) => ({ ids: Array.from(tokenizer.encode(text, { add_special_tokens: false }).ids) });
}
const out = [];
for (const line of fs.readFileSync(0, "utf8").split("\n")) {
  if (!line) continue;
  let result;
  try {
    result = answer(JSON.parse(line));
  } catch (e) {
    result = { error: String(e.message) };
  }
  out.push(JSON.stringify(result));
}
fs.writeSync(1, ""); // keep standard output in blocking mode
process.stdout.write(out.join("\n") + "\n");
