// Reads documents with the parser of the AsyncAPI initiative, and says what it has against them and what it understands.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const parser = new Parser();
const told = {};
for (const file of process.argv.slice(2)) {
  const { document, diagnostics } = await parser.parse(readFileSync(file, "utf8"));
  told[file] = {
    errors: diagnostics.filter((one) => one.severity === 0).map((one) => `${one.path.join(".")}: ${one.message}`),
    operations: (document?.operations().all() ?? []).map((operation) => ({
      id: operation.id(),
      action: operation.action(),
      addresses: operation.channels().all().map((channel) => channel.address()),
      fields: operation.messages().all().map((message) => Object.keys(message.payload().json().properties).sort()),
      headers: operation.messages().all().map((message) => Object.keys(message.headers().json().properties).sort()),
    })),
  };
}
console.log(JSON.stringify(told));
