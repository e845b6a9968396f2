// Shows a thread with the npm package @tanstack/ai-client, as a page does that was reloaded: it asks
// the server which run goes on, and joins it.
//
// Arguments: the URL, and the thread.  Prints {"began": true} at the first text, and the state of
// the chat in the end.

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
  persistence: true,
  connection: fetchServerSentEvents(url),
  onMessagesChange: (messages) => {
    if (!began && answers(messages).some(textOf)) {
      began = true;
      say({ began: true });
    }
  },
});
chat.attach();
// It gives up after two seconds, which a busy machine may need.
while (!began || chat.getStatus() !== "ready") {
  await new Promise((resolve) => setTimeout(resolve, 100));
  if (!began && chat.getStatus() === "ready") {
    chat.detach();
    chat.attach();
    await new Promise((resolve) => setTimeout(resolve, 2500));
  }
}
say({
  status: chat.getStatus(),
  text: answers(chat.getMessages()).map(textOf),
  error: chat.getError()?.message ?? null,
});
chat.dispose();
