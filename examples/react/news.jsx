// A list of news that grows: see README.md for how to run it.

import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { useEvents } from "twisted-sse/react";

// The event IDs of the news that are shown begin here, so that a reload shows them again.
const options = { lastEventId: "earliest" };

function News() {
  const [items, setItems] = useState([]);
  const { stale } = useEvents(
    "/events?topic=news",
    {
      message: (event) => setItems((before) => [...before, event]),
      // Everything that is kept follows.
      "stream-reset": () => setItems([]),
    },
    options,
  );
  return (
    <>
      <h1>News{stale && " (connecting …)"}</h1>
      <ul>
        {items.map((item) => <li key={item.lastEventId}>{item.data}</li>)}
      </ul>
    </>
  );
}

createRoot(document.querySelector("main")).render(<StrictMode><News /></StrictMode>);
