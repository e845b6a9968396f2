import { useEffect, useRef, useState } from "react";
import { SharedEventSource } from "./twisted-sse.js";

const BEFORE = { readyState: SharedEventSource.CONNECTING, stale: true };
const NONE = { readyState: SharedEventSource.CLOSED, stale: false };

// Follows url while the component is mounted, and hands each event to handlers[type].
export function useEvents(url, handlers, options) {
  const latest = useRef(handlers);
  const [state, setState] = useState(BEFORE);
  useEffect(() => { latest.current = handlers; });
  useEffect(() => {
    if (!url) return;
    const source = new SharedEventSource(url, options);
    for (const type in latest.current) {
      source.addEventListener(type, (event) => latest.current[type]?.(event));
    }
    source.addEventListener("statechange", () => {
      const { readyState, stale } = source;
      setState({ readyState, stale });
    });
    return () => {
      source.close();
      setState(BEFORE);
    };
  }, [url]);
  return url ? state : NONE;
}
