// Asks a question with the npm package ai, as its useChat() does; after an error, resumes.
//
// Arguments: the URL, how often to resume at most, and "stop" to stop the answer when it has
// begun.  Prints {"began": true} at the first text, and the state of the chat after each
// response.  After those of errors, it resumes once more.

import { AbstractChat, DefaultChatTransport } from "ai";

const [url, attempts, stop] = process.argv.slice(2);
const say = (value) => console.log(JSON.stringify(value));

// What a page shows, without a page.
class State {
  status = "ready";
  error;
  messages = [];

  pushMessage = (message) => {
    this.messages = [...this.messages, message];
  };

  popMessage = () => {
    this.messages = this.messages.slice(0, -1);
  };

  replaceMessage = (index, message) => {
    this.messages = this.messages.with(index, message);
    if (!this.began && textOf(message)) {
      this.began = true;
      say({ began: true });
      if (stop) fetch(`${url}/chat-1/stop`, { method: "POST" });
    }
  };

  snapshot = (value) => structuredClone(value);
}

class Chat extends AbstractChat {
  constructor(options) {
    super({ ...options, state: new State() });
  }
}

function textOf(message) {
  return message.parts
    .filter((part) => part.type === "text")
    .map((part) => part.text)
    .join("");
}

function tell() {
  const answers = chat.messages.filter((message) => message.role === "assistant");
  say({ status: chat.status, text: answers.map(textOf), error: chat.error?.message ?? null });
}

const chat = new Chat({ id: "chat-1", transport: new DefaultChatTransport({ api: url }) });
await chat.sendMessage({ text: "What?" });
tell();
for (let count = 0; count < Number(attempts) && chat.status === "error"; count += 1) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  await chat.resumeStream();
}
if (attempts !== "0") {
  tell();
  // A page that is loaded resumes, whatever it has.
  await chat.resumeStream();
  tell();
}
