import type { SharedEventSourceOptions } from "./twisted-sse.js";

/** Called with the events of one type. */
export type Handlers = Record<string, (event: MessageEvent<string>) => unknown>;

/**
 * Follows `url` while the component is mounted, and hands each event to `handlers[type]`.
 *
 * The handlers may change with every rendering; their types, and the options, are those of the
 * rendering in which the URL was given.  Without a URL there is no stream: give `null` to close it,
 * for example at an event that says that nothing follows.
 */
export function useEvents(
  url: string | null | undefined | false,
  handlers: Handlers,
  options?: SharedEventSourceOptions,
): { readonly readyState: 0 | 1 | 2; readonly stale: boolean };
