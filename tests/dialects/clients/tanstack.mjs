// Asks a question with the npm package @tanstack/ai-client, which resumes by itself.
//
// Arguments: the URL, and the thread, if it has a name.  Prints {"began": true} at the first text, and the state of the chat
// in the end.

import { ChatClient, fetchServerSentEvents } from "@tanstack/ai-client";

const [url, threadId] = process.argv.slice(2);
const say = (value) => console.log(JSON.stringify(value));
let began = false;

function textOf(message) {
  return message.parts
    .filter((part) => part.type === "text")
    .map((part) => part.content)
    .join("");
}

const answers = (messages) => messages.filter((message) => message.role === "assistant");

const chat = new ChatClient({
  threadId,
  connection: fetchServerSentEvents(url),
  onMessagesChange: (messages) => {
    if (!began && answers(messages).some(textOf)) {
      began = true;
      say({ began: true });
    }
  },
});
await chat.sendMessage("What?");
say({
  status: chat.getStatus(),
  text: answers(chat.getMessages()).map(textOf),
  error: chat.getError()?.message ?? null,
});
