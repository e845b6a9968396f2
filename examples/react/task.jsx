// The progress of a task, whose stream is closed when it is over: see README.md.

import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { useEvents } from "twisted-sse/react";

// A connection for each tab: the stream is made for its reader.
const options = { mode: "fetch" };

function Task() {
  const [steps, setSteps] = useState([]);
  const [result, setResult] = useState(null);
  // Without a URL there is no stream, so the hook closes it and does not come back.
  useEvents(
    result === null ? "/steps" : null,
    {
      message: (event) => setSteps((before) => [...before, event.data]),
      end_event: (event) => setResult(event.data),
    },
    options,
  );
  return (
    <>
      <h1>{result ?? "The task is running …"}</h1>
      <ol>
        {steps.map((step) => <li key={step}>{step}</li>)}
      </ol>
    </>
  );
}

createRoot(document.querySelector("main")).render(<StrictMode><Task /></StrictMode>);
