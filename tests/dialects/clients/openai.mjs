// Asks a question with the npm package openai; after an error, continues after the last event.
//
// Arguments: the base URL, how often to continue at most.  Prints {"began": true} at the
// first text, and what was read after each response.

import OpenAI from "openai";

const [baseURL, attempts] = process.argv.slice(2);
const say = (value) => console.log(JSON.stringify(value));

const client = new OpenAI({ apiKey: "none", baseURL, maxRetries: 0 });
let id = null;
let text = "";
let numbers = [];
let last = null;

async function read(opening) {
  try {
    for await (const event of await opening) {
      numbers.push(event.sequence_number);
      last = event.type;
      if (event.type === "response.created") id = event.response.id;
      if (event.type !== "response.output_text.delta") continue;
      if (!text) say({ began: true });
      text += event.delta;
    }
    return null;
  } catch (error) {
    return error.message;
  }
}

function tell(error) {
  const inOrder = numbers.every((number, index) => number === index);
  say({ text, last, inOrder, error });
}

let error = await read(client.responses.create({ model: "m", input: "What?", stream: true }));
tell(error);
for (let count = 0; count < Number(attempts) && error !== null; count += 1) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  error = await read(
    client.responses.retrieve(id, { stream: true, starting_after: numbers.at(-1) }),
  );
}
if (attempts !== "0") tell(error);
